// SPDX-License-Identifier: Apache-2.0
// Spreads the two large tables over the nodes of a Citus cluster, if Citus takes what the writer asks of
// them.
#ifndef VOX_STORE_CITUS_H
#define VOX_STORE_CITUS_H

#include "server/store/db.h"

enum citus_result {
    CITUS_DONE,
    CITUS_ABSENT,  // the extension is not in this database
    CITUS_REFUSED, // a statement that the sink lives by; `err` is Citus's reason
    CITUS_FAILED   // `err`
};

// Distributes events and event_keys by event_id and runs the writer's statements over no events, all in one
// transaction: unless it is CITUS_DONE nothing has changed. Tables that are distributed already stay as they
// are. `db` is the schema's owner, connected to the coordinator.
MUST_CHECK enum citus_result store_distribute(struct db *db, struct err *err);

#endif
