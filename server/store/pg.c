// SPDX-License-Identifier: Apache-2.0
// Sends statements and collects results without blocking past a deadline.
#include "server/store/pg.h"

#include <endian.h>
#include <errno.h>
#include <poll.h>

int64_t pg_deadline_in(int64_t usec)
{
    return clock_mono_us(clock_system()) + usec;
}

bool pg_lose(struct db *db, struct err *err, const char *why)
{
    db->lost = true;
    return err_set(err, "%s", why);
}

bool pg_wait(struct db *db, short events, int64_t deadline, struct err *err)
{
    deadline = MIN(deadline, db->limit);
    for (;;) {
        int timeout = -1;
        if (deadline != DB_NO_DEADLINE) {
            int64_t left = deadline - clock_mono_us(clock_system());
            if (left <= 0)
                return pg_lose(db, err, "the database did not answer in time");
            timeout = (int)MIN((left + USEC_PER_MSEC - 1) / USEC_PER_MSEC, 60000);
        }
        struct pollfd fds[] = {{.fd = PQsocket(db->conn), .events = events},
                               {.fd = db->stop_fd, .events = POLLIN}};
        int n = poll(fds, ARRAY_LEN(fds), timeout);
        if (n > 0 && fds[1].revents)
            return pg_lose(db, err, "the sink is stopping");
        if (n > 0)
            return true;
        if (n < 0 && errno != EINTR)
            return pg_lose(db, err, "waiting for the database failed");
    }
}

bool pg_next(struct db *db, int64_t deadline, PGresult **ret_result, struct err *err)
{
    if (db->lost)
        return err_set(err, "the connection to the database was lost");
    // The server may stop reading until we read, so while there is something to send we listen as well; and a
    // result that is here does not wait for what was sent behind it.
    for (;;) {
        int unsent = PQflush(db->conn);
        if (unsent < 0)
            return pg_lose(db, err, "the connection to the database was lost");
        if (!PQisBusy(db->conn))
            break;
        if (!pg_wait(db, unsent ? POLLIN | POLLOUT : POLLIN, deadline, err))
            return false;
        if (!PQconsumeInput(db->conn))
            return pg_lose(db, err, "the connection to the database was lost");
    }
    *ret_result = PQgetResult(db->conn);
    return true;
}

bool pg_send(struct db *db, const char *sql, const struct pg_params *params, int64_t deadline,
             PGresult **ret_result, struct err *err)
{
    int sent = 0;
    if (!db->lost)
        sent = params ? PQsendQueryParams(db->conn, sql, params->count, params->types, params->values,
                                          params->lengths, params->formats, 1)
                      : PQsendQuery(db->conn, sql);
    if (!sent)
        return pg_lose(db, err, "the connection to the database was lost");
    PGresult *kept = NULL;
    for (;;) {
        PGresult *result;
        if (!pg_next(db, deadline, &result, err)) {
            PQclear(kept);
            return false;
        }
        if (!result)
            break;
        if (kept && !pg_is_ok(kept)) {
            PQclear(result);
        } else {
            PQclear(kept);
            kept = result;
        }
    }
    if (!kept)
        return pg_lose(db, err, "the database gave no answer");
    *ret_result = kept;
    return true;
}

bool pg_run(struct db *db, const char *sql, const struct pg_params *params, int64_t deadline,
            PGresult **ret_result, struct err *err)
{
    PGresult *result;
    if (!pg_send(db, sql, params, deadline, &result, err))
        return false;
    if (!pg_is_ok(result)) {
        if (pg_kind(db, result) == SQL_LOST)
            db->lost = true;
        pg_err(result, err);
        PQclear(result);
        return false;
    }
    if (ret_result)
        *ret_result = result;
    else
        PQclear(result);
    return true;
}

bool pg_run_unique(struct db *db, const char *sql, const struct pg_params *params, int64_t deadline,
                   bool *ret_taken, struct err *err)
{
    PGresult *result;
    if (!pg_send(db, sql, params, deadline, &result, err))
        return false;
    bool good = pg_is_ok(result);
    *ret_taken = !good && pg_kind(db, result) == SQL_DUPLICATE;
    if (!good && !*ret_taken) {
        if (pg_kind(db, result) == SQL_DATA)
            err_set(err, "the database refused a value: a name has 1 to 128 characters, a label at most 256");
        else
            pg_err(result, err);
    }
    PQclear(result);
    return good || *ret_taken;
}

bool pg_begin(struct db *db, int64_t deadline, struct err *err)
{
    if (!db->lost && PQtransactionStatus(db->conn) != PQTRANS_IDLE)
        return pg_lose(db, err, "the connection to the database was left inside a transaction");
    return pg_run(db, "BEGIN", NULL, deadline, NULL, err);
}

bool pg_commit(struct db *db, int64_t deadline, struct err *err)
{
    PGresult *result;
    if (!db->lost && PQtransactionStatus(db->conn) != PQTRANS_INTRANS) {
        pg_rollback(db, deadline);
        return err_set(err, "the transaction had failed before its commit");
    }
    db->unreplicated = false;
    if (!pg_run(db, "COMMIT", NULL, deadline, &result, err))
        return false;
    // After an error, COMMIT is answered by a good result that says ROLLBACK.
    bool committed = strcmp(PQcmdStatus(result), "COMMIT") == 0;
    PQclear(result);
    if (!committed)
        return err_set(err, "the database rolled the transaction back");
    if (db->unreplicated)
        return pg_lose(db, err, "the database committed without its synchronous standby");
    return true;
}

void pg_rollback(struct db *db, int64_t deadline)
{
    if (db->lost || PQtransactionStatus(db->conn) == PQTRANS_IDLE)
        return;
    if (!pg_run(db, "ROLLBACK", NULL, deadline, NULL, NULL) || PQtransactionStatus(db->conn) != PQTRANS_IDLE)
        db->lost = true;
}

bool pg_is_ok(const PGresult *result)
{
    ExecStatusType status = PQresultStatus(result);
    return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;
}

enum sql_kind pg_kind(const struct db *db, const PGresult *result)
{
    if (PQstatus(db->conn) == CONNECTION_BAD)
        return SQL_LOST;
    return sqlstate_kind(PQresultErrorField(result, PG_DIAG_SQLSTATE),
                         PQresultErrorField(result, PG_DIAG_CONSTRAINT_NAME) != NULL);
}

bool pg_err(const PGresult *result, struct err *err)
{
    const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    const char *message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    if (!state)
        return err_set(err, "the connection to the database was lost");
    if (message && sqlstate_is_quotable(state))
        return err_set(err, "the database refused a statement: %s (SQLSTATE %s)", message, state);
    return err_set(err, "the database refused a statement (SQLSTATE %s)", state);
}

static void put_param(struct pg_params *params, Oid type, const void *value, size_t len)
{
    BUG_ON(params->count >= PG_PARAMS_MAX || len > INT32_MAX);
    int i = params->count++;
    params->types[i] = type;
    params->values[i] = value;
    params->lengths[i] = (int)len;
    params->formats[i] = 1;
}

void pg_param_i32(struct pg_params *params, int32_t v)
{
    uint32_t be = htobe32((uint32_t)v);
    char *fixed = params->fixed[MIN(params->count, PG_PARAMS_MAX - 1)];
    memcpy(fixed, &be, sizeof(be));
    put_param(params, PG_INT4, fixed, sizeof(be));
}

static void put_i64(struct pg_params *params, Oid type, int64_t v)
{
    uint64_t be = htobe64((uint64_t)v);
    char *fixed = params->fixed[MIN(params->count, PG_PARAMS_MAX - 1)];
    memcpy(fixed, &be, sizeof(be));
    put_param(params, type, fixed, sizeof(be));
}

void pg_param_i64(struct pg_params *params, int64_t v)
{
    put_i64(params, PG_INT8, v);
}

void pg_param_time(struct pg_params *params, int64_t wall_us)
{
    if (wall_us == INT64_MAX)
        put_param(params, PG_TIMESTAMPTZ, NULL, 0);
    else
        put_i64(params, PG_TIMESTAMPTZ, wall_us - PG_EPOCH_USEC);
}

void pg_param_text(struct pg_params *params, struct str s)
{
    put_param(params, PG_TEXT, s.ptr, s.len);
}

void pg_param_bytes(struct pg_params *params, const void *ptr, size_t len)
{
    put_param(params, PG_BYTEA, ptr, len);
}

void pg_param_uuid(struct pg_params *params, const struct uuid *uuid)
{
    put_param(params, PG_UUID, uuid->bytes, sizeof(uuid->bytes));
}

int32_t pg_i32(const PGresult *result, int row, int column)
{
    const char *value = PQgetvalue(result, row, column);
    if (PQgetlength(result, row, column) == 2) {
        uint16_t be;
        memcpy(&be, value, sizeof(be));
        return (int16_t)be16toh(be);
    }
    if (PQgetlength(result, row, column) != 4)
        return 0;
    uint32_t be;
    memcpy(&be, value, sizeof(be));
    return (int32_t)be32toh(be);
}

int64_t pg_i64(const PGresult *result, int row, int column)
{
    if (PQgetlength(result, row, column) != 8)
        return 0;
    uint64_t be;
    memcpy(&be, PQgetvalue(result, row, column), sizeof(be));
    return (int64_t)be64toh(be);
}

int64_t pg_time(const PGresult *result, int row, int column)
{
    if (PQgetisnull(result, row, column))
        return INT64_MAX;
    int64_t v = pg_i64(result, row, column);
    return v > INT64_MAX - PG_EPOCH_USEC ? INT64_MAX : v + PG_EPOCH_USEC;
}

struct str pg_text(const PGresult *result, int row, int column)
{
    if (PQgetisnull(result, row, column))
        return STR_NULL;
    return str_slice(PQgetvalue(result, row, column), (size_t)PQgetlength(result, row, column));
}

bool pg_bool(const PGresult *result, int row, int column)
{
    return PQgetlength(result, row, column) == 1 && PQgetvalue(result, row, column)[0] == 1;
}

bool pg_bytes(const PGresult *result, int row, int column, void *ret_bytes, size_t len)
{
    if ((size_t)PQgetlength(result, row, column) != len)
        return false;
    memcpy(ret_bytes, PQgetvalue(result, row, column), len);
    return true;
}
