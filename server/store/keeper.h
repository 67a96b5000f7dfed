// SPDX-License-Identifier: Apache-2.0
// Upkeep in the database: partitions ahead of need, and the ledger's generations.
#ifndef VOX_STORE_KEEPER_H
#define VOX_STORE_KEEPER_H

#include "server/store/db.h"

// Makes every weekly partition that a row received within the next `days_ahead` days could need, for each
// number of days of retention now in use, and the infinity partition. (What an event's own date needs,
// store_commit() makes on demand.) Locks are short and retried; no try begins after `deadline`.
// `*ret_ahead_days`: for how many days from today every row has its partition. Where one cannot be made, the
// others are all the same.
MUST_CHECK bool store_partitions_ahead(struct db *db, int days_ahead, int64_t deadline, int *ret_ahead_days,
                                       struct err *err);
// The same without making any: how far ahead they are there now, at most `days_ahead`.
MUST_CHECK bool store_partitions_look(struct db *db, int days_ahead, int64_t deadline, int *ret_ahead_days,
                                      struct err *err);
// Opens a new generation of event_keys when the current one is older than DEDUP_GENERATION_DAYS, and drops
// the one beyond DEDUP_GENERATIONS. Safe when several sinks try at once. `now_us` 0: the database's clock.
MUST_CHECK bool store_ledger_rotate(struct db *db, int64_t now_us, bool *ret_rotated, struct err *err);
// Drops what is known of quotas used LIMIT_USAGE_DAYS ago and earlier.
MUST_CHECK bool store_usage_forget(struct db *db, struct err *err);

#endif
