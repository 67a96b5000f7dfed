// SPDX-License-Identifier: Apache-2.0
// What of a token's daily quota was used, as far as this process can know.
//
// It knows what it stored itself, and now and then reads the sum of all sinks. What it stored while the sum
// was being read is in it or not: nobody can say. So the two are not added up. Of the others is held what is
// certain: a sum less all that can be of our own in it, namely all that was stored by the time that the sum
// is seen and all that is under way. The highest of the day counts. A client that sends one event after the
// other is so counted exactly, whenever the sums are read; what others stored may be known late, by as much
// as was under way here.
//
// quota_use_begin() and quota_use_end() around each event that may count. A zeroed struct. One thread at a
// time.
#ifndef VOX_GATE_QUOTA_USE_H
#define VOX_GATE_QUOTA_USE_H

#include "lib/base/clock.h"

#define QUOTA_TOLD_US (120 * USEC_PER_SEC) // by then a sum was read that has what was stored

struct quota_amount {
    int64_t events, bytes;
};

struct quota_use {
    int32_t day;                   // since 1970-01-01, the database's: of it are `seen`, `others` and `own`
    int64_t seen_at;               // when the newest sum was asked for, monotonic microseconds
    struct quota_amount seen;      // that sum
    struct quota_amount others;    // stored by other sinks, at least
    struct quota_amount own;       // stored by this one
    struct quota_amount under_way; // begun and not ended
    int64_t stored_at;             // when something was stored last, likewise
};

// A sum of what all sinks stored on `day`, asked for at `asked_at`. What was asked for earlier than another
// tells nothing. A sum that is less than the one before was set by an operator, and a day that is before the
// last one by a clock: they count as they are.
void quota_use_see(struct quota_use *use, const struct quota_amount *sum, int32_t day, int64_t asked_at);
void quota_use_begin(struct quota_use *use, uint64_t bytes);
void quota_use_end(struct quota_use *use, uint64_t bytes);
void quota_use_stored(struct quota_use *use, uint64_t bytes, int32_t day, int64_t now_us);
// On the day `today`.
struct quota_amount quota_use_of(const struct quota_use *use, int32_t today);
// Nothing is lost if this is forgotten: the next sum says it all.
bool quota_use_is_told(const struct quota_use *use, int64_t now_us);

#endif
