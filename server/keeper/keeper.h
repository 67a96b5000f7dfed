// SPDX-License-Identifier: Apache-2.0
// The upkeep thread: partitions made ahead of need, the ledger's generations turned.
//
// It works at start, then every interval, and when poked (a new contract set may need farther partitions).
// Its failures are logged and tried again; ingest does not depend on it: a missing partition is made on
// demand.
#ifndef VOX_KEEPER_KEEPER_H
#define VOX_KEEPER_KEEPER_H

#include "lib/base/err.h"
#include "server/core/metrics.h"

struct keeper;

struct keeper_config {
    const char *url;
    int days_ahead;
    int64_t interval_us;
    struct metrics *metrics;
};

MUST_CHECK bool keeper_start(const struct keeper_config *config, struct keeper **ret_keeper, struct err *err);
void keeper_poke(struct keeper *keeper); // any thread
void keeper_stop(struct keeper *keeper);
// Days from today for which every row finds its partition; INT32_MIN until looked at once.
int keeper_ahead_days(struct keeper *keeper);

#endif
