// SPDX-License-Identifier: Apache-2.0
// Between enqueue and the limits.
#ifndef VOX_SPOOL_ROOM_H
#define VOX_SPOOL_ROOM_H

#include "lib/spool/spool.h"

enum spool_room { SPOOL_ROOM, SPOOL_NO_ROOM, SPOOL_ROOM_FAILED };
// Before an event of `bytes` is written. `*ret_turn` is a lock to close after, or -1. pending/ is open.
enum spool_room spool_room_take(struct spool *spool, uint64_t bytes, int64_t wall_us, int *ret_turn,
                                struct err *err);

#endif
