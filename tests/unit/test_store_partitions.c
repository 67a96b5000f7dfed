// SPDX-License-Identifier: Apache-2.0
// Partitions against a real PostgreSQL: made ahead, made by many at once, and only where a row can fall.
#include "server/store/events.h"
#include "server/store/keeper.h"
#include "test_store_cluster.h"

#include "check_main.h"

#include <pthread.h>

#define PARTITIONS "SELECT count(*) FROM pg_inherits WHERE inhparent = 'telemetry.events'::regclass"

START_TEST(store_partitions_ahead__makes_what_retention_needs)
{
    char *url = cluster_database();
    struct db *db = cluster_open(url, DB_KEEPER);
    struct err err;
    int ahead = -1;
    // The first contract had 9 days once, which no new row will have again.
    cluster_sql(
        url, "INSERT INTO telemetry.contracts (name, family, version, class, schema_sha256) SELECT"
             " 'c.v' || n, 'c', n, 1, sha256('') FROM generate_series(1, 4) AS n;"
             "INSERT INTO telemetry.contract_retention (contract_id, days, valid_from) VALUES (2, 30, now()),"
             " (3, 0, now()), (4, -1, now()), (5, 3650, now()), (1, 9, '2020-01-01')");
    cluster_sql(url, "DROP TABLE telemetry.events_infinity");
    ck_assert_msg(store_partitions_ahead(db, 28, pg_deadline_in(120 * USEC_PER_SEC), &ahead, &err), "%s",
                  err.text);
    ck_assert_int_eq(ahead, 28);
    // 28 days reach into five weeks; three numbers of days; and infinity.
    ck_assert_int_eq(cluster_number(url, PARTITIONS), 3 * 5 + 1);
    ck_assert_int_eq(cluster_number(url,
                                    "SELECT count(*) FROM pg_class WHERE relname ="
                                    " 'events_p' || to_char(date_trunc('week', telemetry.today() + 3650),"
                                    " 'YYYYMMDD')"),
                     1);
    ck_assert(store_partitions_ahead(db, 28, pg_deadline_in(120 * USEC_PER_SEC), &ahead, &err));
    ck_assert_int_eq(cluster_number(url, PARTITIONS), 3 * 5 + 1);
    // A writer finds them all.
    struct db *writer = cluster_open(url, DB_WRITER);
    struct event event;
    event_make(&event, 1, "{}");
    ck_assert_int_eq(commit_one(writer, &event), COMMIT_DONE);
    ck_assert_int_eq(cluster_number(url, PARTITIONS), 3 * 5 + 1);
    db_close(writer);
    db_close(db);
    free(url);
}
END_TEST

START_TEST(store_partitions_ahead__gives_up_on_a_lock_and_goes_on_later)
{
    char *url = cluster_database();
    struct db *db = cluster_open(url, DB_KEEPER);
    struct err err;
    int ahead;
    PGconn *other = cluster_session(url);
    cluster_run(other, "BEGIN; LOCK TABLE telemetry.events IN SHARE UPDATE EXCLUSIVE MODE");
    ck_assert(!store_partitions_ahead(db, 7, pg_deadline_in(500 * USEC_PER_MSEC), &ahead, &err));
    ck_assert_ptr_nonnull(strstr(err.text, "partition"));
    ck_assert(db_is_good(db));
    ck_assert_int_eq(cluster_number(url, PARTITIONS), 1);
    cluster_run(other, "ROLLBACK");
    ck_assert(store_partitions_ahead(db, 7, pg_deadline_in(60 * USEC_PER_SEC), &ahead, &err));
    // Reads and writes that are under way do not stand in the way.
    cluster_run(other, "BEGIN; LOCK TABLE telemetry.events IN ROW EXCLUSIVE MODE");
    ck_assert(store_partitions_ahead(db, 60, pg_deadline_in(60 * USEC_PER_SEC), &ahead, &err));
    ck_assert_int_eq(ahead, 60);
    PQfinish(other);
    db_close(db);
    free(url);
}
END_TEST

START_TEST(make_partition__takes_only_days_on_which_events_expire)
{
    static const struct {
        const char *call;
        bool good;
    } rows[] = {
        {"'events', telemetry.today() + 400", true},
        {"'quarantine', telemetry.today() + 30", true},
        {"'events', telemetry.today() + 4000", false},
        {"'events', telemetry.today() - 100", false},
        {"'events', '-infinity'", false},
        {"'events', NULL", false},
        {"'tokens', telemetry.today()", false},
        {"NULL, telemetry.today()", false},
    };
    char *url = cluster_database();
    PGconn *session = cluster_session(url);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char sql[160];
        snprintf(sql, sizeof(sql), "SELECT telemetry.make_partition(%s)", rows[i].call);
        PGresult *result = PQexec(session, sql);
        ck_assert_msg(pg_is_ok(result) == rows[i].good, "%s", sql);
        PQclear(result);
    }
    PQfinish(session);
    free(url);
}
END_TEST

#define MAKERS 4

struct maker {
    PGconn *session;
    pthread_barrier_t *together;
    int64_t made;
    char error[200];
    pthread_t thread;
};

// Weeks that all makers begin at one moment, so that each is made while another waits for the lock.
static void *maker_run(void *context)
{
    struct maker *m = context;
    for (int week = 0; week < 50; week++) {
        char sql[120];
        snprintf(sql, sizeof(sql), "SELECT telemetry.make_partition('events', telemetry.today() + %d)::int",
                 7 * week);
        pthread_barrier_wait(m->together);
        PGresult *result = PQexec(m->session, sql);
        if (pg_is_ok(result))
            m->made += PQgetvalue(result, 0, 0)[0] == '1';
        else
            snprintf(m->error, sizeof(m->error), "%s", PQresultErrorMessage(result));
        PQclear(result);
    }
    return NULL;
}

START_TEST(make_partition__makes_each_once_from_many)
{
    struct maker makers[MAKERS] = {0};
    pthread_barrier_t together;
    char *url = cluster_database();
    int64_t before = cluster_number(url, PARTITIONS), made = 0;
    ck_assert_int_eq(pthread_barrier_init(&together, NULL, MAKERS), 0);
    for (size_t i = 0; i < MAKERS; i++) {
        makers[i].session = cluster_session(url);
        makers[i].together = &together;
        ck_assert_int_eq(pthread_create(&makers[i].thread, NULL, maker_run, &makers[i]), 0);
    }
    for (size_t i = 0; i < MAKERS; i++) {
        pthread_join(makers[i].thread, NULL);
        ck_assert_msg(!makers[i].error[0], "%s", makers[i].error);
        made += makers[i].made;
        PQfinish(makers[i].session);
    }
    pthread_barrier_destroy(&together);
    ck_assert_int_eq(made, 50);
    ck_assert_int_eq(cluster_number(url, PARTITIONS), before + 50);
    free(url);
}
END_TEST

CHECK_MAIN_WITH(cluster_start, "store_partitions", store_partitions_ahead__makes_what_retention_needs,
                store_partitions_ahead__gives_up_on_a_lock_and_goes_on_later,
                make_partition__takes_only_days_on_which_events_expire,
                make_partition__makes_each_once_from_many)
