// SPDX-License-Identifier: Apache-2.0
// Pages and receipts against a real PostgreSQL.
#include "server/store/events.h"
#include "server/store/query_sql.h"
#include "test_store_cluster.h"

#include "check_main.h"

#define TEXT "{\"a\": 1.50}"

static int64_t in_time(void)
{
    return pg_deadline_in(60 * USEC_PER_SEC);
}

static void put(struct db *db, unsigned n, int32_t project, int32_t contract, const char *session)
{
    struct event event;
    event_make(&event, n, TEXT);
    event.project_id = project;
    event.contract_id = contract;
    event.session_id = str_from(session);
    ck_assert_int_eq(commit_one(db, &event), COMMIT_DONE);
    ck_assert_int_eq(event.outcome, EVENT_STORED);
}

struct page {
    size_t count, stop_after;
    struct stored_event last;
    struct uuid ids[400];
};

static bool take(void *context, const struct stored_event *event)
{
    struct page *page = context;
    ck_assert(page->count == 0 || page->last.received_at < event->received_at ||
              (page->last.received_at == event->received_at &&
               uuid_cmp(&page->last.event_id, &event->event_id) < 0));
    page->last = *event;
    page->ids[page->count++] = event->event_id;
    return page->count != page->stop_after;
}

// Reads all pages of a query, `limit` rows each.
static size_t read_all(struct db *db, struct events_query query, struct page *all)
{
    struct err err;
    *all = (struct page){0};
    for (;;) {
        size_t before = all->count;
        int64_t now = 0;
        ck_assert_msg(store_query_events(db, &query, in_time(), take, all, &now, &err) == QUERY_OK, "%s",
                      err.text);
        ck_assert_int_gt(now, 0);
        ck_assert_uint_le(all->count - before, query.limit);
        if (all->count == before)
            return all->count;
        query.has_cursor = true;
        query.cursor_received_at = all->last.received_at;
        query.cursor_id = all->last.event_id;
    }
}

static struct events_query query_of(int32_t project)
{
    return (struct events_query){.project_id = project, .since = 0, .until = INT64_MAX, .limit = 7};
}

// 3 contracts of 30, 365 and endless days.
static char *filled(struct db **ret_writer)
{
    char *url = cluster_database();
    cluster_sql(url, "INSERT INTO telemetry.contracts (name, family, version, class, schema_sha256) VALUES"
                     " ('b.v1', 'b', 1, 1, sha256('')), ('c.v1', 'c', 1, 1, sha256(''));"
                     "INSERT INTO telemetry.contract_retention (contract_id, days) VALUES (2, 30), (3, 0)");
    *ret_writer = cluster_open(url, DB_WRITER);
    for (unsigned i = 0; i < 60; i++) {
        struct event event;
        event_make(&event, i, TEXT);
        event.contract_id = 1 + (int32_t)(i % 3);
        event.project_id = i % 5 == 0 ? 2 : 1;
        event.session_id = i % 4 == 0 ? STR("s-1") : STR_NULL;
        event.expiry_kind = i % 3 == 2 ? EXPIRY_NEVER : EXPIRY_DAYS;
        event.expiry_days = i % 3 == 0 ? 365 : 30;
        ck_assert_int_eq(commit_one(*ret_writer, &event), COMMIT_DONE);
    }
    return url;
}

START_TEST(store_query_events__pages_through_one_project)
{
    static struct page page;
    struct db *writer;
    char *url = filled(&writer);
    struct db *db = cluster_open(url, DB_READER);
    struct events_query query = query_of(1);
    ck_assert_uint_eq(read_all(db, query, &page), 48);
    for (size_t i = 0; i < page.count; i++)
        for (size_t j = 0; j < i; j++)
            ck_assert(!uuid_eq(&page.ids[i], &page.ids[j]));
    query.project_id = 2;
    ck_assert_uint_eq(read_all(db, query, &page), 12);
    query.project_id = 3;
    ck_assert_uint_eq(read_all(db, query, &page), 0);
    query.project_id = 1;
    query.contract_id = 2;
    ck_assert_uint_eq(read_all(db, query, &page), 16);
    query.session_id = STR("s-1");
    ck_assert_uint_eq(read_all(db, query, &page), 4);
    query.contract_id = 0;
    ck_assert_uint_eq(read_all(db, query, &page), 12);
    query.session_id = STR("s-1' OR true --");
    ck_assert_uint_eq(read_all(db, query, &page), 0);
    query = query_of(1);
    query.since = clock_wall_us(clock_system()) + USEC_PER_DAY / 2;
    ck_assert_uint_eq(read_all(db, query, &page), 0);
    query = query_of(1);
    query.until = clock_wall_us(clock_system()) - USEC_PER_DAY;
    ck_assert_uint_eq(read_all(db, query, &page), 0);
    ck_assert(db_is_good(db));
    db_close(db);
    db_close(writer);
    free(url);
}
END_TEST

START_TEST(store_query_events__gives_every_column_and_stops_when_told)
{
    char *url = cluster_database();
    struct db *writer = cluster_open(url, DB_WRITER), *db = cluster_open(url, DB_READER);
    struct page page = {.stop_after = 1};
    struct event event;
    struct err err;
    int64_t now;
    for (unsigned i = 0; i < 3; i++)
        put(writer, i, 1, 1, NULL);
    struct events_query query = query_of(1);
    ck_assert_int_eq(store_query_events(db, &query, in_time(), take, &page, &now, &err), QUERY_OK);
    ck_assert_uint_eq(page.count, 1);
    cluster_sql(url, "TRUNCATE telemetry.events");
    event_make(&event, 9, TEXT);
    event.occurred_at = 1700000000000001;
    event.has_occurred_at = true;
    event.client = STR("vox/1");
    event.trace_id = STR("t");
    event.repository_id = STR("r");
    ck_assert_int_eq(commit_one(writer, &event), COMMIT_DONE);
    struct db *raw = cluster_open(url, DB_READER);
    page = (struct page){0};
    ck_assert_int_eq(store_query_events(raw, &query, in_time(), take, &page, &now, &err), QUERY_OK);
    ck_assert_uint_eq(page.count, 1);
    ck_assert(uuid_eq(&page.last.event_id, &event.id));
    ck_assert_int_eq(page.last.received_at, event.received_at);
    ck_assert(page.last.has_occurred_at && page.last.occurred_at == event.occurred_at);
    ck_assert_int_eq(page.last.class_, 1);
    ck_assert_mem_eq(page.last.sha256, event.sha256, SHA256_LEN);
    db_close(raw);
    db_close(db);
    db_close(writer);
    free(url);
}
END_TEST

static bool check_strings(void *context, const struct stored_event *event)
{
    bool *seen = context;
    ck_assert_view_eq(event->contract, "model-call.v1");
    ck_assert_view_eq(event->payload, "{\"a\": 1.50}");
    ck_assert_view_eq(event->session_id, "s");
    ck_assert(!event->client.ptr && !event->trace_id.ptr && !event->repository_id.ptr);
    ck_assert(!event->has_occurred_at);
    *seen = true;
    return true;
}

START_TEST(store_query_events__gives_strings_while_the_row_is_there)
{
    char *url = cluster_database();
    struct db *writer = cluster_open(url, DB_WRITER), *db = cluster_open(url, DB_READER);
    struct events_query query = query_of(1);
    struct err err;
    bool seen = false;
    int64_t now;
    put(writer, 1, 1, 1, "s");
    ck_assert_int_eq(store_query_events(db, &query, in_time(), check_strings, &seen, &now, &err), QUERY_OK);
    ck_assert(seen);
    db_close(db);
    db_close(writer);
    free(url);
}
END_TEST

START_TEST(store_query_events__hides_what_is_past_its_day)
{
    static struct page page;
    struct db *writer;
    char *url = filled(&writer);
    struct db *db = cluster_open(url, DB_READER);
    struct events_query query = query_of(1);
    // Rows of their own date, today: gone from every answer, on disk for up to a week more.
    cluster_sql(url, "INSERT INTO telemetry.contract_retention (contract_id, days) VALUES (1, -1)");
    struct event event;
    event_make(&event, 100, TEXT);
    event.expiry_kind = EXPIRY_DATE;
    event.expiry_date = (int32_t)(clock_wall_us(clock_system()) / USEC_PER_DAY);
    ck_assert_int_eq(commit_one(writer, &event), COMMIT_DONE);
    ck_assert_uint_eq(read_all(db, query, &page), 48);
    event_make(&event, 101, TEXT);
    event.expiry_kind = EXPIRY_DATE;
    event.expiry_date = (int32_t)(clock_wall_us(clock_system()) / USEC_PER_DAY) + 2;
    ck_assert_int_eq(commit_one(writer, &event), COMMIT_DONE);
    ck_assert_uint_eq(read_all(db, query, &page), 49);
    // A date too far ahead lies in the infinity partition and is hidden on its day all the same, unless held.
    event_make(&event, 102, TEXT);
    event.expiry_kind = EXPIRY_DATE;
    event.expiry_date = (int32_t)(clock_wall_us(clock_system()) / USEC_PER_DAY) + 500;
    ck_assert_int_eq(commit_one(writer, &event), COMMIT_DONE);
    ck_assert_uint_eq(read_all(db, query, &page), 50);
    cluster_sql(
        url, "UPDATE telemetry.events SET due_on = telemetry.today() WHERE due_on = telemetry.today() + 500");
    ck_assert_uint_eq(read_all(db, query, &page), 49);
    cluster_sql(url, "UPDATE telemetry.events SET hold_id = 1 WHERE due_on = telemetry.today() AND"
                     " expires_on = 'infinity'");
    ck_assert_uint_eq(read_all(db, query, &page), 50);
    db_close(db);
    db_close(writer);
    free(url);
}
END_TEST

// The plan of a page query, as text.
static void explain(struct db *db, const char *how, const struct events_query *query,
                    const struct query_plan *plan, struct buf *out)
{
    struct buf sql;
    struct pg_params params;
    PGresult *result;
    struct err err;
    buf_init(&sql, 65536);
    buf_putf(&sql, "EXPLAIN (COSTS OFF%s) ", how);
    query_write(query, plan, &sql, &params);
    buf_put_char(&sql, '\0');
    ck_assert_msg(pg_run(db, sql.ptr, &params, in_time(), &result, &err), "%s", err.text);
    for (int i = 0; i < PQntuples(result); i++) {
        buf_put_str(out, pg_text(result, i, 0));
        buf_put_char(out, '\n');
    }
    buf_put_char(out, '\0');
    PQclear(result);
    buf_release(&sql);
}

START_TEST(store_query_events__reads_only_the_partitions_that_can_hold_rows)
{
    struct db *writer;
    char *url = filled(&writer);
    struct db *db = cluster_open(url, DB_READER);
    cluster_sql(url, "SELECT telemetry.make_partition('events', telemetry.today() + n)"
                     " FROM generate_series(0, 400, 7) AS n");
    ck_assert_int_gt(cluster_number(url, "SELECT count(*) FROM pg_inherits WHERE inhparent ="
                                         " 'telemetry.events'::regclass"),
                     55);
    int64_t now = clock_wall_us(clock_system());
    struct events_query query = query_of(1);
    query.since = now - USEC_PER_DAY;
    query.until = now;
    for (int shape = 0; shape < 3; shape++) {
        struct query_plan plan = {0};
        struct buf text;
        query.contract_id = shape == 1 ? 2 : 0;
        query.session_id = shape == 2 ? STR("s-1") : STR_NULL;
        query_bounds(&query, now, &plan.since, &plan.until);
        spans_add(&plan.spans, query_day(plan.since), query_day(plan.until), 365, query_day(now));
        spans_add(&plan.spans, query_day(plan.since), query_day(plan.until), 30, query_day(now));
        buf_init(&text, 1 << 20);
        explain(db, "", &query, &plan, &text);
        int scans = 0;
        for (const char *at = text.ptr; (at = strstr(at, " on events_")); at++)
            scans++;
        // Two days reach into one week or two, for two numbers of days, and infinity.
        ck_assert_msg(scans >= 3 && scans <= 5, "shape %d: %d partitions\n%s", shape, scans, text.ptr);
        ck_assert_msg(!strstr(text.ptr, "Seq Scan on events"), "%s", text.ptr);
        ck_assert_msg(strstr(text.ptr, "Merge Append"), "%s", text.ptr);
        const char *cond = strstr(text.ptr, "Index Cond: ((project_id = ");
        ck_assert_msg(cond && strstr(cond, shape == 2 ? "(session_id = " : "(contract_id = ") &&
                          strstr(cond, "(received_at >= "),
                      "%s", text.ptr);
        buf_release(&text);
    }
    db_close(db);
    db_close(writer);
    free(url);
}
END_TEST

START_TEST(store_query_events__prints_no_payload_but_the_pages)
{
    struct db *writer;
    char *url = filled(&writer);
    struct db *db = cluster_open(url, DB_READER);
    int64_t now = clock_wall_us(clock_system());
    struct events_query query = query_of(1);
    for (int shape = 0; shape < 2; shape++) {
        struct query_plan plan = {0};
        struct buf text;
        query.session_id = shape == 1 ? STR("s-1") : STR_NULL;
        query_bounds(&query, now, &plan.since, &plan.until);
        spans_add(&plan.spans, query_day(now), query_day(now), 365, query_day(now));
        buf_init(&text, 1 << 20);
        explain(db, ", VERBOSE", &query, &plan, &text);
        // All contracts are put in order by a sort of pages; a session comes in order from its index.
        const char *sort = strstr(text.ptr, "->  Sort");
        const char *limit = strstr(text.ptr, "->  Limit");
        ck_assert_msg(limit && (shape == 1 ? !sort : sort && limit < sort), "%s", text.ptr);
        ck_assert(strstr(text.ptr, "payload)::text") < limit);
        ck_assert_ptr_null(strstr(limit, "payload)::text"));
        ck_assert(!sort || !strstr(sort + 1, "->  Sort"));
        buf_release(&text);
    }
    db_close(db);
    db_close(writer);
    free(url);
}
END_TEST

struct heavy {
    size_t rows, bytes;
};

static bool take_some(void *context, const struct stored_event *event)
{
    struct heavy *heavy = context;
    heavy->rows++;
    heavy->bytes += event->payload.len;
    return heavy->bytes < 3 * 1000 * 1000;
}

// False where the database was too slow, at most ten times; a connection that was lost by it is made anew.
static bool read_within(const char *url, struct db **db, const struct events_query *query,
                        bool (*take_row)(void *context, const struct stored_event *event), void *context)
{
    static int slow;
    struct err err = {""};
    int64_t now;
    if (store_query_events(*db, query, in_time(), take_row, context, &now, &err) == QUERY_OK)
        return true;
    ck_assert_msg(++slow <= 10, "%s", err.text);
    if (!db_is_good(*db)) {
        db_close(*db);
        *db = cluster_open(url, DB_READER);
    }
    return false;
}

START_TEST(store_query_events__stops_amid_what_it_fetches)
{
    char *url = cluster_database();
    struct db *writer = cluster_open(url, DB_WRITER), *db = cluster_open(url, DB_READER);
    struct events_query query = query_of(1);
    struct buf text;
    buf_init(&text, 2000000);
    buf_put_cstr(&text, "{\"a\":\"");
    for (size_t i = 0; i < 1000000; i++)
        buf_put_char(&text, 'x');
    buf_put_cstr(&text, "\"}");
    buf_put_char(&text, '\0');
    for (unsigned i = 0; i < 20; i++) {
        struct event event;
        event_make(&event, i, text.ptr);
        ck_assert_int_eq(commit_one(writer, &event), COMMIT_DONE);
    }
    query.limit = 100;
    for (int round = 0; round < 2; round++) { // the second finds nothing left over of the first
        struct heavy heavy;
        do // a read may take two seconds, and no longer on a slow machine
            heavy = (struct heavy){0};
        while (!read_within(url, &db, &query, take_some, &heavy));
        ck_assert_uint_eq(heavy.rows, 3);
        ck_assert(db_is_good(db));
    }
    struct page page;
    do
        page = (struct page){0};
    while (!read_within(url, &db, &query, take, &page));
    ck_assert_uint_eq(page.count, 20);
    buf_release(&text);
    db_close(db);
    db_close(writer);
    free(url);
}
END_TEST

START_TEST(store_query_events__fails_cleanly)
{
    char *url = cluster_database();
    struct db *db = cluster_open(url, DB_READER);
    struct events_query query = query_of(1);
    struct page page = {0};
    struct err err;
    int64_t now;
    PGconn *other = cluster_session(url);
    cluster_run(other, "BEGIN; LOCK TABLE telemetry.events");
    ck_assert_int_eq(store_query_events(db, &query, in_time(), take, &page, &now, &err), QUERY_FAILED);
    ck_assert(db_is_good(db)); // a lock's timeout
    PQfinish(other);
    cluster_sql(url, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                     " WHERE datname = current_database() AND pid <> pg_backend_pid()");
    ck_assert_int_eq(store_query_events(db, &query, in_time(), take, &page, &now, &err), QUERY_FAILED);
    ck_assert(!db_is_good(db));
    db_close(db);
    free(url);
}
END_TEST

START_TEST(store_receipt__is_the_projects_own)
{
    char *url = cluster_database();
    struct db *writer = cluster_open(url, DB_WRITER), *db = cluster_open(url, DB_READER);
    struct arena arena;
    struct receipt receipt;
    struct event event;
    struct err err;
    arena_init(&arena, 1024, 65536);
    event_make(&event, 1, TEXT);
    ck_assert_int_eq(commit_one(writer, &event), COMMIT_DONE);
    ck_assert_int_eq(store_receipt(db, 1, &event.id, in_time(), &arena, &receipt, &err), QUERY_OK);
    ck_assert(uuid_eq(&receipt.event_id, &event.id));
    ck_assert_view_eq(receipt.contract, "model-call.v1");
    ck_assert_int_eq(receipt.received_at, event.received_at);
    ck_assert_mem_eq(receipt.sha256, event.sha256, SHA256_LEN);
    ck_assert(!receipt.duplicate && !receipt.id.ptr);
    ck_assert_int_eq(store_receipt(db, 2, &event.id, in_time(), &arena, &receipt, &err), QUERY_NONE);
    ck_assert(!receipt.quarantined);
    // In quarantine it was taken all the same, with a contract or without; erased it was not.
    cluster_sql(url, "UPDATE telemetry.event_keys SET state = 1");
    ck_assert_int_eq(store_receipt(db, 1, &event.id, in_time(), &arena, &receipt, &err), QUERY_OK);
    ck_assert_view_eq(receipt.contract, "model-call.v1");
    ck_assert(receipt.quarantined);
    cluster_sql(url, "UPDATE telemetry.event_keys SET contract_id = 0");
    ck_assert_int_eq(store_receipt(db, 1, &event.id, in_time(), &arena, &receipt, &err), QUERY_OK);
    ck_assert_view_eq(receipt.contract, "unknown");
    ck_assert_int_eq(store_receipt(db, 2, &event.id, in_time(), &arena, &receipt, &err), QUERY_NONE);
    cluster_sql(url, "UPDATE telemetry.event_keys SET state = 2");
    ck_assert_int_eq(store_receipt(db, 1, &event.id, in_time(), &arena, &receipt, &err), QUERY_NONE);
    cluster_sql(url, "DROP VIEW telemetry.project_receipts");
    ck_assert_int_eq(store_receipt(db, 1, &event.id, in_time(), &arena, &receipt, &err), QUERY_FAILED);
    ck_assert(db_is_good(db));
    arena_release(&arena);
    db_close(db);
    db_close(writer);
    free(url);
}
END_TEST

START_TEST(views__are_empty_without_a_project)
{
    struct db *writer;
    char *url = filled(&writer);
    ck_assert_int_eq(cluster_number(url, "SELECT (SELECT count(*) FROM telemetry.project_events) +"
                                         " (SELECT count(*) FROM telemetry.project_events_in_order) +"
                                         " (SELECT count(*) FROM telemetry.project_receipts) +"
                                         " (SELECT count(*) FROM telemetry.project_quarantine)"),
                     0);
    db_close(writer);
    free(url);
}
END_TEST

CHECK_MAIN_WITH(cluster_start, "store_read", store_query_events__pages_through_one_project,
                store_query_events__gives_every_column_and_stops_when_told,
                store_query_events__gives_strings_while_the_row_is_there,
                store_query_events__hides_what_is_past_its_day,
                store_query_events__reads_only_the_partitions_that_can_hold_rows,
                store_query_events__prints_no_payload_but_the_pages,
                store_query_events__stops_amid_what_it_fetches, store_query_events__fails_cleanly,
                store_receipt__is_the_projects_own, views__are_empty_without_a_project)
