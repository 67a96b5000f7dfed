// SPDX-License-Identifier: Apache-2.0
// Decoding of escapes, and the parameters of a query.
#include "server/http/target.h"

bool target_decode(struct str text, bool plus_is_blank, char *ret_bytes, size_t *ret_len)
{
    size_t len = 0;
    for (size_t i = 0; i < text.len; len++) {
        char c = text.ptr[i++];
        if (c == '%') {
            int high = text.len - i < 2 ? -1 : char_hex(text.ptr[i]);
            int low = high < 0 ? -1 : char_hex(text.ptr[i + 1]);
            if (low < 0 || high + low == 0)
                return false;
            c = (char)(high * 16 + low);
            i += 2;
        } else if (c == '+' && plus_is_blank) {
            c = ' ';
        }
        ret_bytes[len] = c;
    }
    *ret_len = len;
    return true;
}

// Writes the decoded text and a NUL to `*at`, and moves behind it.
static bool put_decoded(struct str text, char **at, struct str *ret_text)
{
    size_t len;
    if (!target_decode(text, true, *at, &len))
        return false;
    (*at)[len] = '\0';
    *ret_text = str_slice(*at, len);
    *at += len + 1;
    return true;
}

enum target_result target_query(struct str query, struct arena *arena,
                                bool (*each)(void *context, struct str name, struct str value), void *context)
{
    if (query.len == 0)
        return TARGET_WHOLE;
    // A NUL stands for each "=" and "&", and one for the end. A value that is not there is static.
    char *at = arena_alloc(arena, query.len + 1);
    if (!at)
        return TARGET_NO_MEMORY;
    while (query.len > 0) {
        struct str value = str_cut(&query, '&');
        struct str name = str_cut(&value, '=');
        bool has_value = value.ptr != NULL;
        if (!put_decoded(name, &at, &name) || (has_value && !put_decoded(value, &at, &value)))
            return TARGET_STOPPED;
        if (!each(context, name, has_value ? value : STR("")))
            return TARGET_STOPPED;
    }
    return TARGET_WHOLE;
}
