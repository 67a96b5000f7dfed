// SPDX-License-Identifier: Apache-2.0
// The cursor of a keyset page: the place behind the last row, as opaque text.
//
// It also carries a horizon: rows received before it were all settled when the first page of this run was
// read, so whoever reaches the end goes on from there and misses no commit that came late meanwhile.
#ifndef VOX_API_CURSOR_H
#define VOX_API_CURSOR_H

#include "lib/base/uuid.h"

#define CURSOR_TEXT_LEN 64 // hex of 32 bytes

struct cursor {
    int64_t received_at; // wall microseconds
    struct uuid id;
    int64_t horizon; // wall microseconds; 0: none
};

// Both times within 1970 to 9999.
void cursor_format(const struct cursor *cursor, char ret_text[static CURSOR_TEXT_LEN + 1]);
// Takes what cursor_format() could have written and nothing else: a client's cursor is data like any other.
MUST_CHECK bool cursor_parse(struct str text, struct cursor *ret_cursor);

#endif
