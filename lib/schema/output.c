// SPDX-License-Identifier: Apache-2.0
// The "basic" output of 2020-12.
#include "lib/base/json.h"
#include "lib/schema/schema.h"

bool jsv_output_basic(const struct jsv_error *errors, size_t count, struct buf *out)
{
    struct json_writer w;
    json_writer_init(&w, out);
    json_begin_object(&w);
    json_bool(&w, "valid", !count);
    if (count) {
        json_key(&w, "errors");
        json_begin_array(&w);
        for (size_t i = 0; i < count; i++) {
            json_begin_object(&w);
            json_str(&w, "keywordLocation", errors[i].keyword_location);
            json_str(&w, "absoluteKeywordLocation", errors[i].absolute_location);
            json_str(&w, "instanceLocation", errors[i].pointer);
            json_str(&w, "error", errors[i].message);
            json_end_object(&w);
        }
        json_end_array(&w);
    }
    json_end_object(&w);
    return buf_ok(out);
}
