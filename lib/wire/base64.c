// SPDX-License-Identifier: Apache-2.0
// libsodium's decoder behind a look at the letters: on its own it takes the bytes 0xab and 0xaf for "+" and
// "/".
#include "lib/wire/base64.h"

#include <sodium.h>

bool base64_read(struct str text, uint8_t *bytes, size_t room, size_t *ret_len)
{
    const char *end;
    if (text.len == 0)
        return false;
    for (size_t i = 0; i < text.len; i++)
        if ((unsigned char)text.ptr[i] > 0x7f)
            return false;
    return sodium_base642bin(bytes, room, text.ptr, text.len, NULL, ret_len, &end,
                             sodium_base64_VARIANT_ORIGINAL) == 0 &&
           end == text.ptr + text.len;
}
