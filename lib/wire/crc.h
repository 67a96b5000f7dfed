// SPDX-License-Identifier: Apache-2.0
// CRC-32 (IEEE 802.3) of short texts.
//
// The same as zlib's crc32(), which is made for long ones: of the 47 characters of a token it needs four
// times as long.
#ifndef VOX_WIRE_CRC_H
#define VOX_WIRE_CRC_H

#include "lib/base/str.h"

uint32_t crc_of(struct str bytes);

#endif
