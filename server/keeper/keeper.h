// SPDX-License-Identifier: Apache-2.0
// The upkeep thread: partitions made ahead of need, the ledger's generations turned, expired weeks dropped.
//
// It works at start, then every interval, and when poked (a new contract set may need farther partitions).
// Each of its duties goes on by itself: what fails is tried again, logged when it begins and then every hour,
// and shown by a metric, and keeps none of the others from being done. Ingest does not depend on it: a
// missing partition is made on demand. Threads: everything here is any thread's.
#ifndef VOX_KEEPER_KEEPER_H
#define VOX_KEEPER_KEEPER_H

#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "server/core/metrics.h"

struct keeper;

struct keeper_config {
    const char *url;
    int days_ahead;
    int64_t interval_us;
    struct metrics *metrics;
    const struct clock *clock; // the wall's days; NULL: the system's
};

MUST_CHECK bool keeper_start(const struct keeper_config *config, struct keeper **ret_keeper, struct err *err);
void keeper_poke(struct keeper *keeper);
void keeper_stop(struct keeper *keeper); // ends whatever it waits for, joins, frees
// Days from today for which every row finds its partition, by the last look: fewer each day
// without one. INT32_MIN until looked at once. Sets the metric too.
int keeper_ahead_days(struct keeper *keeper);

#endif
