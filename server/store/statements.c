// SPDX-License-Identifier: Apache-2.0
// The SQL of the writer's transaction.
#include "server/store/statements.h"
#include "server/store/pg.h"

// The batch's rows, as rows_put_events() numbers the columns. In the list of a SELECT the arrays are read in
// step and hand on what lies in them; in FROM each would be copied into a store of its own first, and a WITH
// that two statements read would copy the payloads once more. So each statement below reads the columns that
// it needs. With the payloads as text, of which a row's jsonb is made where it is stored, that takes a
// quarter off the time of a row (bench/README.md).
#define ROWS_KEYS   " unnest($1::int4[]) AS project_id, unnest($2::uuid[]) AS event_id"
#define ROWS_EXPIRY " unnest($3::int2[]) AS kind, unnest($4::int4[]) AS days, unnest($5::date[]) AS day"
#define ROWS_TOKEN  " unnest($7::int4[]) AS token_id"
#define ROWS_KEYED \
    ROWS_KEYS "," ROWS_EXPIRY ", unnest($6::int4[]) AS contract_id, unnest($14::bytea[]) AS sha256"
#define ROWS_EVENTS                                                                        \
    ROWS_KEYED "," ROWS_TOKEN ", unnest($8::int2[]) AS class,"                             \
               " unnest($9::timestamptz[]) AS occurred_at, unnest($10::text[]) AS client," \
               " unnest($11::text[]) AS session_id, unnest($12::text[]) AS trace_id,"      \
               " unnest($13::text[]) AS repository_id, unnest($15::text[]) AS payload"
#define ROWS_COUNTED ROWS_KEYS "," ROWS_TOKEN ", unnest($16::int4[]) AS counted"
#define ROWS_CODE    ", unnest($17::text[]) AS code"
#define ROWS_QUARANTINED                     \
    ROWS_KEYS                                \
    "," ROWS_EXPIRY "," ROWS_TOKEN ROWS_CODE \
    ", unnest($18::text[]) AS contract, unnest($19::text[]) AS pointer, unnest($20::bytea[]) AS body"

#define EXPIRES_ON "telemetry.expiry_day(i.kind, i.days, i.day, telemetry.today())"
// The ledger decides: a key that is in an older generation or in this one already gives no row, and only new
// keys get an event. A scalar sub-select and no join, so that it is a look-up by index whatever the planner
// believes.
#define STORE_KEYED(rows, column, value)                                                            \
    "WITH keyed AS ("                                                                               \
    " INSERT INTO telemetry.event_keys"                                                             \
    "  (received_at, event_id, project_id, gen, contract_id, expires_on, sha256" column ")"         \
    " SELECT now(), i.event_id, i.project_id, (SELECT gen FROM telemetry.ledger), i.contract_id,"   \
    "  " EXPIRES_ON ", i.sha256" value " FROM (SELECT" ROWS_KEYED rows ") i"                        \
    " WHERE (SELECT k.gen FROM telemetry.event_keys k WHERE k.project_id = i.project_id"            \
    "  AND k.event_id = i.event_id AND k.gen < (SELECT gen FROM telemetry.ledger) LIMIT 1) IS NULL" \
    " ON CONFLICT DO NOTHING RETURNING project_id, event_id)"
#define IS_NEW " WHERE (i.project_id, i.event_id) IN (SELECT k.project_id, k.event_id FROM keyed k)"
// What tokens with a quota store new: a row of this connection's own for each, so that none waits for it.
#define STORE_USAGE                                                                             \
    ", used AS ("                                                                               \
    " INSERT INTO telemetry.token_usage AS u (day, token_id, writer, events, bytes)"            \
    " SELECT telemetry.today(), i.token_id, pg_backend_pid(), count(*), sum(i.counted)"         \
    " FROM (SELECT" ROWS_COUNTED ") i" IS_NEW "  AND i.counted IS NOT NULL GROUP BY i.token_id" \
    " ON CONFLICT (day, token_id, writer)"                                                      \
    "  DO UPDATE SET events = u.events + excluded.events, bytes = u.bytes + excluded.bytes)"
// What goes into quarantine, in the same transaction and under the same key.
#define STORE_QUARANTINED                                                                               \
    ", quarantined AS ("                                                                                \
    " INSERT INTO telemetry.quarantine (received_at, event_id, project_id, token_id, expires_on, code," \
    "  contract, pointer, body)"                                                                        \
    " SELECT now(), i.event_id, i.project_id, i.token_id, " EXPIRES_ON ", i.code, i.contract,"          \
    "  i.pointer, i.body FROM (SELECT" ROWS_QUARANTINED ") i" IS_NEW                                    \
    "  AND i.code IS NOT NULL RETURNING project_id, event_id, received_at)"
#define STORE_EVENTS(rows)                                                                                  \
    " INSERT INTO telemetry.events (received_at, occurred_at, event_id, project_id, contract_id, token_id," \
    "  expires_on, due_on, class, sha256, client, session_id, trace_id, repository_id, payload)"            \
    " SELECT now(), i.occurred_at, i.event_id, i.project_id, i.contract_id, i.token_id, " EXPIRES_ON ","    \
    "  CASE i.kind WHEN 0 THEN " EXPIRES_ON " WHEN 1 THEN i.day END, i.class, i.sha256, i.client,"          \
    "  i.session_id, i.trace_id, i.repository_id, i.payload::jsonb FROM (SELECT" ROWS_EVENTS rows           \
    ") i" IS_NEW
#define STORE_RETURNING " RETURNING project_id, event_id, received_at"

// The shared lock is a statement of its own: one that took the lock and read the generation would read it as
// it was before the lock.
const struct statement store_statements[STEP_COUNT] = {
    [STEP_BEGIN] = {"vox_begin", "BEGIN", 0},
    [STEP_LOCK] = {"vox_lock",
                   "SELECT pg_advisory_xact_lock_shared(" PG_LOCK_ARGS(
                       PG_LOCK_LEDGER) "),"
                                       " current_setting('fsync') = 'on' AND "
                                       "current_setting('full_page_writes') = 'on'",
                   0},
    [STEP_STORE] = {"vox_store", STORE_KEYED("", "", "") STORE_EVENTS("") STORE_RETURNING, 15},
    [STEP_COMMIT] = {"vox_commit", "COMMIT", 0},
    // $1, $2 as rows_put_keys() says. A row may be seen here whose transaction was told not to wait for its
    // standby, and reading waits for none: a record of our own, written behind it, does.
    [STEP_KEYS] = {"vox_keys",
                   "SELECT k.project_id, k.event_id, k.received_at, k.contract_id, k.state, k.sha256,"
                   " (SELECT pg_logical_emit_message(true, 'vox-sink', ''::text)"
                   "  WHERE current_setting('synchronous_standby_names') <> '')"
                   " FROM unnest($1::int4[], $2::uuid[]) AS i (project_id, event_id) CROSS JOIN LATERAL"
                   " (SELECT * FROM telemetry.event_keys k WHERE k.project_id = i.project_id"
                   "  AND k.event_id = i.event_id LIMIT 1) k",
                   2},
    [STEP_STORE_COUNTED] = {"vox_store_counted",
                            STORE_KEYED("", "", "") STORE_USAGE STORE_EVENTS("") STORE_RETURNING, 16},
    [STEP_STORE_MIXED] = {"vox_store_mixed",
                          STORE_KEYED(ROWS_CODE, ", state",
                                      ", CASE WHEN i.code IS NULL THEN 0 ELSE 1 END::int2")
                              STORE_USAGE STORE_QUARANTINED
                          ", stored AS (" STORE_EVENTS(
                              ROWS_CODE) " AND i.code IS NULL" STORE_RETURNING
                                         ") SELECT project_id, event_id, received_at FROM stored UNION ALL"
                                         " SELECT project_id, event_id, received_at FROM quarantined",
                          20},
};
