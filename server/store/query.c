// SPDX-License-Identifier: Apache-2.0
// Reads, each in a read-only transaction that names its project, through the views.
#include "server/store/query.h"
#include "lib/wire/limits.h"
#include "server/store/query_sql.h"

#define FETCH_ROWS  "16" // of which a page that is full drops the rest
#define READ_USEC   (2 * USEC_PER_SEC)
#define END_USEC    (2 * USEC_PER_SEC)
#define SQL_CEILING 16384

// Opens the transaction of one project; `*ret_now` is its time.
static bool begin(struct db *db, int32_t project_id, int64_t deadline, int64_t *ret_now, struct err *err)
{
    char text[16];
    struct pg_params params = {0};
    PGresult *result;
    snprintf(text, sizeof(text), "%d", project_id);
    pg_param_text(&params, str_from(text));
    if (!pg_begin(db, deadline, err) ||
        !pg_run(db, "SELECT set_config('telemetry.project_id', $1, true), now()", &params, deadline, &result,
                err))
        return false;
    *ret_now = pg_time(result, 0, 1);
    PQclear(result);
    return true;
}

static void end(struct db *db, int64_t deadline)
{
    // A read has nothing to commit; what it takes to leave cleanly may pass the deadline a little.
    pg_rollback(db, MAX(deadline, pg_deadline_in(END_USEC)));
}

static bool read_receipt(const PGresult *result, const struct uuid *event_id, struct arena *arena,
                         struct receipt *ret_receipt, struct err *err)
{
    struct receipt receipt = {
        .event_id = *event_id,
        .contract = arena_dup(arena, pg_text(result, 0, 0)),
        .received_at = pg_time(result, 0, 1),
        .quarantined = pg_bool(result, 0, 3),
    };
    if (!receipt.contract.ptr)
        return err_set(err, "no memory for a receipt");
    if (!pg_bytes(result, 0, 2, receipt.sha256, sizeof(receipt.sha256)))
        return err_set(err, "a row of the ledger has no content hash");
    *ret_receipt = receipt;
    return true;
}

enum query_result store_receipt(struct db *db, int32_t project_id, const struct uuid *event_id,
                                int64_t deadline, struct arena *arena, struct receipt *ret_receipt,
                                struct err *err)
{
    struct pg_params params = {0};
    PGresult *result = NULL;
    int64_t now;
    enum query_result verdict = QUERY_FAILED;
    pg_param_uuid(&params, event_id);
    if (begin(db, project_id, deadline, &now, err) &&
        pg_run(db,
               "SELECT contract, received_at, sha256, quarantined FROM telemetry.project_receipts WHERE "
               "event_id = $1",
               &params, deadline, &result, err)) {
        if (PQntuples(result) == 0)
            verdict = QUERY_NONE;
        else if (read_receipt(result, event_id, arena, ret_receipt, err))
            verdict = QUERY_OK;
    }
    PQclear(result);
    end(db, deadline);
    return verdict;
}

// Which contracts to look at, and where their rows can be.
static bool plan_read(struct db *db, const struct events_query *query, int64_t now, int64_t deadline,
                      struct query_plan *ret_plan, struct err *err)
{
    struct pg_params params = {0};
    PGresult *result;
    int64_t first, last;
    *ret_plan = (struct query_plan){0};
    query_bounds(query, now, &ret_plan->since, &ret_plan->until);
    first = query_day(ret_plan->since);
    last = query_day(ret_plan->until);
    pg_param_i32(&params, query->contract_id);
    pg_param_i32(&params, query->project_id);
    if (!pg_run(db,
                "SELECT DISTINCT days FROM telemetry.contract_retention"
                " WHERE ($1 = 0 OR contract_id = $1) AND (project_id IS NULL OR project_id = $2)",
                &params, deadline, &result, err))
        return false;
    for (int row = 0; row < PQntuples(result); row++)
        spans_add(&ret_plan->spans, first, last, pg_i32(result, row, 0), query_day(now));
    PQclear(result);
    return true;
}

static bool open_page(struct db *db, const struct events_query *query, const struct query_plan *plan,
                      int64_t deadline, struct err *err)
{
    struct buf sql;
    struct pg_params params;
    buf_init(&sql, SQL_CEILING);
    buf_put_cstr(&sql, "DECLARE page NO SCROLL CURSOR FOR ");
    query_write(query, plan, &sql, &params);
    buf_put_char(&sql, '\0');
    bool good = buf_ok(&sql) ? pg_run(db, sql.ptr, &params, deadline, NULL, err)
                             : err_set(err, "no memory for a query");
    buf_release(&sql);
    return good;
}

static bool read_row(const PGresult *result, int row, struct stored_event *ret_event)
{
    *ret_event = (struct stored_event){
        .received_at = pg_time(result, row, 0),
        .contract = pg_text(result, row, 2),
        .class_ = (int16_t)pg_i32(result, row, 3),
        .has_occurred_at = !PQgetisnull(result, row, 4),
        .occurred_at = PQgetisnull(result, row, 4) ? 0 : pg_time(result, row, 4),
        .client = pg_text(result, row, 5),
        .session_id = pg_text(result, row, 6),
        .trace_id = pg_text(result, row, 7),
        .repository_id = pg_text(result, row, 8),
        .payload = pg_text(result, row, 10),
    };
    return pg_bytes(result, row, 1, ret_event->event_id.bytes, sizeof(ret_event->event_id.bytes)) &&
           pg_bytes(result, row, 9, ret_event->sha256, sizeof(ret_event->sha256));
}

struct sink {
    bool (*row)(void *context, const struct stored_event *event);
    void *context;
    bool full;
};

static bool give_row(const PGresult *result, struct sink *sink, struct err *err)
{
    struct stored_event event;
    if (sink->full)
        return true;
    if (!read_row(result, 0, &event))
        return err_set(err, "a stored event has no id or content hash");
    sink->full = !sink->row(sink->context, &event);
    return true;
}

// The next rows, one by one as they come: a megabyte each, together they are more than a page may be.
static bool fetch(struct db *db, int64_t deadline, struct sink *sink, bool *ret_any, struct err *err)
{
    bool good = true;
    *ret_any = false;
    if (db->lost ||
        !PQsendQueryParams(db->conn, "FETCH " FETCH_ROWS " FROM page", 0, NULL, NULL, NULL, NULL, 1) ||
        !PQsetSingleRowMode(db->conn))
        return pg_lose(db, err, "the connection to the database was lost");
    for (;;) {
        PGresult *result;
        if (!pg_next(db, deadline, &result, err))
            return false;
        if (!result)
            return good;
        if (PQresultStatus(result) == PGRES_SINGLE_TUPLE) {
            *ret_any = true;
            good = good && give_row(result, sink, err);
        } else if (!pg_is_ok(result)) {
            db->lost = db->lost || pg_kind(db, result) == SQL_LOST;
            good = pg_err(result, err);
        }
        PQclear(result);
    }
}

static bool read_page(struct db *db, int64_t deadline, struct sink *sink, struct err *err)
{
    bool any = true;
    while (any && !sink->full)
        if (!fetch(db, deadline, sink, &any, err))
            return false;
    return true;
}

enum query_result store_query_events(struct db *db, const struct events_query *query, int64_t deadline,
                                     bool (*row)(void *context, const struct stored_event *event),
                                     void *context, int64_t *ret_now, struct err *err)
{
    struct query_plan plan;
    struct sink sink = {row, context, false};
    int64_t now;
    BUG_ON(query->limit < 1 || query->limit > LIMIT_QUERY_ROWS);
    deadline = MIN(deadline, pg_deadline_in(READ_USEC));
    bool good = begin(db, query->project_id, deadline, &now, err) &&
                plan_read(db, query, now, deadline, &plan, err) &&
                open_page(db, query, &plan, deadline, err) && read_page(db, deadline, &sink, err);
    end(db, deadline);
    if (!good)
        return QUERY_FAILED;
    *ret_now = now;
    return QUERY_OK;
}
