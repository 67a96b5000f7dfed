// SPDX-License-Identifier: Apache-2.0
// Hexadecimal text of public bytes: ids and hashes. It takes another time for other digits; secrets are
// libsodium's to convert.
#ifndef VOX_BASE_HEX_H
#define VOX_BASE_HEX_H

#include "lib/base/base.h"

// `len` bytes from twice as many digits of either case. False if one of them is none.
MUST_CHECK bool hex_read(const char *text, size_t len, uint8_t *ret_bytes);
// Two lower-case digits for each byte, no NUL; answers where the text ends.
char *hex_write(const uint8_t *bytes, size_t len, char *ret_text);

#endif
