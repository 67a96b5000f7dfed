// SPDX-License-Identifier: Apache-2.0
// store_commit(): one round trip that keys, stores and commits, behind which the next batch may go already; a
// second one only for events that were there, or that come too late to be stored.
#include "server/store/events.h"
#include "lib/base/log.h"
#include "server/store/pipeline.h"
#include "server/store/rows.h"
#include "server/store/statements.h"

#define PARTITION_TRIES 3
// From so many events on the server is asked to tell of the stored rows before it commits: then its disk and
// our making of the next batch take the same time. Telling costs it a system call.
#define FLUSH_EVENTS 32
#define UNRELIABLE   "the database committed in a way that cannot be relied on"

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
    if (batch->open_count == 0 || !rows_put_keys(&db->params, batch->open, batch->open_count, &params))
        return;
    db->unreplicated = false;
    if (!pipeline_send(db, STEP_KEYS, &params)) {
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

static bool rows_are_stored(PGresult *const *results)
{
    return pg_is_ok(results[STEP_BEGIN]) && strcmp(PQcmdStatus(results[STEP_BEGIN]), "BEGIN") == 0 &&
           pg_is_ok(results[STEP_LOCK]) && pg_bool(results[STEP_LOCK], 0, 1) && pg_is_ok(results[STEP_STORE]);
}

// The whole of the promise: BEGIN opened the transaction that COMMIT closed, nothing between them failed, and
// the server neither gave up on its standby nor has its disk writes turned off. (libpq does not tell how the
// transaction stands while more is under way.)
static bool committed(struct db *db, PGresult *const *results)
{
    return rows_are_stored(results) && pg_is_ok(results[STEP_COMMIT]) &&
           strcmp(PQcmdStatus(results[STEP_COMMIT]), "COMMIT") == 0 && !db->unreplicated &&
           (db->sent.count || PQtransactionStatus(db->conn) == PQTRANS_IDLE);
}

static enum commit_result judge_all(struct db *db, PGresult *const *results, int64_t deadline,
                                    bool *ret_no_partition, struct err *err)
{
    enum commit_result verdict = COMMIT_LOST;
    size_t failed = STEP_BEGIN;
    while (failed <= STEP_COMMIT && pg_is_ok(results[failed]))
        failed++;
    if (failed > STEP_COMMIT) {
        pg_lose(db, err, UNRELIABLE);
        return COMMIT_LOST;
    }
    verdict = judge(db, results[failed], failed == STEP_STORE, err);
    // Where COMMIT fails so, the batch holds as stored what was rolled back: it is not to be tried as it is.
    *ret_no_partition = failed == STEP_STORE && pg_kind(db, results[failed]) == SQL_NO_PARTITION;
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

// False with `err` where memory was out before anything was sent, or the connection is lost.
static bool send_batch(struct db *db, const struct batch *batch, struct err *err)
{
    struct pg_params params;
    enum rows_kind kind = kind_of(batch);
    if (!rows_put_events(&db->params, batch->rows, batch->row_count, kind, &params))
        return err_set(err, "no memory for the batch");
    if (!PQenterPipelineMode(db->conn) || !pipeline_send(db, STEP_BEGIN, NULL) ||
        !pipeline_send(db, STEP_LOCK, NULL) || !pipeline_send(db, store_steps[kind], &params) ||
        (batch->count >= FLUSH_EVENTS && !PQsendFlushRequest(db->conn)) ||
        !pipeline_send(db, STEP_COMMIT, NULL) || !PQpipelineSync(db->conn))
        return pg_lose(db, err, "the connection to the database was lost");
    return true;
}

// Sends what is to be committed next; false if nothing is. Where it cannot be sent, the connection is lost,
// or memory is out and the call for that batch tries again.
static bool send_next(struct db *db, const struct commit_next *next, bool committed)
{
    struct event **events;
    struct batch batch;
    size_t count = next->take(next->context, committed, &events);
    if (!count)
        return false;
    if (!batch_init(&batch, events, count))
        return true;
    if (send_batch(db, &batch, NULL))
        db->sent = batch;
    else
        batch_release(&batch);
    return true;
}

// Reads what became of a batch that was sent. COMMIT_TRANSIENT: some result is bad.
static enum commit_result take_commit(struct db *db, struct batch *batch, const struct commit_next *next,
                                      int64_t deadline, PGresult **results, struct err *err)
{
    bool given = false;
    db->unreplicated = false;
    if (!pipeline_take(db, STEP_BEGIN, STEP_COMMIT, deadline, results, err))
        return COMMIT_LOST;
    if (rows_are_stored(results)) {
        if (!take_stored(batch, results[STEP_STORE])) {
            pg_lose(db, err, "the database answered with keys that were not sent");
            return COMMIT_LOST;
        }
        batch_collect_open(batch);
        if (batch->open_count)
            next = NULL; // those keys are to be read first
        if (next && batch->count >= FLUSH_EVENTS)
            given = send_next(db, next, false);
    }
    if (!pipeline_take(db, STEP_COMMIT, STEP_COMMIT + 1, deadline, results, err) ||
        !pipeline_take_sync(db, deadline, err))
        return COMMIT_LOST;
    if (committed(db, results)) {
        if (next && !given)
            send_next(db, next, true);
        return COMMIT_DONE;
    }
    if (!given)
        return COMMIT_TRANSIENT;
    // What became of the one behind is not read any more.
    if (pg_is_ok(results[STEP_COMMIT]))
        err_set(err, UNRELIABLE);
    else
        pg_err(results[STEP_COMMIT], err);
    db->lost = true;
    return COMMIT_LOST;
}

static enum commit_result try_commit(struct db *db, struct batch *batch, bool sent,
                                     const struct commit_next *next, int64_t deadline, bool *ret_no_partition,
                                     struct err *err)
{
    PGresult *results[STEP_COMMIT + 1] = {NULL};
    *ret_no_partition = false;
    if (!sent && !send_batch(db, batch, err))
        return db->lost ? COMMIT_LOST : COMMIT_TRANSIENT;
    enum commit_result verdict = take_commit(db, batch, next, deadline, results, err);
    if (verdict == COMMIT_TRANSIENT)
        verdict = judge_all(db, results, deadline, ret_no_partition, err);
    pipeline_clear(results, ARRAY_LEN(results));
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

static enum commit_result commit_batch(struct db *db, struct batch *batch, bool sent,
                                       const struct commit_next *next, int64_t deadline, struct err *err)
{
    if (!db->prepared) {
        PGresult *failed = NULL;
        if (!pipeline_prepare(db, deadline, &failed, err))
            return COMMIT_LOST;
        if (failed) {
            enum commit_result verdict = judge(db, failed, false, err);
            PQclear(failed);
            return verdict;
        }
    }
    for (int try = 1;; try++) {
        bool no_partition;
        enum commit_result verdict =
            try_commit(db, batch, sent && try == 1, next, deadline, &no_partition, err);
        if (verdict != COMMIT_TRANSIENT || !no_partition || try == PARTITION_TRIES)
            return verdict;
        verdict = make_partitions(db, batch, deadline, err);
        if (verdict != COMMIT_DONE)
            return verdict;
    }
}

// True: the batch is the one that was sent behind the one before.
static bool take_sent(struct db *db, struct event **events, size_t count, struct batch *ret_batch)
{
    if (!db->sent.count)
        return false;
    BUG_ON(db->sent.events != events || db->sent.count != count);
    *ret_batch = db->sent;
    db->sent = (struct batch){0};
    return true;
}

enum commit_result store_commit(struct db *db, struct event **events, size_t count,
                                const struct commit_next *next, int64_t deadline, struct err *err)
{
    struct batch batch;
    BUG_ON(db->role != DB_WRITER || count == 0 || count > STORE_BATCH_EVENTS);
    if (db->lost || (!db->sent.count && PQtransactionStatus(db->conn) != PQTRANS_IDLE)) {
        pg_lose(db, err, "the connection to the database was lost");
        return COMMIT_LOST;
    }
    bool sent = take_sent(db, events, count, &batch);
    if (!sent && !batch_init(&batch, events, count)) {
        err_set(err, "no memory for the batch");
        return COMMIT_TRANSIENT;
    }
    enum commit_result verdict = commit_batch(db, &batch, sent, next, deadline, err);
    if (verdict == COMMIT_DONE) {
        read_present(db, &batch, deadline, err);
        batch_conclude(&batch);
        db->config_reported = false;
    }
    batch_release(&batch);
    return verdict;
}
