// SPDX-License-Identifier: Apache-2.0
// The SQL of the writer's transaction.
#include "server/store/statements.h"
#include "server/store/pg.h"

// The ledger decides: a key that is in an older generation or in this one already gives no row, and only new
// keys get an event. $1.. as rows_put_events() says.
#define STORE_INCOMING(type, name)                                                                       \
    "WITH incoming AS MATERIALIZED ("                                                                    \
    " SELECT i.*, telemetry.expiry_day(i.kind, i.days, i.day, telemetry.today()) AS expires_on"          \
    " FROM unnest($1::int4[], $2::uuid[], $3::int2[], $4::int4[], $5::date[], $6::int4[], $7::int4[],"   \
    "  $8::int2[], $9::timestamptz[], $10::text[], $11::text[], $12::text[], $13::text[], $14::bytea[]," \
    "  $15::jsonb[]" type ")"                                                                            \
    " AS i (project_id, event_id, kind, days, day, contract_id, token_id, class, occurred_at, client,"   \
    "  session_id, trace_id, repository_id, sha256, payload" name ")"
// A scalar sub-select and no join, so that it is a look-up by index whatever the planner believes.
#define STORE_KEYED(column, value)                                                                  \
    "), keyed AS ("                                                                                 \
    " INSERT INTO telemetry.event_keys"                                                             \
    "  (received_at, event_id, project_id, gen, contract_id, expires_on, sha256" column ")"         \
    " SELECT now(), i.event_id, i.project_id, (SELECT gen FROM telemetry.ledger), i.contract_id,"   \
    "  i.expires_on, i.sha256" value " FROM incoming i"                                             \
    " WHERE (SELECT k.gen FROM telemetry.event_keys k WHERE k.project_id = i.project_id"            \
    "  AND k.event_id = i.event_id AND k.gen < (SELECT gen FROM telemetry.ledger) LIMIT 1) IS NULL" \
    " ON CONFLICT DO NOTHING RETURNING project_id, event_id"
// What tokens with a quota store new: a row of this connection's own for each, so that none waits for it.
#define STORE_USAGE                                                                            \
    "), used AS ("                                                                             \
    " INSERT INTO telemetry.token_usage AS u (day, token_id, writer, events, bytes)"           \
    " SELECT telemetry.today(), i.token_id, pg_backend_pid(), count(*), sum(i.counted)"        \
    " FROM incoming i JOIN keyed k ON k.project_id = i.project_id AND k.event_id = i.event_id" \
    " WHERE i.counted IS NOT NULL GROUP BY i.token_id"                                         \
    " ON CONFLICT (day, token_id, writer)"                                                     \
    "  DO UPDATE SET events = u.events + excluded.events, bytes = u.bytes + excluded.bytes"
// What goes into quarantine, in the same transaction and under the same key.
#define STORE_QUARANTINED                                                                               \
    "), quarantined AS ("                                                                               \
    " INSERT INTO telemetry.quarantine (received_at, event_id, project_id, token_id, expires_on, code," \
    "  contract, pointer, body)"                                                                        \
    " SELECT now(), i.event_id, i.project_id, i.token_id, i.expires_on, i.code, i.contract, i.pointer," \
    "  i.body"                                                                                          \
    " FROM incoming i JOIN keyed k ON k.project_id = i.project_id AND k.event_id = i.event_id"          \
    " WHERE i.code IS NOT NULL RETURNING project_id, event_id, received_at"
#define STORE_EVENTS                                                                                        \
    " INSERT INTO telemetry.events (received_at, occurred_at, event_id, project_id, contract_id, token_id," \
    "  expires_on, due_on, class, sha256, client, session_id, trace_id, repository_id, payload)"            \
    " SELECT now(), i.occurred_at, i.event_id, i.project_id, i.contract_id, i.token_id, i.expires_on,"      \
    "  CASE i.kind WHEN 0 THEN i.expires_on WHEN 1 THEN i.day END, i.class, i.sha256, i.client,"            \
    "  i.session_id, i.trace_id, i.repository_id, i.payload"                                                \
    " FROM incoming i JOIN keyed k ON k.project_id = i.project_id AND k.event_id = i.event_id"
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
    [STEP_STORE] = {"vox_store", STORE_INCOMING("", "") STORE_KEYED("", "") ")" STORE_EVENTS STORE_RETURNING,
                    15},
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
                            STORE_INCOMING(", $16::int4[]", ", counted") STORE_KEYED("", "") STORE_USAGE
                            ")" STORE_EVENTS STORE_RETURNING,
                            16},
    [STEP_STORE_MIXED] = {"vox_store_mixed",
                          STORE_INCOMING(", $16::int4[], $17::text[], $18::text[], $19::text[], $20::bytea[]",
                                         ", counted, code, contract, pointer, body")
                              STORE_KEYED(", state", ", CASE WHEN i.code IS NULL THEN 0 ELSE 1 END::int2")
                                  STORE_USAGE STORE_QUARANTINED
                          "), stored AS (" STORE_EVENTS " WHERE i.code IS NULL" STORE_RETURNING
                          ") SELECT project_id, event_id, received_at FROM stored UNION ALL"
                          " SELECT project_id, event_id, received_at FROM quarantined",
                          20},
};
