// SPDX-License-Identifier: Apache-2.0
// Limits on what pending/ may hold. Off unless set; nothing is ever removed unless `drop_oldest` says so.
//
// Set them after spool_open(); spool_enqueue() then looks at all of pending/ under a lock of its own, which
// costs a listing for each event. Where the event does not fit it is refused (SPOOL_PUT_FULL), or with
// `drop_oldest` the oldest entries make room: plain files of this user only, never one that git tracks, and
// each is counted in the spool's file "dropped" before it goes.
#ifndef VOX_SPOOL_LIMITS_H
#define VOX_SPOOL_LIMITS_H

#include "lib/spool/spool.h"

struct spool_limits {
    uint64_t bytes;   // of all files together; 0: no limit
    uint64_t entries; // 0: no limit
    int64_t age_us;   // of the oldest entry, by its name or else its mtime; 0: no limit
    bool drop_oldest;
};

void spool_set_limits(struct spool *spool, const struct spool_limits *limits);

// What drop_oldest has removed since the spool was made.
struct spool_dropped {
    uint64_t entries;
    uint64_t bytes;
};
MUST_CHECK bool spool_dropped(struct spool *spool, struct spool_dropped *ret_dropped, struct err *err);

#endif
