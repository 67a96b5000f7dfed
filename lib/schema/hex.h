// SPDX-License-Identifier: Apache-2.0
// Hexadecimal digits in patterns and URIs (private to lib/schema).
#ifndef VOX_SCHEMA_HEX_H
#define VOX_SCHEMA_HEX_H

#include "lib/base/str.h"

// What a digit stands for; -1 if it is none.
static inline int jsv_hex_digit(char c)
{
    if (char_is_digit(c))
        return c - '0';
    c = char_lower(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

// The number that `count` digits at `at` are, at most seven; -1 if there are not so many.
static inline int32_t jsv_hex_number(struct str text, size_t at, size_t count)
{
    int32_t value = 0;
    if (at > text.len || count > text.len - at)
        return -1;
    for (size_t i = at; i < at + count; i++) {
        int digit = jsv_hex_digit(text.ptr[i]);
        if (digit < 0)
            return -1;
        value = value << 4 | digit;
    }
    return value;
}

#endif
