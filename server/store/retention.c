// SPDX-License-Identifier: Apache-2.0
// Drops weeks and deletes due rows, with short locks and long pauses.
#include "server/store/retention.h"
#include "server/store/patience.h"

#define TRY_USEC (10 * USEC_PER_SEC)

// Between tries everybody who waited behind us goes first.
static const struct patience patience = {.try_us = TRY_USEC, .pause_ms = 1000};

// Weeks that lie behind today, by their names, which the functions that make them give.
#define EXPIRED_SQL                                                                                   \
    "SELECT p.relname::text, to_date(right(c.relname::text, 8), 'YYYYMMDD')::text FROM pg_inherits i" \
    " JOIN pg_class c ON c.oid = i.inhrelid JOIN pg_class p ON p.oid = i.inhparent"                   \
    " WHERE i.inhparent IN ('telemetry.events'::regclass, 'telemetry.quarantine'::regclass)"          \
    " AND c.relname ~ '^(events|quarantine)_p[0-9]{8}$'"                                              \
    " AND to_date(right(c.relname::text, 8), 'YYYYMMDD') + 7 <= telemetry.today() ORDER BY 2, 1"

static bool drop(struct db *db, const PGresult *expired, int row, int64_t deadline, bool *ret_dropped,
                 struct err *err)
{
    struct pg_params params = {0};
    PGresult *result;
    pg_param_text(&params, pg_text(expired, row, 0));
    pg_param_text(&params, pg_text(expired, row, 1));
    if (!pg_run_patiently(db, &patience, "SELECT telemetry.drop_expired($1, $2::text::date)", &params,
                          deadline, &result, err))
        return err_prefix(err, "dropping the expired week of %.*s", STR_FMT(pg_text(expired, row, 1)));
    *ret_dropped = pg_bool(result, 0, 0);
    PQclear(result);
    return true;
}

// One that cannot be dropped keeps none of the others: each has its share of the time, and so have the rows
// that are deleted afterwards.
static bool drop_all(struct db *db, int64_t deadline, struct retention_done *done, struct err *err)
{
    const struct pg_params none = {0};
    PGresult *expired;
    if (!pg_run(db, EXPIRED_SQL, &none, pg_deadline_in(TRY_USEC), &expired, err))
        return false;
    bool good = true;
    int count = PQntuples(expired);
    for (int row = 0; row < count && db_is_good(db); row++) {
        bool dropped = false;
        int64_t now = pg_deadline_in(0);
        int64_t share = now + MAX(deadline - now, (int64_t)0) / (count - row + 1);
        struct err why;
        if (!drop(db, expired, row, share, &dropped, good ? err : &why))
            good = false;
        done->partitions += dropped;
    }
    PQclear(expired);
    return good;
}

static bool delete_all(struct db *db, int64_t deadline, struct retention_done *done, struct err *err)
{
    for (;;) {
        struct pg_params params = {0};
        PGresult *result;
        pg_param_i32(&params, RETENTION_STEP);
        if (!pg_run_patiently(db, &patience, "SELECT telemetry.delete_due($1)", &params, deadline, &result,
                              err))
            return err_prefix(err, "deleting rows whose day has come");
        int deleted = PQgetisnull(result, 0, 0) ? 0 : pg_i32(result, 0, 0);
        PQclear(result);
        done->rows += deleted;
        if (deleted < RETENTION_STEP || pg_deadline_in(0) >= deadline)
            return true;
    }
}

bool store_retention_apply(struct db *db, int64_t deadline, struct retention_done *ret_done, struct err *err)
{
    *ret_done = (struct retention_done){0};
    struct err why;
    // Whoever calls may be an owner with more patience for locks than writers have.
    if (!pg_run(db, "SET lock_timeout = '100ms'", NULL, pg_deadline_in(TRY_USEC), NULL, err))
        return false;
    bool dropped = drop_all(db, deadline, ret_done, err);
    return db_is_good(db) && delete_all(db, deadline, ret_done, dropped ? err : &why) && dropped;
}
