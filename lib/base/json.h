// SPDX-License-Identifier: Apache-2.0
// Writing JSON text into a buffer. What reads it is lib/json.
#ifndef VOX_BASE_JSON_H
#define VOX_BASE_JSON_H

#include "lib/base/buf.h"

bool json_is_utf8(struct str s); // well-formed UTF-8 (RFC 3629)

// Each call appends one token; commas and colons are the caller's, or use struct json_writer.
bool json_put_string(struct buf *buf, struct str s); // quoted; invalid UTF-8 becomes U+FFFD

// A writer that places commas. Depth at most 32.
struct json_writer {
    struct buf *buf;
    unsigned depth;
    bool first[32];
};
void json_writer_init(struct json_writer *w, struct buf *buf);
void json_begin_object(struct json_writer *w);
void json_end_object(struct json_writer *w);
void json_begin_array(struct json_writer *w);
void json_end_array(struct json_writer *w);
void json_key(struct json_writer *w, const char *key);    // ASCII without quotes; the value follows
void json_key_str(struct json_writer *w, struct str key); // any name
void json_value_str(struct json_writer *w, struct str s); // absent writes null
void json_value_i64(struct json_writer *w, int64_t v);
void json_value_u64(struct json_writer *w, uint64_t v);
void json_value_bool(struct json_writer *w, bool v);
void json_value_null(struct json_writer *w);
void json_value_raw(struct json_writer *w, struct str json); // a JSON text as it stands
// key and value at once
void json_str(struct json_writer *w, const char *key, struct str s);
void json_i64(struct json_writer *w, const char *key, int64_t v);
void json_u64(struct json_writer *w, const char *key, uint64_t v);
void json_bool(struct json_writer *w, const char *key, bool v);

#endif
