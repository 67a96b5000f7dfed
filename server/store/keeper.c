// SPDX-License-Identifier: Apache-2.0
// Upkeep by the database's own functions, with short locks and patience.
#include "server/store/keeper.h"
#include "lib/wire/limits.h"
#include "server/store/patience.h"

#define ROTATE_USEC (10 * USEC_PER_SEC)

// Whoever holds the lock gets a moment before we queue again.
static const struct patience patience = {.try_us = USEC_PER_SEC, .pause_ms = 50};

static bool make(struct db *db, const PGresult *missing, int row, int64_t deadline, struct err *err)
{
    struct pg_params params = {0};
    PGresult *result;
    pg_param_text(&params, pg_text(missing, row, 2));
    pg_param_text(&params, pg_text(missing, row, 1));
    if (!pg_run_patiently(db, &patience, "SELECT telemetry.make_partition($1, $2::text::date)", &params,
                          deadline, &result, err))
        return err_prefix(err, "making the partition for %.*s", STR_FMT(pg_text(missing, row, 1)));
    PQclear(result);
    return true;
}

// Weeks that no partition covers, with the number of days from now on which a row will need each; the
// infinity partition counts as needed today. $2: the days of a quarantined row.
#define MISSING_SQL                                                                                         \
    "WITH have AS (SELECT c.relname::text AS name FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid" \
    " WHERE i.inhparent IN ('telemetry.events'::regclass, 'telemetry.quarantine'::regclass)),"              \
    " need AS (SELECT r.parent, g.ahead,"                                                                   \
    "  date_trunc('week', (telemetry.today() + r.days + g.ahead)::timestamp)::date AS day"                  \
    "  FROM (SELECT 'quarantine' AS parent, $2::int4 AS days UNION ALL (SELECT DISTINCT ON"                 \
    "   (contract_id, project_id) 'events', days FROM telemetry.contract_retention"                         \
    "   ORDER BY contract_id, project_id, valid_from DESC)) r,"                                             \
    "  generate_series(0, $1::int4) AS g (ahead) WHERE r.days > 0"                                          \
    " UNION ALL SELECT 'events', 0, 'infinity'::date)"                                                      \
    " SELECT min(n.ahead), n.day::text, n.parent FROM need n WHERE NOT EXISTS (SELECT FROM have h WHERE"    \
    "  h.name = n.parent || CASE n.day WHEN 'infinity' THEN '_infinity'"                                    \
    "   ELSE '_p' || to_char(n.day, 'YYYYMMDD') END)"                                                       \
    " GROUP BY n.day, n.parent ORDER BY 1, 2, 3"

static bool find_missing(struct db *db, int days_ahead, int64_t deadline, PGresult **ret_missing,
                         struct err *err)
{
    struct pg_params params = {0};
    pg_param_i32(&params, days_ahead);
    pg_param_i32(&params, LIMIT_QUARANTINE_DAYS);
    return pg_run(db, MISSING_SQL, &params, deadline, ret_missing, err);
}

// The first day ahead that lacks a partition, or all that were asked for.
static int days_ahead_of(const PGresult *missing, int days_ahead)
{
    return PQntuples(missing) ? pg_i32(missing, 0, 0) : days_ahead;
}

bool store_partitions_look(struct db *db, int days_ahead, int64_t deadline, int *ret_ahead_days,
                           struct err *err)
{
    PGresult *missing;
    if (!find_missing(db, days_ahead, deadline, &missing, err))
        return false;
    *ret_ahead_days = days_ahead_of(missing, days_ahead);
    PQclear(missing);
    return true;
}

bool store_partitions_ahead(struct db *db, int days_ahead, int64_t deadline, int *ret_ahead_days,
                            struct err *err)
{
    PGresult *missing;
    if (!find_missing(db, days_ahead, deadline, &missing, err))
        return false;
    bool good = true;
    // One that cannot be made keeps none of the others from being made.
    for (int row = 0; row < PQntuples(missing) && db_is_good(db); row++) {
        struct err why;
        if (!make(db, missing, row, deadline, good ? err : &why))
            good = false;
    }
    PQclear(missing);
    if (!good || !find_missing(db, days_ahead, deadline, &missing, err))
        return false;
    *ret_ahead_days = days_ahead_of(missing, days_ahead);
    PQclear(missing);
    return true;
}

bool store_ledger_rotate(struct db *db, int64_t now_us, bool *ret_rotated, struct err *err)
{
    struct pg_params params = {0};
    PGresult *result;
    pg_param_time(&params, now_us ? now_us : INT64_MAX);
    pg_param_i32(&params, DEDUP_GENERATION_DAYS);
    pg_param_i32(&params, DEDUP_GENERATIONS);
    if (!pg_run_patiently(db, &patience, "SELECT telemetry.rotate_ledger(coalesce($1, now()), $2, $3)",
                          &params, pg_deadline_in(ROTATE_USEC), &result, err))
        return false;
    *ret_rotated = pg_bool(result, 0, 0);
    PQclear(result);
    return true;
}

bool store_usage_forget(struct db *db, struct err *err)
{
    struct pg_params params = {0};
    PGresult *result;
    pg_param_i32(&params, LIMIT_USAGE_DAYS);
    if (!pg_run_patiently(db, &patience, "SELECT telemetry.forget_usage($1)", &params,
                          pg_deadline_in(ROTATE_USEC), &result, err))
        return false;
    PQclear(result);
    return true;
}
