// SPDX-License-Identifier: Apache-2.0
// Hexadecimal numbers in patterns and URIs (private to lib/schema).
#ifndef VOX_SCHEMA_HEX_H
#define VOX_SCHEMA_HEX_H

#include "lib/base/str.h"

// The number that `count` digits at `at` are, at most seven; -1 if there are not so many.
static inline int32_t jsv_hex_number(struct str text, size_t at, size_t count)
{
    int32_t value = 0;
    if (at > text.len || count > text.len - at)
        return -1;
    for (size_t i = at; i < at + count; i++) {
        int digit = char_hex(text.ptr[i]);
        if (digit < 0)
            return -1;
        value = value << 4 | digit;
    }
    return value;
}

#endif
