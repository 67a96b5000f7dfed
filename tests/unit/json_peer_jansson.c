// SPDX-License-Identifier: Apache-2.0
// jansson's side of the comparison, apart from ours because the two share names.
#include "tests/unit/json_peer.h"

#include <jansson.h>

static void put(struct buf *out, json_t *value)
{
    size_t index, len;
    const char *name;
    json_t *below;
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        buf_put_char(out, '{');
        json_object_keylen_foreach(value, name, len, below)
        {
            buf_putf(out, "%zu:", len);
            buf_put(out, name, len);
            put(out, below);
        }
        buf_put_char(out, '}');
        break;
    case JSON_ARRAY:
        buf_put_char(out, '[');
        json_array_foreach(value, index, below) put(out, below);
        buf_put_char(out, ']');
        break;
    case JSON_STRING:
        buf_putf(out, "%zu\"", json_string_length(value));
        buf_put(out, json_string_value(value), json_string_length(value));
        break;
    case JSON_INTEGER:
        buf_putf(out, "i%lld ", (long long)json_integer_value(value));
        break;
    case JSON_REAL:
        buf_putf(out, "r%.17g ", json_real_value(value));
        break;
    case JSON_TRUE:
    case JSON_FALSE:
    case JSON_NULL:
        buf_putf(out, "%c", json_is_true(value) ? 't' : json_is_false(value) ? 'f' : 'n');
        break;
    }
}

bool json_peer_jansson(struct str text, bool *ret_reals, struct buf *out)
{
    const size_t flags = JSON_REJECT_DUPLICATES | JSON_DECODE_ANY;
    json_error_t error;
    const char *ptr = text.ptr ? text.ptr : "";
    json_t *root = json_loadb(ptr, text.len, flags, &error);
    *ret_reals = !root && json_error_code(&error) == json_error_numeric_overflow;
    if (*ret_reals)
        root = json_loadb(ptr, text.len, flags | JSON_DECODE_INT_AS_REAL, &error);
    if (root)
        put(out, root);
    json_decref(root);
    return root != NULL;
}
