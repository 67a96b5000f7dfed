// SPDX-License-Identifier: Apache-2.0
// A transaction that could have stored an event.
#include "server/store/events.h"
#include "server/store/pg.h"

// No row passes, yet rights are checked and the tables opened as for one that does. COMMIT waits for the disk
// and for a standby only where something was written: a record that means nothing (a number alone is none).
static const char *const steps[] = {
    "SELECT pg_advisory_xact_lock_shared(" PG_LOCK_ARGS(PG_LOCK_LEDGER) ")",
    "INSERT INTO telemetry.event_keys (event_id) SELECT NULL::uuid WHERE false",
    "INSERT INTO telemetry.events (event_id) SELECT NULL::uuid WHERE false",
    "SELECT pg_logical_emit_message(true, 'vox-sink', ''::text)",
};

bool store_prove(struct db *db, int64_t deadline, struct err *err)
{
    bool ok = pg_begin(db, deadline, err);
    for (size_t i = 0; ok && i < ARRAY_LEN(steps); i++)
        ok = pg_run(db, steps[i], NULL, deadline, NULL, err);
    if (ok && pg_commit(db, deadline, err))
        return true;
    pg_rollback(db, deadline);
    return err_prefix(err, "the database cannot take events");
}
