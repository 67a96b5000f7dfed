// SPDX-License-Identifier: Apache-2.0
// store_commit(): one round trip that keys, stores and commits; a second one only for events that were there,
// or that come too late to be stored.
#include "server/store/events.h"
#include "lib/base/log.h"
#include "server/store/batch.h"
#include "server/store/rows.h"
#include "server/store/statements.h"

#define PARTITION_TRIES 3

static void clear_results(PGresult **results, size_t count)
{
    for (size_t i = 0; i < count; i++)
        PQclear(results[i]);
}

// Sends the Sync and reads one result for each of the `count` commands before it.
static bool collect(struct db *db, size_t count, int64_t deadline, PGresult **ret_results, struct err *err)
{
    memset(ret_results, 0, count * sizeof(PGresult *));
    if (!PQpipelineSync(db->conn))
        return pg_lose(db, err, "the connection to the database was lost");
    for (size_t i = 0; i <= count; i++) {
        PGresult *result, *end = NULL;
        if (!pg_next(db, deadline, &result, err))
            goto lost;
        if (i < count)
            ret_results[i] = result;
        else
            PQclear(result);
        if (!result || (i < count && !pg_next(db, deadline, &end, err)) || end) {
            PQclear(end);
            pg_lose(db, err, "the database's answers are out of step");
            goto lost;
        }
    }
    if (PQexitPipelineMode(db->conn))
        return true;
    pg_lose(db, err, "the database's answers are out of step");
lost:
    clear_results(ret_results, count);
    return false;
}

static bool prepare(struct db *db, int64_t deadline, PGresult **ret_failed, struct err *err)
{
    PGresult *results[STEP_COUNT];
    int sent = PQenterPipelineMode(db->conn);
    for (size_t i = 0; i < STEP_COUNT && sent; i++)
        sent = PQsendPrepare(db->conn, store_statements[i].name, store_statements[i].sql, 0, NULL);
    if (!sent)
        return pg_lose(db, err, "the connection to the database was lost");
    if (!collect(db, STEP_COUNT, deadline, results, err))
        return false;
    db->prepared = true;
    for (size_t i = 0; i < STEP_COUNT; i++) {
        if (!pg_is_ok(results[i]) && db->prepared) {
            db->prepared = false;
            *ret_failed = results[i];
            results[i] = NULL;
        }
    }
    clear_results(results, STEP_COUNT);
    if (db->prepared)
        return true;
    // Those before the one that failed are there; the next try makes all of them again.
    if (pg_run(db, "DEALLOCATE ALL", NULL, deadline, NULL, err))
        return true;
    PQclear(*ret_failed);
    db->lost = true;
    return false;
}

static int send_step(struct db *db, int step, const struct pg_params *params)
{
    static const struct pg_params none;
    const struct pg_params *p = params ? params : &none;
    return PQsendQueryPrepared(db->conn, store_statements[step].name, p->count, p->values, p->lengths,
                               p->formats, 1);
}

static void report_config(struct db *db, const struct err *err)
{
    if (!db->config_reported)
        log_error("the database cannot take events until an operator acts", LOG_CSTR("reason", err->text));
    db->config_reported = true;
}

// What an error result means to the batch; also fills `err`.
static enum commit_result judge(struct db *db, const PGresult *failed, bool storing, struct err *err)
{
    struct err reason;
    pg_err(failed, &reason);
    if (err)
        *err = reason;
    switch (pg_kind(db, failed)) {
    case SQL_DATA:
        return storing ? COMMIT_DATA : COMMIT_TRANSIENT;
    case SQL_LOCKED:
        // Waiting for another transaction's key has a context, waiting for a table or the ledger has none:
        // splitting the batch would not help against those.
        return storing && PQresultErrorField(failed, PG_DIAG_CONTEXT) ? COMMIT_LOCKED : COMMIT_TRANSIENT;
    case SQL_CONFIG:
        report_config(db, &reason);
        return COMMIT_TRANSIENT;
    case SQL_LOST:
        db->lost = true;
        return COMMIT_LOST;
    case SQL_NO_PARTITION:
    case SQL_DUPLICATE:
    case SQL_TRANSIENT:
        return COMMIT_TRANSIENT;
    default:
        BUG("unknown kind of SQLSTATE");
    }
}

static bool take_stored(struct batch *batch, const PGresult *result)
{
    for (int row = 0; row < PQntuples(result); row++) {
        struct uuid id;
        struct batch_key *key = NULL;
        if (pg_bytes(result, row, 1, id.bytes, sizeof(id.bytes)))
            key = batch_find(batch, pg_i32(result, row, 0), &id);
        if (!key)
            return false;
        const struct event *event = batch->firsts[key - batch->keys];
        key->state = KEY_STORED;
        key->received_at = pg_time(result, row, 2);
        key->contract_id = event->contract_id;
        key->quarantined = event->quarantine.code;
        memcpy(key->sha256, event->sha256, SHA256_LEN);
    }
    return true;
}

static bool take_present(struct batch *batch, const PGresult *result)
{
    for (int row = 0; row < PQntuples(result); row++) {
        struct uuid id;
        struct batch_key *key = NULL;
        if (pg_bytes(result, row, 1, id.bytes, sizeof(id.bytes)))
            key = batch_find(batch, pg_i32(result, row, 0), &id);
        if (!key)
            return false;
        key->received_at = pg_time(result, row, 2);
        key->contract_id = pg_i32(result, row, 3);
        key->quarantined = pg_i32(result, row, 4) == 1;
        bool known = pg_bytes(result, row, 5, key->sha256, SHA256_LEN);
        key->state = pg_i32(result, row, 4) == 2 || !known ? KEY_ERASED : KEY_PRESENT;
    }
    return true;
}

// The transaction is committed by now: what cannot be read here is refused with 503, the rest stands.
static void read_present(struct db *db, struct batch *batch, int64_t deadline, struct err *err)
{
    struct pg_params params;
    PGresult *result = NULL;
    batch_collect_open(batch);
    if (batch->open_count == 0 || !rows_put_keys(&db->params, batch->open, batch->open_count, &params))
        return;
    db->unreplicated = false;
    if (!send_step(db, STEP_KEYS, &params)) {
        pg_lose(db, err, "the connection to the database was lost");
        return;
    }
    for (;;) {
        PGresult *next;
        if (!pg_next(db, deadline, &next, err) || !next)
            break;
        PQclear(result);
        result = next;
    }
    if (result && !db->lost) {
        if (!pg_is_ok(result))
            judge(db, result, false, err);
        else if (db->unreplicated)
            pg_lose(db, err, "the database gave up on its synchronous standby");
        else if (!take_present(batch, result))
            pg_lose(db, err, "the database answered with keys that were not asked for");
        else
            batch_close(batch);
    }
    PQclear(result);
}

// The whole of the promise: BEGIN opened the transaction that COMMIT closed, nothing between them failed, and
// the server neither gave up on its standby nor has its disk writes turned off.
static bool committed(struct db *db, PGresult *const *results)
{
    for (size_t i = STEP_BEGIN; i <= STEP_COMMIT; i++)
        if (!pg_is_ok(results[i]))
            return false;
    return strcmp(PQcmdStatus(results[STEP_BEGIN]), "BEGIN") == 0 && pg_bool(results[STEP_LOCK], 0, 1) &&
           strcmp(PQcmdStatus(results[STEP_COMMIT]), "COMMIT") == 0 && !db->unreplicated &&
           PQtransactionStatus(db->conn) == PQTRANS_IDLE;
}

static enum commit_result judge_all(struct db *db, PGresult *const *results, int64_t deadline,
                                    bool *ret_no_partition, struct err *err)
{
    enum commit_result verdict = COMMIT_LOST;
    size_t failed = STEP_BEGIN;
    while (failed <= STEP_COMMIT && pg_is_ok(results[failed]))
        failed++;
    if (failed > STEP_COMMIT) {
        pg_lose(db, err, "the database committed in a way that cannot be relied on");
        return COMMIT_LOST;
    }
    verdict = judge(db, results[failed], failed == STEP_STORE, err);
    *ret_no_partition = pg_kind(db, results[failed]) == SQL_NO_PARTITION;
    if (verdict != COMMIT_LOST)
        pg_rollback(db, deadline);
    return db->lost ? COMMIT_LOST : verdict;
}

static const int store_steps[] = {
    [ROWS_PLAIN] = STEP_STORE, [ROWS_COUNTED] = STEP_STORE_COUNTED, [ROWS_MIXED] = STEP_STORE_MIXED};

static enum rows_kind kind_of(const struct batch *batch)
{
    enum rows_kind kind = ROWS_PLAIN;
    for (size_t i = 0; i < batch->row_count && kind != ROWS_MIXED; i++) {
        if (batch->rows[i]->quarantine.code)
            kind = ROWS_MIXED;
        else if (batch->rows[i]->counted)
            kind = ROWS_COUNTED;
    }
    return kind;
}

static enum commit_result try_commit(struct db *db, struct batch *batch, int64_t deadline,
                                     bool *ret_no_partition, struct err *err)
{
    struct pg_params params;
    PGresult *results[STEP_COMMIT + 1];
    *ret_no_partition = false;
    enum rows_kind kind = kind_of(batch);
    if (!rows_put_events(&db->params, batch->rows, batch->row_count, kind, &params)) {
        err_set(err, "no memory for the batch");
        return COMMIT_TRANSIENT;
    }
    db->unreplicated = false;
    if (!PQenterPipelineMode(db->conn) || !send_step(db, STEP_BEGIN, NULL) ||
        !send_step(db, STEP_LOCK, NULL) || !send_step(db, store_steps[kind], &params) ||
        !send_step(db, STEP_COMMIT, NULL)) {
        pg_lose(db, err, "the connection to the database was lost");
        return COMMIT_LOST;
    }
    if (!collect(db, ARRAY_LEN(results), deadline, results, err))
        return COMMIT_LOST;
    enum commit_result verdict = COMMIT_DONE;
    if (!committed(db, results)) {
        verdict = judge_all(db, results, deadline, ret_no_partition, err);
    } else if (!take_stored(batch, results[STEP_STORE])) {
        pg_lose(db, err, "the database answered with keys that were not sent");
        verdict = COMMIT_LOST;
    }
    clear_results(results, ARRAY_LEN(results));
    return verdict;
}

// COMMIT_DONE: they are there. A day for which the database makes none (the contract's days are not written
// down there) is one event's trouble: COMMIT_LOCKED finds that event and answers it 503.
static enum commit_result make_partitions(struct db *db, struct batch *batch, int64_t deadline,
                                          struct err *err)
{
    struct pg_params params;
    PGresult *result;
    if (!rows_put_expiry(&db->params, batch->rows, batch->row_count, &params)) {
        err_set(err, "no memory for the batch");
        return COMMIT_TRANSIENT;
    }
    if (!pg_send(
            db,
            "SELECT telemetry.make_partition(d.parent, d.day) FROM (SELECT DISTINCT i.parent,"
            " telemetry.expiry_day(i.kind, i.days, i.day, telemetry.today()) AS day"
            " FROM unnest($1::int2[], $2::int4[], $3::date[], $4::text[]) AS i (kind, days, day, parent)) d",
            &params, deadline, &result, err))
        return COMMIT_LOST;
    enum commit_result verdict = COMMIT_DONE;
    if (!pg_is_ok(result)) {
        verdict = judge(db, result, false, err);
        if (pg_kind(db, result) == SQL_DATA)
            verdict = COMMIT_LOCKED;
    }
    PQclear(result);
    return verdict;
}

static enum commit_result commit_batch(struct db *db, struct batch *batch, int64_t deadline, struct err *err)
{
    if (!db->prepared) {
        PGresult *failed = NULL;
        if (!prepare(db, deadline, &failed, err))
            return COMMIT_LOST;
        if (failed) {
            enum commit_result verdict = judge(db, failed, false, err);
            PQclear(failed);
            return verdict;
        }
    }
    for (int try = 1;; try++) {
        bool no_partition;
        enum commit_result verdict = try_commit(db, batch, deadline, &no_partition, err);
        if (verdict != COMMIT_TRANSIENT || !no_partition || try == PARTITION_TRIES)
            return verdict;
        verdict = make_partitions(db, batch, deadline, err);
        if (verdict != COMMIT_DONE)
            return verdict;
    }
}

enum commit_result store_commit(struct db *db, struct event **events, size_t count, int64_t deadline,
                                struct err *err)
{
    struct batch batch;
    BUG_ON(db->role != DB_WRITER || count == 0 || count > STORE_BATCH_EVENTS);
    if (db->lost || PQtransactionStatus(db->conn) != PQTRANS_IDLE) {
        pg_lose(db, err, "the connection to the database was lost");
        return COMMIT_LOST;
    }
    if (!batch_init(&batch, events, count)) {
        err_set(err, "no memory for the batch");
        return COMMIT_TRANSIENT;
    }
    enum commit_result verdict = commit_batch(db, &batch, deadline, err);
    if (verdict == COMMIT_DONE) {
        read_present(db, &batch, deadline, err);
        batch_conclude(&batch);
        db->config_reported = false;
    }
    batch_release(&batch);
    return verdict;
}
