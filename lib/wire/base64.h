// SPDX-License-Identifier: Apache-2.0
// Base64 (RFC 4648 section 4) in its one canonical spelling: padded, no spare bits, nothing around.
#ifndef VOX_WIRE_BASE64_H
#define VOX_WIRE_BASE64_H

#include "lib/base/str.h"

// False on anything else, on nothing at all, or if it is more than `room` bytes.
MUST_CHECK bool base64_read(struct str text, uint8_t *bytes, size_t room, size_t *ret_len);

#endif
