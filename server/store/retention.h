// SPDX-License-Identifier: Apache-2.0
// The end of rows: what has expired leaves the disk, and rows stored before a policy changed follow it.
//
// A week that has passed is dropped whole; rows of the infinity partition are deleted one by one on the day
// they are due. Every day is counted by the database's clock, in UTC. Dropping needs the parent's lock for a
// moment, and whoever waits for a lock holds up those behind it: so each try waits 100 ms at most and the
// next comes a second later. One sink at a time does it; the others find nothing to do.
#ifndef VOX_STORE_RETENTION_H
#define VOX_STORE_RETENTION_H

#include "lib/base/arena.h"
#include "server/store/db.h"

struct retention_done {
    int64_t partitions; // dropped
    int64_t rows;       // deleted one by one
};

// Drops every expired week and deletes what is due, in transactions of at most RETENTION_STEP rows. No try
// begins after `deadline`. `ret_done` is filled on failure too: that much stays done. On a DB_KEEPER or
// DB_OWNER connection.
#define RETENTION_STEP 1000
MUST_CHECK bool store_retention_apply(struct db *db, int64_t deadline, struct retention_done *ret_done,
                                      struct err *err);

// One partition, as the plan shows it.
struct retention_partition {
    struct str table;    // "events"
    struct str name;     // "events_p20260105"
    struct str from, to; // days, `to` exclusive; absent for the one without end
    int64_t rows;
    bool exact;    // counted: what is `expired` or small; else an estimate
    int64_t bytes; // with indexes
    bool expired;  // the next apply drops it
};

// A contract: what is in use, and what of it is about to go.
struct retention_contract {
    struct str name;
    bool has_days;
    int32_t days;     // -1: each row brings its own date; 0: no end
    int64_t policies; // numbers of days ever used
    int64_t expired;  // rows in expired weeks
    int64_t due;      // rows of the infinity partition whose day has come
};

// A table of the schema and how its rows end.
struct retention_table {
    struct str name;
    const char *rule; // NULL: this sink does not know the table
};

struct retention_plan {
    struct str today;
    struct retention_partition *partitions;
    size_t partition_count;
    struct retention_contract *contracts;
    size_t contract_count;
    struct retention_table *tables;
    size_t table_count;
};

// What apply would do now, and everything that is kept; changes nothing. Rows in `arena`. On DB_OWNER.
MUST_CHECK bool store_retention_plan(struct db *db, struct arena *arena, struct retention_plan *ret_plan,
                                     struct err *err);

struct retention_moved {
    int64_t looked_at;
    int64_t moved;   // to their new day
    int64_t deleted; // whose new day has come
};

// Gives every row of the contract the day that the policy in use counts from its receipt, in transactions of
// RETENTION_STEP rows; a row on hold stays where it is and gets the day that it returns to. False with `err`
// too where the contract is unknown, or its rows bring dates of their own. `ret_moved` is filled on failure
// too.
MUST_CHECK bool store_retention_reassign(struct db *db, struct str contract,
                                         struct retention_moved *ret_moved, struct err *err);

#endif
