// SPDX-License-Identifier: Apache-2.0
// What requests are judged by, loaded from files and database, published as immutable snapshots.
//
// catalog_start() takes the first contract set and starts a thread that connects, makes sure that the
// database knows the contracts, loads all tokens, and from then on loads again when the database notifies a
// change, at least every poll, and when somebody asks (catalog_await). Each load makes a new snapshot; a
// request judges by the contracts of the one it began with until it ends. When the database is away the last
// snapshot stays, and connecting is tried again after pauses that grow to 1 s, whoever asks.
//
// Contract numbers belong to a database: they are looked up on each new connection. Contracts that the
// database refuses are told to it again every 10 s; until then the set before stays, with fresh tokens.
//
// A load is bounded as a whole, connecting included, so that a waiter is answered within about 3 s; only the
// very first, for which nobody waits, may take 30. Loads that strangers ask for are at least 20 ms apart,
// twice that after each that found nothing new, up to 1 s; a notified change is loaded within 20 ms all the
// same.
//
// Threads: everything here is any thread's; a waiter's `done` is called on the catalog's thread and must not
// block.
#ifndef VOX_CATALOG_CATALOG_H
#define VOX_CATALOG_CATALOG_H

#include "lib/base/clock.h"
#include "lib/contracts/contracts.h"
#include "server/core/metrics.h"
#include "server/gate/gate.h"
#include "server/gate/seal.h"

struct snapshot {
    _Atomic unsigned refs;
    struct contract_set *contracts;
    int32_t *contract_ids;      // by contract index: the database's number; NULL while it does not know them
    struct token_table *tokens; // NULL until loaded once
    int64_t loaded_at;          // when the load that made it began, monotonic microseconds
    // The database's wall clock less our monotonic one, microseconds, to a round trip: no step of our own
    // wall clock is in it.
    int64_t database_offset;
    bool locked; // signing keys did not open when the first tokens were loaded, and some still do not
    bool has_open_project;
    struct token open_token; // what a request without a token counts as, where the operator allows it
};

struct catalog;

struct catalog_config {
    const char *url;
    const char *open_project; // may be NULL
    int64_t poll_us;
    const struct master_key *master_key; // may be NULL; outlives the catalog
    struct contract_set *contracts;      // a reference is taken
    // Called on the catalog's thread, each may be NULL: when the database is found to know a contract set;
    // and when it is first seen, and each time it changes, whether the database's settings make a COMMIT
    // durable.
    void (*contracts_told)(void *context);
    void (*durability)(void *context, bool durable);
    void *context;
    struct metrics *metrics;
    const struct clock *clock;
};

struct catalog_waiter {
    // fresh: a load that began after the call went well
    void (*done)(struct catalog_waiter *waiter, bool fresh);
    // The catalog's.
    int64_t since;
    struct catalog_waiter *next;
};

MUST_CHECK bool catalog_start(const struct catalog_config *config, struct catalog **ret_catalog,
                              struct err *err);
// Ends the thread, whatever it waits for; waiters, now and later, are answered with fresh = false. Snapshots
// can still be got.
void catalog_halt(struct catalog *catalog);
void catalog_free(struct catalog *catalog); // after catalog_halt()

struct snapshot *catalog_get(struct catalog *catalog); // a reference
// Is what catalog_get() gave, and the caller still holds, what it would give now? Takes no lock.
bool catalog_is_current(struct catalog *catalog, const struct snapshot *snapshot);
void snapshot_unref(struct snapshot *snapshot); // NULL is allowed
// The contract of a database number; NULL if the set has none.
const struct contract *snapshot_contract(const struct snapshot *snapshot, int32_t contract_id);

// Asks for a load that begins after now; all who wait share it. The waiter is the caller's again once `done`
// is called.
void catalog_await(struct catalog *catalog, struct catalog_waiter *waiter);
// Asks for the same without waiting for it.
void catalog_refresh(struct catalog *catalog);
// This token was used at that time (wall microseconds): written to the database with the next load, or not at
// all if that fails.
void catalog_note_use(struct catalog *catalog, int32_t token_id, int64_t at);
// Serve another contract set, once the database knows its contracts. A reference is taken.
void catalog_set_contracts(struct catalog *catalog, struct contract_set *contracts);
// Both halves of the snapshot are there.
bool catalog_is_ready(struct catalog *catalog);
// Signing keys that active tokens need do not open, and did not when this process began: it was given no
// master key, or a wrong one. Keys that come later under a key it lacks are not meant: while it serves, they
// are the business of their tokens alone.
bool catalog_is_locked(struct catalog *catalog);
// The last load saw that the database's settings make a COMMIT durable; false until the first.
bool catalog_is_durable(struct catalog *catalog);

#endif
