// SPDX-License-Identifier: Apache-2.0
// A transaction that could have stored an event, and one that wrote.
#include "server/store/events.h"
#include "server/store/pg.h"

// No row passes, yet rights are checked and the tables opened as for one that does.
static const char *const steps[] = {
    "SELECT pg_advisory_xact_lock_shared(" PG_LOCK_ARGS(PG_LOCK_LEDGER) ")",
    "INSERT INTO telemetry.event_keys (event_id) SELECT NULL::uuid WHERE false",
    "INSERT INTO telemetry.events (event_id) SELECT NULL::uuid WHERE false",
};

// A commit waits for the disk and for a standby only where something was written: a record that means nothing
// (a number alone is none).
#define WRITE "SELECT pg_logical_emit_message(true, 'vox-sink proof', ''::text)"

// A server that waits for its standby does not see that the sink gave up on it: without an end each try would
// hold one more of the server's connections for as long as the standby is away. What is not waited for any
// more, by anybody of this login, is told to stop; there is nothing in it to lose.
#define END_FORMER                                                                            \
    "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE query = $$" WRITE "$$"         \
    " AND wait_event = 'SyncRep' AND usename = current_user AND datname = current_database()" \
    " AND query_start < clock_timestamp() - interval '" PG_STRING(PROVE_PATIENCE_SEC) " s'"

static bool could_store(struct db *db, int64_t deadline, struct err *err)
{
    bool ok = pg_begin(db, deadline, err);
    for (size_t i = 0; ok && i < ARRAY_LEN(steps); i++)
        ok = pg_run(db, steps[i], NULL, deadline, NULL, err);
    if (ok && pg_commit(db, deadline, err))
        return true;
    pg_rollback(db, deadline);
    return false;
}

static bool can_write(struct db *db, int64_t deadline, struct err *err)
{
    if (!pg_run(db, END_FORMER, NULL, deadline, NULL, err))
        return false;
    db->unreplicated = false;
    if (!pg_run(db, WRITE, NULL, deadline, NULL, err))
        return false;
    return !db->unreplicated || pg_lose(db, err, "the database committed without its synchronous standby");
}

bool store_prove(struct db *db, int64_t deadline, struct err *err)
{
    if (could_store(db, deadline, err) && can_write(db, deadline, err))
        return true;
    return err_prefix(err, "the database cannot take events");
}
