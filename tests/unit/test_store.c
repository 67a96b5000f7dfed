// SPDX-License-Identifier: Apache-2.0
// store_commit() against a real PostgreSQL: what is stored, what is told, and what a failure means.
#include "server/store/events.h"
#include "server/store/keeper.h"
#include "test_store_cluster.h"

#include "check_main.h"

#include <pthread.h>

#define TEXT "{\"ModelCall\":{\"latency_ms\":4187,\"cost_usd\":0.10}}"

START_TEST(store_commit__stores_every_column)
{
    char *url = cluster_database();
    struct db *db = cluster_open(url, DB_WRITER);
    struct event event;
    event_make(&event, 1, TEXT);
    event.has_occurred_at = true;
    event.occurred_at = 1700000000123456;
    event.client = STR("vox/1.2.3");
    event.session_id = STR("sess\xc3\xb6n");
    event.trace_id = STR("");
    event.class_ = 2;
    ck_assert_int_eq(commit_one(db, &event), COMMIT_DONE);
    ck_assert_int_eq(event.outcome, EVENT_STORED);
    ck_assert_int_eq(event.stored_contract_id, 1);
    int64_t now = clock_wall_us(clock_system());
    ck_assert_int_lt(now - event.received_at, 10 * USEC_PER_SEC);
    char sql[900], id[UUID_TEXT_LEN + 1], hex[SHA256_HEX_LEN + 1];
    uuid_format(&event.id, id);
    sha256_hex(event.sha256, hex);
    snprintf(
        sql, sizeof(sql),
        "SELECT count(*) FROM telemetry.events e JOIN telemetry.event_keys k USING (project_id, event_id,"
        " contract_id, received_at, sha256, expires_on)"
        " WHERE event_id = '%s' AND sha256 = '\\x%s' AND project_id = 1 AND contract_id = 1 AND token_id = 7"
        " AND class = 2 AND occurred_at = 'epoch'::timestamptz + interval '1700000000.123456 s'"
        " AND client = 'vox/1.2.3' AND session_id = 'sessön' AND trace_id = '' AND repository_id IS NULL"
        " AND payload = '%s' AND payload::text LIKE '%%0.10%%' AND gen = 1 AND state = 0"
        " AND expires_on = (received_at AT TIME ZONE 'UTC')::date + 365 AND due_on = expires_on"
        " AND extract(epoch FROM received_at) * 1000000 = %lld AND pg_column_compression(payload) IS NULL",
        id, hex, TEXT, (long long)event.received_at);
    ck_assert_int_eq(cluster_number(url, sql), 1);
    db_close(db);
    free(url);
}
END_TEST

START_TEST(store_commit__tells_duplicate_reuse_and_erased)
{
    char *url = cluster_database();
    struct db *db = cluster_open(url, DB_WRITER);
    struct event first[4], again[4], other;
    for (unsigned i = 0; i < 4; i++)
        event_make(&first[i], i, TEXT);
    ck_assert_int_eq(commit_many(db, first, 4), COMMIT_DONE);
    cluster_sql(url, "INSERT INTO telemetry.contracts (name, family, version, class, schema_sha256)"
                     " VALUES ('other.v1', 'other', 1, 1, sha256(''))");
    for (unsigned i = 0; i < 4; i++)
        event_make(&again[i], i, i == 1 ? "{\"a\":1}" : TEXT);
    again[0].contract_id = 2; // the first one's is told
    char sql[200], id[UUID_TEXT_LEN + 1];
    uuid_format(&first[2].id, id); // the array was reordered, so by content: 2 and 3 are set by id below
    event_make(&other, 2, TEXT);
    uuid_format(&other.id, id);
    snprintf(sql, sizeof(sql),
             "UPDATE telemetry.event_keys SET state = 2, sha256 = NULL WHERE event_id = '%s'", id);
    cluster_sql(url, sql);
    event_make(&other, 3, TEXT);
    uuid_format(&other.id, id);
    snprintf(sql, sizeof(sql), "UPDATE telemetry.event_keys SET state = 1 WHERE event_id = '%s'", id);
    cluster_sql(url, sql);
    ck_assert_int_eq(commit_many(db, again, 4), COMMIT_DONE);
    ck_assert_int_eq(again[0].outcome, EVENT_DUPLICATE);
    ck_assert_int_eq(again[0].received_at, first[0].received_at);
    ck_assert_int_eq(again[0].stored_contract_id, 1);
    ck_assert_int_eq(again[1].outcome, EVENT_REFUSED);
    ck_assert_int_eq(again[1].problem, PROBLEM_event_id_reused);
    ck_assert_int_eq(again[2].outcome, EVENT_REFUSED);
    ck_assert_int_eq(again[2].problem, PROBLEM_event_erased);
    ck_assert_int_eq(again[3].outcome, EVENT_DUPLICATE);
    // The same id in another project is another event.
    event_make(&other, 0, TEXT);
    other.project_id = 2;
    ck_assert_int_eq(commit_one(db, &other), COMMIT_DONE);
    ck_assert_int_eq(other.outcome, EVENT_STORED);
    ck_assert_int_eq(count_events(url), 5);
    db_close(db);
    free(url);
}
END_TEST

START_TEST(store_commit__folds_repeats_within_a_batch)
{
    char *url = cluster_database();
    struct db *db = cluster_open(url, DB_WRITER);
    struct event e[6];
    event_make(&e[0], 1, "{\"b\":1}"); // is there already, see below
    ck_assert_int_eq(commit_one(db, &e[0]), COMMIT_DONE);
    event_make(&e[0], 1, "{\"c\":1}"); // reused
    event_make(&e[1], 1, "{\"b\":1}"); // duplicate of the row
    event_make(&e[2], 2, TEXT);        // stored
    event_make(&e[3], 2, "{\"d\":1}"); // conflict with the one before
    event_make(&e[4], 2, TEXT);        // duplicate of the stored
    event_make(&e[5], 3, TEXT);        // stored
    ck_assert_int_eq(commit_many(db, e, 6), COMMIT_DONE);
    static const enum event_outcome want[] = {EVENT_REFUSED, EVENT_DUPLICATE, EVENT_STORED,
                                              EVENT_REFUSED, EVENT_DUPLICATE, EVENT_STORED};
    for (size_t i = 0; i < ARRAY_LEN(want); i++)
        ck_assert_msg(e[i].outcome == want[i], "event %zu: outcome %d", i, e[i].outcome);
    ck_assert_int_eq(e[0].problem, PROBLEM_event_id_reused);
    ck_assert_int_eq(e[3].problem, PROBLEM_event_id_reused);
    ck_assert_int_eq(e[4].received_at, e[2].received_at);
    ck_assert_int_eq(count_events(url), 3);
    db_close(db);
    free(url);
}
END_TEST

// Two writers send the same events, each in an order of its own, until both have an outcome for all.
struct racer {
    struct db *db;
    struct event events[200];
    pthread_barrier_t *start;
    bool lost;
};

static void *race(void *context)
{
    struct racer *racer = context;
    pthread_barrier_wait(racer->start);
    for (size_t i = 0; i < 200; i += 50) {
        enum commit_result result;
        do
            result = commit_many(racer->db, &racer->events[i], 50);
        while (result == COMMIT_LOCKED || result == COMMIT_TRANSIENT);
        racer->lost |= result != COMMIT_DONE;
    }
    return NULL;
}

START_TEST(store_commit__stores_once_from_two_connections)
{
    static struct racer racers[2];
    char *url = cluster_database();
    pthread_barrier_t start;
    pthread_t threads[2];
    pthread_barrier_init(&start, NULL, 2);
    for (unsigned r = 0; r < 2; r++) {
        racers[r] = (struct racer){.db = cluster_open(url, DB_WRITER), .start = &start};
        for (unsigned i = 0; i < 200; i++)
            event_make(&racers[r].events[r ? 199 - i : i], i, TEXT);
    }
    for (unsigned r = 0; r < 2; r++)
        ck_assert_int_eq(pthread_create(&threads[r], NULL, race, &racers[r]), 0);
    for (unsigned r = 0; r < 2; r++) {
        pthread_join(threads[r], NULL);
        ck_assert(!racers[r].lost);
        db_close(racers[r].db);
    }
    for (unsigned i = 0; i < 200; i++) {
        int stored = (racers[0].events[i].outcome == EVENT_STORED) +
                     (racers[1].events[199 - i].outcome == EVENT_STORED);
        ck_assert_msg(stored == 1, "event %u was stored %d times", i, stored);
    }
    ck_assert_int_eq(count_events(url), 200);
    ck_assert_int_eq(count_keys(url), 200);
    pthread_barrier_destroy(&start);
    free(url);
}
END_TEST

START_TEST(store_commit__remembers_ids_across_rotations)
{
    char *url = cluster_database();
    struct db *db = cluster_open(url, DB_WRITER);
    struct db *keeper = cluster_open(url, DB_KEEPER);
    struct event event;
    struct err err;
    event_make(&event, 1, TEXT);
    ck_assert_int_eq(commit_one(db, &event), COMMIT_DONE);
    int64_t received_at = event.received_at;
    for (int rotation = 1; rotation <= 3; rotation++) {
        bool rotated = false;
        int64_t then = clock_wall_us(clock_system()) + rotation * 91 * USEC_PER_DAY;
        ck_assert_msg(store_ledger_rotate(keeper, then, &rotated, &err), "%s", err.text);
        ck_assert(rotated);
        event_make(&event, 1, TEXT);
        ck_assert_int_eq(commit_one(db, &event), COMMIT_DONE);
        ck_assert_int_eq(event.outcome, rotation < 3 ? EVENT_DUPLICATE : EVENT_STORED);
        if (rotation < 3)
            ck_assert_int_eq(event.received_at, received_at);
        struct event other;
        event_make(&other, 1, "{\"e\":1}");
        ck_assert_int_eq(commit_one(db, &other), COMMIT_DONE);
        ck_assert_int_eq(other.problem, PROBLEM_event_id_reused);
    }
    ck_assert_int_eq(cluster_number(url, "SELECT count(*) FROM pg_inherits WHERE inhparent ="
                                         " 'telemetry.event_keys'::regclass"),
                     3);
    db_close(keeper);
    db_close(db);
    free(url);
}
END_TEST

START_TEST(store_commit__makes_a_missing_partition)
{
    char *url = cluster_database();
    struct db *db = cluster_open(url, DB_WRITER);
    struct event e[3];
    ck_assert_int_eq(cluster_number(url, "SELECT count(*) FROM pg_inherits WHERE inhparent ="
                                         " 'telemetry.events'::regclass"),
                     1);
    for (unsigned i = 0; i < 3; i++)
        event_make(&e[i], i, TEXT);
    e[1].expiry_days = 30;
    e[2].expiry_kind = EXPIRY_NEVER;
    ck_assert_int_eq(commit_many(db, e, 3), COMMIT_DONE);
    ck_assert_int_eq(count_events(url), 3);
    ck_assert_int_eq(cluster_number(url,
                                    "SELECT count(*) FROM pg_inherits i JOIN pg_class c ON c.oid = inhrelid"
                                    " WHERE inhparent = 'telemetry.events'::regclass AND relname IN ("
                                    " 'events_infinity', to_char(date_trunc('week', telemetry.today() + 365),"
                                    "  '\"events_p\"YYYYMMDD'), to_char(date_trunc('week',"
                                    "  telemetry.today() + 30), '\"events_p\"YYYYMMDD'))"),
                     3);
    // LIKE … INCLUDING ALL keeps what the parent has.
    ck_assert_int_eq(cluster_number(url,
                                    "SELECT count(*) FROM pg_attribute WHERE attname = 'payload' AND"
                                    " attcompression = 'l' AND attrelid IN (SELECT inhrelid FROM pg_inherits"
                                    " WHERE inhparent = 'telemetry.events'::regclass)"),
                     3);
    // Beyond what any retention in use can need there is none to be made: ours to mend, never the client's
    // fault.
    event_make(&e[0], 9, TEXT);
    e[0].expiry_days = 5000;
    ck_assert_int_eq(commit_one(db, &e[0]), COMMIT_LOCKED);
    ck_assert(db_is_good(db));
    db_close(db);
    free(url);
}
END_TEST

START_TEST(store_commit__computes_the_day_of_expiry)
{
    static const struct {
        enum expiry_kind kind;
        int32_t days; // for DATE: from today
        const char *expires;
        const char *due;
    } rows[] = {
        {EXPIRY_DAYS, 1, "today() + 1", "telemetry.today() + 1"},
        {EXPIRY_DAYS, 365, "today() + 365", "telemetry.today() + 365"},
        {EXPIRY_NEVER, 0, "today() + 'infinity'::date - telemetry.today()", "NULL"},
        {EXPIRY_DATE, 0, "today()", "telemetry.today()"},
        {EXPIRY_DATE, 1, "today() + 1", "telemetry.today() + 1"},
        {EXPIRY_DATE, 400, "today() + 400", "telemetry.today() + 400"},
        {EXPIRY_DATE, 401, "infinity", "telemetry.today() + 401"},
        {EXPIRY_DATE, 100000, "infinity", "telemetry.today() + 100000"},
        {EXPIRY_DATE, -1, "today()", "telemetry.today() - 1"},
    };
    char *url = cluster_database();
    struct db *db = cluster_open(url, DB_WRITER);
    int32_t today = (int32_t)cluster_number(url, "SELECT telemetry.today() - '1970-01-01'::date");
    for (unsigned i = 0; i < ARRAY_LEN(rows); i++) {
        struct event event;
        char sql[400], id[UUID_TEXT_LEN + 1];
        event_make(&event, i, TEXT);
        event.expiry_kind = rows[i].kind;
        event.expiry_days = rows[i].days;
        event.expiry_date = today + rows[i].days;
        ck_assert_int_eq(commit_one(db, &event), COMMIT_DONE);
        uuid_format(&event.id, id);
        bool endless = rows[i].kind == EXPIRY_NEVER || rows[i].expires[0] == 'i';
        snprintf(sql, sizeof(sql),
                 "SELECT count(*) FROM telemetry.events WHERE event_id = '%s' AND expires_on = %s%s"
                 " AND due_on IS NOT DISTINCT FROM %s",
                 id, endless ? "'infinity'" : "telemetry.", endless ? "" : rows[i].expires, rows[i].due);
        ck_assert_msg(cluster_number(url, sql) == 1, "row %u", i);
    }
    db_close(db);
    free(url);
}
END_TEST

START_TEST(store_commit__takes_a_thousand_and_a_large_one)
{
    static struct event events[STORE_BATCH_EVENTS];
    char *url = cluster_database();
    struct db *db = cluster_open(url, DB_WRITER);
    for (unsigned i = 0; i < STORE_BATCH_EVENTS; i++)
        event_make(&events[i], i, TEXT);
    ck_assert_int_eq(commit_many(db, events, STORE_BATCH_EVENTS), COMMIT_DONE);
    ck_assert_int_eq(count_events(url), STORE_BATCH_EVENTS);
    size_t len = 1024 * 1024;
    char *text = malloc(len + 1);
    memset(text, 'x', len);
    snprintf(text, len, "{\"a\":\"");
    text[strlen(text)] = 'x';
    text[len - 2] = '"';
    text[len - 1] = '}';
    text[len] = '\0';
    for (unsigned i = 0; i < 8; i++)
        event_make(&events[i], 2000 + i, text);
    ck_assert_int_eq(commit_many(db, events, 8), COMMIT_DONE);
    ck_assert_int_eq(cluster_number(url, "SELECT count(*) FROM telemetry.events WHERE"
                                         " pg_column_compression(payload) = 'lz4'"),
                     8);
    free(text);
    db_close(db);
    free(url);
}
END_TEST

START_TEST(store_commit__is_planned_by_index_while_the_tables_are_empty)
{
    char *url = cluster_database();
    struct db *db = cluster_open(url, DB_WRITER);
    struct event event;
    PGresult *result;
    struct err err;
    struct buf text;
    event_make(&event, 1, TEXT);
    ck_assert_int_eq(commit_one(db, &event), COMMIT_DONE);
    ck_assert_msg(
        pg_run(db,
               "EXPLAIN (COSTS OFF) EXECUTE vox_store (NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,"
               " NULL, NULL, NULL, NULL, NULL, NULL, NULL)",
               NULL, DB_NO_DEADLINE, &result, &err),
        "%s", err.text);
    buf_init(&text, 65536);
    for (int i = 0; i < PQntuples(result); i++)
        buf_putf(&text, "%s\n", PQgetvalue(result, i, 0));
    buf_put_char(&text, '\0');
    PQclear(result);
    ck_assert_msg(strstr(text.ptr, "Index Only Scan using event_keys_g1_pkey"), "%s", text.ptr);
    ck_assert_msg(!strstr(text.ptr, "Seq Scan on event_keys") && !strstr(text.ptr, "Nested Loop"), "%s",
                  text.ptr);
    // The small side of the join is what is held, and no array is copied row by row before it is read.
    char *join = strstr(text.ptr, "Hash Semi Join");
    ck_assert_msg(join && strstr(join, "ProjectSet") && strstr(join, "CTE Scan on keyed"), "%s", text.ptr);
    ck_assert_msg(strstr(join, "ProjectSet") < strstr(join, "CTE Scan on keyed"), "%s", text.ptr);
    ck_assert_msg(!strstr(text.ptr, "Function Scan"), "%s", text.ptr);
    buf_release(&text);
    db_close(db);
    free(url);
}
END_TEST

// What a token with a quota stored new, and nothing of others' or of what was there.
START_TEST(store_commit__counts_what_quotas_need)
{
    char *url = cluster_database();
    struct db *one = cluster_open(url, DB_WRITER), *two = cluster_open(url, DB_WRITER);
    struct event events[6], again[2];
    for (unsigned i = 0; i < 6; i++) {
        event_make(&events[i], i == 5 ? 0 : i, TEXT); // the last repeats the first
        events[i].token_id = i < 4 || i == 5 ? 7 : 8;
        events[i].counted = events[i].token_id == 7;
    }
    ck_assert_int_eq(commit_many(one, events, 6), COMMIT_DONE);
    const int64_t bytes = (int64_t)strlen(TEXT);
    ck_assert_int_eq(cluster_number(url, "SELECT count(*) FROM telemetry.token_usage"), 1);
    ck_assert_int_eq(cluster_number(url, "SELECT events FROM telemetry.token_usage WHERE token_id = 7"
                                         " AND day = telemetry.today()"),
                     4);
    ck_assert_int_eq(cluster_number(url, "SELECT bytes FROM telemetry.token_usage"), 4 * bytes);
    // A repeat counts nothing, another connection has a row of its own, this one's grows.
    for (unsigned i = 0; i < 2; i++) {
        event_make(&again[i], i == 0 ? 0 : 100, TEXT);
        again[i].token_id = 7;
        again[i].counted = true;
    }
    ck_assert_int_eq(commit_many(two, again, 2), COMMIT_DONE);
    event_make(&again[0], 101, TEXT);
    again[0].token_id = 7;
    again[0].counted = true;
    ck_assert_int_eq(commit_one(one, &again[0]), COMMIT_DONE);
    ck_assert_int_eq(cluster_number(url, "SELECT count(*) FROM telemetry.token_usage"), 2);
    ck_assert_int_eq(cluster_number(url, "SELECT sum(events)::int8 FROM telemetry.token_usage"), 6);
    ck_assert_int_eq(cluster_number(url, "SELECT max(bytes) FROM telemetry.token_usage"), 5 * bytes);
    db_close(one);
    db_close(two);
    free(url);
}
END_TEST

CHECK_MAIN_WITH(cluster_start, "store", store_commit__stores_every_column,
                store_commit__tells_duplicate_reuse_and_erased, store_commit__folds_repeats_within_a_batch,
                store_commit__stores_once_from_two_connections, store_commit__remembers_ids_across_rotations,
                store_commit__makes_a_missing_partition, store_commit__computes_the_day_of_expiry,
                store_commit__takes_a_thousand_and_a_large_one,
                store_commit__is_planned_by_index_while_the_tables_are_empty,
                store_commit__counts_what_quotas_need)
