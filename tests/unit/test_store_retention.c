// SPDX-License-Identifier: Apache-2.0
// The end of rows: weeks that have passed, days that have come, policies that changed. A real PostgreSQL.
#include "server/store/events.h"
#include "server/store/keeper.h"
#include "server/store/retention.h"

#include "tests/unit/check_main.h"
#include "tests/unit/test_store_cluster.h"

#define SOON pg_deadline_in(120 * USEC_PER_SEC)

// A week of long ago with `n` rows of project 1 and contract 1, as it would lie there after a long
// standstill.
#define OLD_WEEK(parent, monday)                                                               \
    "CREATE TABLE telemetry." parent "_p" monday " (LIKE telemetry." parent " INCLUDING ALL);" \
    "ALTER TABLE telemetry." parent " ATTACH PARTITION telemetry." parent "_p" monday          \
    " FOR VALUES FROM ('" monday "') TO (date '" monday "' + 7);"

#define PUT(n, received, expires, due, hold)                                                              \
    "INSERT INTO telemetry.events (received_at, event_id, project_id, contract_id, token_id, expires_on," \
    " due_on, hold_id, class, sha256, payload) SELECT " received ", gen_random_uuid(), 1, 1, 1, " expires \
    ", " due ", " hold ", 1, sha256('x'), '{}' FROM generate_series(1, " #n ");"

#define WEEKS                                                                                               \
    "SELECT count(*) FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid WHERE c.relname ~ '_p[0-9]' " \
    "AND i.inhparent IN ('telemetry.events'::regclass, 'telemetry.quarantine'::regclass)"
#define EVENTS "SELECT count(*) FROM telemetry.events"

static void with_project(const char *url)
{
    cluster_sql(url, "INSERT INTO telemetry.projects (name) SELECT 'p' WHERE NOT EXISTS"
                     " (SELECT FROM telemetry.projects)");
}

START_TEST(store_retention__drops_weeks_that_have_passed_and_no_other)
{
    char *url = cluster_database();
    struct db *db = cluster_open(url, DB_KEEPER);
    struct retention_done done;
    struct err err;
    int ahead;
    ck_assert(store_partitions_ahead(db, 7, SOON, &ahead, &err));
    int64_t ahead_weeks = cluster_number(url, WEEKS);
    cluster_sql(url, OLD_WEEK("events", "20200106") OLD_WEEK("events", "20200113")
                         OLD_WEEK("quarantine", "20200106"));
    // The week that today is in stays until its last day has passed, whatever rows of it have expired.
    cluster_sql(url, "SELECT telemetry.make_partition('events', telemetry.today())");
    cluster_sql(url, PUT(3, "now()", "'2020-01-07'", "'2020-01-07'", "NULL")
                         PUT(1, "now()", "telemetry.today()", "telemetry.today()", "NULL"));
    ck_assert_msg(store_retention_apply(db, SOON, &done, &err), "%s", err.text);
    ck_assert_int_eq(done.partitions, 3);
    ck_assert_int_eq(done.rows, 0);
    ck_assert_int_eq(cluster_number(url, EVENTS), 1);
    ck_assert_int_eq(cluster_number(url, WEEKS), ahead_weeks + 1);
    ck_assert_int_eq(cluster_number(url, "SELECT count(*) FROM pg_class WHERE relname ~ '_p2020'"), 0);
    ck_assert(store_retention_apply(db, SOON, &done, &err));
    ck_assert_int_eq(done.partitions, 0);
    db_close(db);
    free(url);
}
END_TEST

START_TEST(store_retention__deletes_what_is_due_without_a_week)
{
    char *url = cluster_database();
    struct db *db = cluster_open(url, DB_KEEPER);
    struct retention_done done;
    struct err err;
    cluster_sql(url, PUT(2500, "now()", "'infinity'", "telemetry.today()", "NULL")
                         PUT(1, "now()", "'infinity'", "telemetry.today() + 1", "NULL")
                             PUT(1, "now()", "'infinity'", "telemetry.today() - 1", "7")
                                 PUT(1, "now()", "'infinity'", "NULL", "NULL"));
    ck_assert_msg(store_retention_apply(db, SOON, &done, &err), "%s", err.text);
    ck_assert_int_eq(done.rows, 2500);
    ck_assert_int_eq(cluster_number(url, EVENTS), 3);
    db_close(db);
    free(url);
}
END_TEST

START_TEST(store_retention__waits_for_no_reader_and_goes_on_later)
{
    char *url = cluster_database();
    struct db *db = cluster_open(url, DB_KEEPER);
    struct retention_done done;
    struct err err;
    cluster_sql(url, OLD_WEEK("events", "20200106"));
    PGconn *reader = cluster_session(url);
    cluster_run(reader, "BEGIN; SELECT count(*) FROM telemetry.events");
    ck_assert(!store_retention_apply(db, pg_deadline_in(1500 * USEC_PER_MSEC), &done, &err));
    ck_assert_ptr_nonnull(strstr(err.text, "2020-01-06"));
    ck_assert_int_eq(done.partitions, 0);
    ck_assert(db_is_good(db));
    cluster_run(reader, "COMMIT");
    ck_assert(store_retention_apply(db, SOON, &done, &err));
    ck_assert_int_eq(done.partitions, 1);
    PQfinish(reader);
    db_close(db);
    free(url);
}
END_TEST

START_TEST(store_retention__is_done_by_one_at_a_time)
{
    char *url = cluster_database();
    struct db *db = cluster_open(url, DB_KEEPER);
    struct retention_done done;
    struct err err;
    cluster_sql(url,
                OLD_WEEK("events", "20200106") PUT(1, "now()", "'infinity'", "telemetry.today()", "NULL"));
    PGconn *other = cluster_session(url);
    cluster_run(other, "BEGIN; SELECT pg_advisory_xact_lock(1987016564, 5)");
    ck_assert_msg(store_retention_apply(db, SOON, &done, &err), "%s", err.text);
    ck_assert_int_eq(done.partitions + done.rows, 0);
    cluster_run(other, "COMMIT");
    ck_assert(store_retention_apply(db, SOON, &done, &err));
    ck_assert_int_eq(done.partitions, 1);
    ck_assert_int_eq(done.rows, 1);
    PQfinish(other);
    db_close(db);
    free(url);
}
END_TEST

START_TEST(drop_expired__takes_only_weeks_that_have_passed)
{
    static const char *const calls[] = {
        "'events', date_trunc('week', telemetry.today()::timestamp)::date",
        "'events', date_trunc('week', telemetry.today()::timestamp)::date + 7",
        "'events', date_trunc('week', telemetry.today()::timestamp)::date - 6",
        "'events', '-infinity'",
        "'events', 'infinity'",
        "'events', NULL",
        "'event_keys', '2020-01-06'",
        "'tokens', '2020-01-06'",
        "NULL, '2020-01-06'",
    };
    char *url = cluster_database();
    PGconn *session = cluster_session(url);
    for (size_t i = 0; i < ARRAY_LEN(calls); i++) {
        char sql[160];
        snprintf(sql, sizeof(sql), "SELECT telemetry.drop_expired(%s)", calls[i]);
        PGresult *result = PQexec(session, sql);
        ck_assert_str_eq(PQresultErrorField(result, PG_DIAG_SQLSTATE), "22023");
        PQclear(result);
    }
    cluster_run(session, "SELECT telemetry.drop_expired('events', '2020-01-06')"); // none there: no error
    PQfinish(session);
    free(url);
}
END_TEST

START_TEST(store_retention_plan__covers_every_table_and_contract)
{
    char *url = cluster_database();
    struct db *db = cluster_open(url, DB_OWNER);
    struct retention_plan plan;
    struct arena arena;
    struct err err;
    cluster_sql(url, OLD_WEEK("events", "20200106") PUT(3, "now()", "'2020-01-07'", "'2020-01-07'", "NULL")
                         PUT(2, "now()", "'infinity'", "telemetry.today()", "NULL"));
    cluster_sql(url, "INSERT INTO telemetry.contracts (name, family, version, class, schema_sha256)"
                     " VALUES ('no-days.v1', 'no-days', 1, 1, sha256('x'))");
    arena_init(&arena, 4096, 1 << 20);
    ck_assert_msg(store_retention_plan(db, &arena, &plan, &err), "%s", err.text);
    ck_assert_uint_eq(plan.table_count,
                      (size_t)cluster_number(url, "SELECT count(*) FROM pg_class WHERE relnamespace ="
                                                  " 'telemetry'::regnamespace AND relkind IN ('r', 'p')"
                                                  " AND NOT relispartition"));
    for (size_t i = 0; i < plan.table_count; i++)
        ck_assert_msg(plan.tables[i].rule, "%.*s has no rule in server/store/retention_plan.c",
                      STR_FMT(plan.tables[i].name));
    ck_assert_uint_eq(plan.contract_count, 2);
    ck_assert(plan.contracts[0].has_days != plan.contracts[1].has_days);
    const struct retention_contract *kept = &plan.contracts[plan.contracts[1].has_days];
    ck_assert_int_eq(kept->days, 365);
    ck_assert_int_eq(kept->expired, 3);
    ck_assert_int_eq(kept->due, 2);
    size_t expired = 0;
    for (size_t i = 0; i < plan.partition_count; i++) {
        if (!plan.partitions[i].expired)
            continue;
        expired++;
        ck_assert_view_eq(plan.partitions[i].name, "events_p20200106");
        ck_assert_int_eq(plan.partitions[i].rows, 3);
        ck_assert_int_gt(plan.partitions[i].bytes, 0);
    }
    ck_assert_uint_eq(expired, 1);
    arena_release(&arena);
    db_close(db);
    free(url);
}
END_TEST

static void set_days(const char *url, int days)
{
    char sql[160];
    snprintf(sql, sizeof(sql),
             "INSERT INTO telemetry.contract_retention (contract_id, days, valid_from)"
             " VALUES (1, %d, clock_timestamp())",
             days);
    cluster_sql(url, sql);
}

static struct str contract_one(const char *url, struct arena *arena)
{
    struct db *db = cluster_open(url, DB_OWNER);
    struct pg_params none = {0};
    PGresult *result;
    struct err err;
    ck_assert(pg_run(db, "SELECT name FROM telemetry.contracts WHERE id = 1", &none, SOON, &result, &err));
    struct str name = arena_dup(arena, pg_text(result, 0, 0));
    PQclear(result);
    db_close(db);
    return name;
}

START_TEST(store_retention_reassign__moves_rows_to_their_new_day)
{
    char *url = cluster_database();
    struct db *db = cluster_open(url, DB_OWNER), *writer = cluster_open(url, DB_WRITER);
    struct retention_moved moved;
    struct arena arena;
    struct event event;
    struct err err;
    arena_init(&arena, 1024, 4096);
    struct str name = contract_one(url, &arena);
    with_project(url);
    event_make(&event, 1, "{\"a\":1}");
    ck_assert_int_eq(commit_one(writer, &event), COMMIT_DONE);
    cluster_sql(url, "SELECT telemetry.make_partition('events', telemetry.today() + 320)");
    // Of 45 days ago, more than two pages; one on hold; one that is right already.
    cluster_sql(url,
                PUT(2100, "now() - interval '45 days'", "telemetry.today() + 320", "telemetry.today() + 320",
                    "NULL") PUT(1, "now()", "'infinity'", "telemetry.today() + 365", "7"));
    set_days(url, 30);
    ck_assert_msg(store_retention_reassign(db, name, &moved, &err), "%s", err.text);
    ck_assert_int_eq(moved.looked_at, 2102);
    ck_assert_int_eq(moved.deleted, 2100);
    ck_assert_int_eq(moved.moved, 2);
    ck_assert_int_eq(cluster_number(url,
                                    "SELECT count(*) FROM telemetry.events WHERE due_on ="
                                    " telemetry.today() + 30 AND (hold_id = 7) = (expires_on = 'infinity')"
                                    " IS NOT FALSE"),
                     2);
    ck_assert_int_eq(cluster_number(url, "SELECT count(*) FROM telemetry.event_keys WHERE expires_on ="
                                         " telemetry.today() + 30"),
                     1);
    ck_assert(store_retention_reassign(db, name, &moved, &err));
    ck_assert_int_eq(moved.moved + moved.deleted, 0);

    set_days(url, 0);
    ck_assert(store_retention_reassign(db, name, &moved, &err));
    ck_assert_int_eq(moved.moved, 2);
    ck_assert_int_eq(
        cluster_number(url, "SELECT count(*) FROM telemetry.events_infinity WHERE due_on IS NULL"), 2);
    set_days(url, 100);
    ck_assert(store_retention_reassign(db, name, &moved, &err));
    ck_assert_int_eq(moved.moved, 2);
    set_days(url, -1);
    ck_assert(!store_retention_reassign(db, name, &moved, &err));
    ck_assert_ptr_nonnull(strstr(err.text, "dates of their own"));
    ck_assert(!store_retention_reassign(db, STR("nobody.v1"), &moved, &err));
    ck_assert_ptr_nonnull(strstr(err.text, "knows no contract"));
    arena_release(&arena);
    db_close(writer);
    db_close(db);
    free(url);
}
END_TEST

START_TEST(store_commit__one_event_without_a_possible_week_does_not_hold_up_the_rest)
{
    char *url = cluster_database();
    struct db *db = cluster_open(url, DB_WRITER);
    struct event e[2], *events[2] = {&e[0], &e[1]};
    struct err err;
    event_make(&e[0], 1, "{\"a\":1}");
    event_make(&e[1], 2, "{\"a\":2}");
    e[1].expiry_days = 5000; // of a contract whose days are not written down here
    // What the writer takes as: find the one, and answer it 503.
    ck_assert_int_eq(store_commit(db, events, 2, NULL, SOON, &err), COMMIT_LOCKED);
    ck_assert_int_eq(commit_one(db, &e[1]), COMMIT_LOCKED);
    ck_assert_int_eq(commit_one(db, &e[0]), COMMIT_DONE);
    db_close(db);
    free(url);
}
END_TEST

START_TEST(store_commit__needs_no_upkeep)
{
    // A keeper dead since the sink began: not one week was ever made ahead, nor is one for the days to come.
    char *url = cluster_database();
    struct db *db = cluster_open(url, DB_WRITER);
    struct event event;
    for (int days = 0; days <= 3; days++) {
        event_make(&event, (unsigned)days + 1, "{\"a\":1}");
        event.expiry_days = 365 + 7 * days;
        ck_assert_int_eq(commit_one(db, &event), COMMIT_DONE);
    }
    ck_assert_int_eq(cluster_number(url, EVENTS), 4);
    db_close(db);
    free(url);
}
END_TEST

static void make_late(struct event *event, unsigned n, const char *text)
{
    event_make(event, n, text);
    event->expiry_kind = EXPIRY_DATE;
    event->expiry_date = 19000;
    event->unless_known = PROBLEM_expiry_refused;
}

START_TEST(store_commit__only_looks_up_what_comes_too_late)
{
    char *url = cluster_database();
    struct db *db = cluster_open(url, DB_WRITER);
    struct event first, e[9];
    event_make(&first, 1, "{\"a\":1}");
    ck_assert_int_eq(commit_one(db, &first), COMMIT_DONE);
    // Alone, there is nothing to store.
    make_late(&e[0], 1, "{\"a\":1}");
    ck_assert_int_eq(commit_one(db, &e[0]), COMMIT_DONE);
    ck_assert_int_eq(e[0].outcome, EVENT_DUPLICATE);
    ck_assert_int_eq(e[0].received_at, first.received_at);
    make_late(&e[0], 2, "{\"a\":1}");
    ck_assert_int_eq(commit_one(db, &e[0]), COMMIT_DONE);
    ck_assert_int_eq(e[0].outcome, EVENT_REFUSED);
    ck_assert_int_eq(e[0].problem, PROBLEM_expiry_refused);
    // Among others: the first that may be stored is, wherever it stands.
    make_late(&e[0], 1, "{\"a\":1}");
    make_late(&e[1], 1, "{\"c\":1}");
    make_late(&e[2], 2, "{\"a\":1}");
    make_late(&e[3], 2, "{\"a\":1}");
    event_make(&e[4], 3, "{\"a\":1}");
    make_late(&e[5], 3, "{\"a\":1}");
    make_late(&e[6], 4, "{\"a\":1}");
    event_make(&e[7], 4, "{\"b\":1}");
    make_late(&e[8], 4, "{\"b\":1}");
    e[4].counted = e[5].counted = e[6].counted = true;
    ck_assert_int_eq(commit_many(db, e, 9), COMMIT_DONE);
    static const enum problem want[] = {PROBLEM_NONE,
                                        PROBLEM_event_id_reused,
                                        PROBLEM_expiry_refused,
                                        PROBLEM_expiry_refused,
                                        PROBLEM_NONE,
                                        PROBLEM_NONE,
                                        PROBLEM_event_id_reused,
                                        PROBLEM_NONE,
                                        PROBLEM_NONE};
    for (size_t i = 0; i < ARRAY_LEN(want); i++) {
        bool stored = i == 4 || i == 7;
        enum event_outcome outcome = want[i] ? EVENT_REFUSED : stored ? EVENT_STORED : EVENT_DUPLICATE;
        ck_assert_msg(e[i].outcome == outcome && e[i].problem == want[i], "event %zu: outcome %d, problem %d",
                      i, e[i].outcome, e[i].problem);
    }
    ck_assert_int_eq(e[0].received_at, first.received_at);
    ck_assert_int_eq(e[5].received_at, e[4].received_at);
    ck_assert_int_eq(count_events(url), 3);
    ck_assert_int_eq(count_keys(url), 3);
    ck_assert_int_eq(cluster_number(url, "SELECT sum(events)::int8 FROM telemetry.token_usage"), 1);
    db_close(db);
    free(url);
}
END_TEST

CHECK_MAIN_WITH(cluster_start, "store_retention", store_retention__drops_weeks_that_have_passed_and_no_other,
                store_retention__deletes_what_is_due_without_a_week,
                store_retention__waits_for_no_reader_and_goes_on_later,
                store_retention__is_done_by_one_at_a_time, drop_expired__takes_only_weeks_that_have_passed,
                store_retention_plan__covers_every_table_and_contract,
                store_retention_reassign__moves_rows_to_their_new_day,
                store_commit__one_event_without_a_possible_week_does_not_hold_up_the_rest,
                store_commit__needs_no_upkeep, store_commit__only_looks_up_what_comes_too_late)
