// SPDX-License-Identifier: Apache-2.0
// Contract numbers and retention in use, and LISTEN.
#include "server/store/catalog.h"
#include "server/store/pg.h"

#include <errno.h>
#include <poll.h>

#define LOOK_USEC   (10 * USEC_PER_SEC)
#define SYNC_USEC   (60 * USEC_PER_SEC)
#define LISTEN_USEC (10 * USEC_PER_SEC)
#define CLOCK_USEC  (10 * USEC_PER_SEC)

// What the database has of a contract.
struct known {
    bool same;
    bool has_days;
    int32_t days;
};

// All contracts, or the one of a name, with the days in use.
#define CONTRACTS_SQL                                                                                   \
    "SELECT c.name, c.id, c.class, c.schema_sha256, (SELECT r.days FROM telemetry.contract_retention r" \
    " WHERE r.contract_id = c.id AND r.project_id IS NULL ORDER BY r.valid_from DESC LIMIT 1)"          \
    " FROM telemetry.contracts c"

static struct known read_known(const PGresult *result, int i, struct contract_row *row)
{
    row->ret_id = pg_i32(result, i, 1);
    return (struct known){
        .same = pg_i32(result, i, 2) == row->class_ &&
                str_eq(pg_text(result, i, 3), str_slice(row->schema_sha256, sizeof(row->schema_sha256))),
        .has_days = !PQgetisnull(result, i, 4),
        .days = pg_i32(result, i, 4),
    };
}

static bool look_up(struct db *db, struct contract_row *row, int64_t deadline, struct known *ret_known,
                    struct err *err)
{
    struct pg_params params = {0};
    PGresult *result;
    pg_param_text(&params, row->name);
    if (!pg_run(db, CONTRACTS_SQL " WHERE c.name = $1", &params, deadline, &result, err))
        return false;
    *ret_known = (struct known){0};
    if (PQntuples(result) > 0)
        *ret_known = read_known(result, 0, row);
    PQclear(result);
    return true;
}

static bool is_same(const PGresult *result, struct contract_row *row)
{
    for (int i = 0; i < PQntuples(result); i++) {
        if (!str_eq(pg_text(result, i, 0), row->name))
            continue;
        struct known known = read_known(result, i, row);
        return known.same && known.has_days && known.days == row->days;
    }
    return false;
}

bool store_contracts_look(struct db *db, struct contract_row *rows, size_t count, bool *ret_same,
                          struct err *err)
{
    const struct pg_params none = {0};
    PGresult *result;
    if (!pg_run(db, CONTRACTS_SQL, &none, pg_deadline_in(LOOK_USEC), &result, err))
        return false;
    bool same = true;
    for (size_t i = 0; i < count && same; i++)
        same = is_same(result, &rows[i]);
    PQclear(result);
    *ret_same = same;
    return true;
}

static bool write_contract(struct db *db, struct contract_row *row, int64_t deadline, struct err *err)
{
    struct pg_params params = {0};
    PGresult *result;
    pg_param_text(&params, row->name);
    pg_param_text(&params, row->id);
    pg_param_i32(&params, row->version);
    pg_param_i32(&params, row->class_);
    pg_param_bytes(&params, row->schema_sha256, sizeof(row->schema_sha256));
    if (!pg_run(db,
                "INSERT INTO telemetry.contracts (name, family, version, class, schema_sha256)"
                " VALUES ($1, $2, $3, $4, $5) ON CONFLICT (name)"
                " DO UPDATE SET class = excluded.class, schema_sha256 = excluded.schema_sha256 RETURNING id",
                &params, deadline, &result, err))
        return false;
    row->ret_id = pg_i32(result, 0, 0);
    PQclear(result);
    return true;
}

static bool write_days(struct db *db, const struct contract_row *row, int64_t deadline, struct err *err)
{
    struct pg_params params = {0};
    pg_param_i32(&params, row->ret_id);
    pg_param_i32(&params, row->days);
    // The transaction's time may be from before the lock was ours, and so before another sink's row.
    return pg_run(db,
                  "INSERT INTO telemetry.contract_retention (contract_id, days, valid_from)"
                  " VALUES ($1, $2, clock_timestamp())",
                  &params, deadline, NULL, err);
}

static bool sync_locked(struct db *db, struct contract_row *rows, size_t count, int64_t deadline,
                        struct err *err)
{
    const struct pg_params none = {0};
    if (!pg_run(db, "SELECT pg_advisory_xact_lock(" PG_LOCK_ARGS(PG_LOCK_CONTRACTS) ")", &none, deadline,
                NULL, err))
        return false;
    for (size_t i = 0; i < count; i++) {
        struct known known;
        if (!look_up(db, &rows[i], deadline, &known, err))
            return false;
        if (!known.same && !write_contract(db, &rows[i], deadline, err))
            return false;
        if ((!known.has_days || known.days != rows[i].days) && !write_days(db, &rows[i], deadline, err))
            return false;
    }
    return true;
}

bool store_contracts_sync(struct db *db, struct contract_row *rows, size_t count, struct err *err)
{
    int64_t deadline = pg_deadline_in(SYNC_USEC);
    if (!pg_begin(db, deadline, err))
        return false;
    if (sync_locked(db, rows, count, deadline, err))
        return pg_commit(db, deadline, err);
    pg_rollback(db, deadline);
    return false;
}

bool store_clock(struct db *db, int64_t *ret_wall_us, struct err *err)
{
    const struct pg_params none = {0};
    PGresult *result;
    if (!pg_run(db, "SELECT clock_timestamp()", &none, pg_deadline_in(CLOCK_USEC), &result, err))
        return false;
    *ret_wall_us = pg_time(result, 0, 0);
    PQclear(result);
    return true;
}

bool store_catalog_listen(struct db *db, struct err *err)
{
    return pg_run(db, "LISTEN vox_telemetry_catalog", NULL, pg_deadline_in(LISTEN_USEC), NULL, err);
}

// Takes what was notified so far.
static bool drain(struct db *db)
{
    bool any = false;
    for (PGnotify *n = PQnotifies(db->conn); n; n = PQnotifies(db->conn)) {
        any = true;
        PQfreemem(n);
    }
    return any;
}

bool store_catalog_wait(struct db *db, int wake_fd, int timeout_ms, bool *ret_changed)
{
    int64_t deadline = pg_deadline_in(timeout_ms * USEC_PER_MSEC);
    *ret_changed = false;
    for (;;) {
        if (db->lost)
            return false;
        if (drain(db)) {
            *ret_changed = true;
            return true;
        }
        int64_t left = deadline - clock_mono_us(clock_system());
        struct pollfd fds[] = {{.fd = PQsocket(db->conn), .events = POLLIN},
                               {.fd = wake_fd, .events = POLLIN}};
        int timeout = left > 0 ? (int)((left + USEC_PER_MSEC - 1) / USEC_PER_MSEC) : 0;
        int n = poll(fds, ARRAY_LEN(fds), timeout);
        if (n < 0 && errno != EINTR)
            return false;
        if (n > 0 && fds[0].revents) {
            if (!PQconsumeInput(db->conn) || PQstatus(db->conn) != CONNECTION_OK)
                db->lost = true;
            continue;
        }
        if (n == 0 || (n > 0 && fds[1].revents))
            return true;
    }
}
