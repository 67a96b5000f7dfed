// SPDX-License-Identifier: Apache-2.0
// Our parser held against jansson's: they take the same texts, and read the same values in the same order.
#ifndef VOX_TESTS_UNIT_JSON_PEER_H
#define VOX_TESTS_UNIT_JSON_PEER_H

#include "lib/base/buf.h"

struct json_parser;

// Aborts where the two disagree. True if both took the text.
bool json_peer_check(struct json_parser *parser, struct str text);

// jansson's side (json_peer_jansson.c). Where an integer is beyond int64 it reads all of them as reals, and
// `*ret_reals` is true. Writes the values to `out` as json_peer.c does.
bool json_peer_jansson(struct str text, bool *ret_reals, struct buf *out);

#endif
