// SPDX-License-Identifier: Apache-2.0
// The transaction that stores events: ledger and rows, or nothing.
#ifndef VOX_STORE_EVENTS_H
#define VOX_STORE_EVENTS_H

#include "server/core/event.h"
#include "server/store/db.h"

#define STORE_BATCH_EVENTS 1000

// Commits events[0..count) in one transaction on a DB_WRITER connection, count 1..STORE_BATCH_EVENTS.
// Reorders the array (project, id), so that two sinks lock keys in one order. COMMIT_DONE: every event is
// STORED, DUPLICATE or REFUSED (event_id_reused, event_erased; database_unavailable where what was there
// before could not be read) and whatever is STORED or DUPLICATE is durable. Otherwise no outcome was written.
// The same id twice in one batch: the first counts, the second is its duplicate or its conflict. An event
// with `unless_known` is only looked up, behind the commit, and never counts as the first; what another
// transaction stores in that moment may not be seen.
//
// What `next` gives (NULL: nothing) is sent behind this batch, so that the database goes from one to the
// other without waiting for us. The result is COMMIT_DONE or COMMIT_LOST then; after COMMIT_DONE the next
// call must be for that batch, the same array, and gives what became of it. Not asked where some event
// was there before.
MUST_CHECK enum commit_result store_commit(struct db *db, struct event **events, size_t count,
                                           const struct commit_next *next, int64_t deadline, struct err *err);

// Proves on a fresh DB_WRITER connection that a commit is possible: the tables are there, this role may write
// them, and a transaction that wrote something reached the disk, and the standby where one is waited for.
// Stores nothing. Nobody waits for it longer than PROVE_PATIENCE_SEC: what still hangs in the server then,
// for want of its standby, is ended by the next one.
#define PROVE_PATIENCE_SEC 5
MUST_CHECK bool store_prove(struct db *db, int64_t deadline, struct err *err);

#endif
