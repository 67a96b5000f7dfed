// SPDX-License-Identifier: Apache-2.0
// Where to cut a batch that PostgreSQL refused, so that one client's bad row costs the others least.
#ifndef VOX_WRITER_ISOLATE_H
#define VOX_WRITER_ISOLATE_H

#include "server/core/event.h"

// Orders events[0..count) by token and returns the cut, 1..count-1: the boundary between two tokens that is
// nearest to the middle, or the middle where all are one token's. count must be at least 2.
size_t isolate_cut(struct event **events, size_t count);

#endif
