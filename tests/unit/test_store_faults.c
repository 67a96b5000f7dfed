// SPDX-License-Identifier: Apache-2.0
// store_commit() when something fails: whose fault it is, and that nothing is told as stored that may not be.
#include "lib/base/log.h"
#include "server/store/events.h"
#include "server/store/sqlstate.h"
#include "test_store_cluster.h"

#include "check_main.h"

#include <pthread.h>

#define TEXT "{\"ModelCall\":{\"latency_ms\":4187,\"cost_usd\":0.10}}"

START_TEST(sqlstate__follows_the_table)
{
    static const struct {
        const char *state;
        bool constraint;
        enum sql_kind kind;
    } rows[] = {
        {"22003", false, SQL_DATA},
        {"22P05", false, SQL_DATA},
        {"23502", false, SQL_DATA},
        {"23514", true, SQL_DATA},
        {"23514", false, SQL_NO_PARTITION},
        {"54000", false, SQL_DATA},
        {"54001", false, SQL_DATA},
        {"55P03", false, SQL_LOCKED},
        {"23505", true, SQL_DUPLICATE},
        {"40001", false, SQL_TRANSIENT},
        {"40P01", false, SQL_TRANSIENT},
        {"57014", false, SQL_TRANSIENT},
        {"53100", false, SQL_TRANSIENT},
        {"53300", false, SQL_TRANSIENT},
        {"58030", false, SQL_TRANSIENT},
        {"08006", false, SQL_LOST},
        {"57P01", false, SQL_LOST},
        {"57P02", false, SQL_LOST},
        {"57P03", false, SQL_LOST},
        {"25006", false, SQL_LOST},
        {"25P03", false, SQL_LOST},
        {"42P01", false, SQL_CONFIG},
        {"42501", false, SQL_CONFIG},
        {"28P01", false, SQL_CONFIG},
        {"3D000", false, SQL_CONFIG},
        {"XX000", false, SQL_TRANSIENT},
        {"P0001", false, SQL_TRANSIENT},
        {"23503", false, SQL_TRANSIENT},
        {NULL, false, SQL_LOST},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        ck_assert_msg(sqlstate_kind(rows[i].state, rows[i].constraint) == rows[i].kind, "%s", rows[i].state);
    ck_assert(!sqlstate_is_quotable("22P02"));
    ck_assert(!sqlstate_is_quotable("XX000"));
    ck_assert(sqlstate_is_quotable("42P01"));
}
END_TEST

START_TEST(store_commit__reports_a_row_that_postgresql_refuses)
{
    static const char *const poison[] = {
        "{\"a\":\"\\u0000\"}", "{\"a\":1e-16384}", "{\"a\":", "nonsense", "{\"a\":\"\xff\"}",
    };
    char *url = cluster_database();
    struct db *db = cluster_open(url, DB_WRITER);
    for (size_t i = 0; i < ARRAY_LEN(poison); i++) {
        struct event e[3];
        event_make(&e[0], 1, TEXT);
        event_make(&e[1], 2, poison[i]);
        event_make(&e[2], 3, TEXT);
        ck_assert_msg(commit_many(db, e, 3) == COMMIT_DATA, "poison %zu", i);
        ck_assert_int_eq(e[0].outcome, EVENT_PENDING);
        ck_assert(db_is_good(db));
        ck_assert_int_eq(count_events(url), 0);
        ck_assert_int_eq(count_keys(url), 0);
    }
    // A text with a NUL, as no parser would pass it, is data too.
    struct event event;
    event_make(&event, 9, TEXT);
    event.session_id = (struct str){"a\0b", 3};
    ck_assert_int_eq(commit_one(db, &event), COMMIT_DATA);
    event_make(&event, 9, TEXT);
    ck_assert_int_eq(commit_one(db, &event), COMMIT_DONE);
    db_close(db);
    free(url);
}
END_TEST

START_TEST(store_commit__tells_a_locked_key_from_a_locked_table)
{
    char *url = cluster_database();
    struct db *db = cluster_open(url, DB_WRITER);
    struct event event;
    char sql[300], id[UUID_TEXT_LEN + 1];
    event_make(&event, 1, TEXT);
    ck_assert_int_eq(commit_one(db, &event), COMMIT_DONE); // the partition is there from now on
    event_make(&event, 2, TEXT);
    uuid_format(&event.id, id);
    snprintf(
        sql, sizeof(sql),
        "INSERT INTO telemetry.event_keys (received_at, event_id, project_id, gen, contract_id, expires_on)"
        " VALUES (now(), '%s', 1, 1, 1, current_date)",
        id);
    PGconn *other = cluster_session(url);
    cluster_run(other, "BEGIN");
    cluster_run(other, sql);
    ck_assert_int_eq(commit_one(db, &event), COMMIT_LOCKED);
    ck_assert(db_is_good(db));
    cluster_run(other, "ROLLBACK; BEGIN; LOCK TABLE telemetry.events");
    ck_assert_int_eq(commit_one(db, &event), COMMIT_TRANSIENT);
    cluster_run(other, "ROLLBACK; BEGIN; SELECT pg_advisory_xact_lock(" PG_LOCK_ARGS(PG_LOCK_LEDGER) ")");
    ck_assert_int_eq(commit_one(db, &event), COMMIT_TRANSIENT);
    ck_assert(db_is_good(db));
    PQfinish(other);
    // The rollback of a closed session is not instantaneous.
    enum commit_result result;
    do
        result = commit_one(db, &event);
    while (result == COMMIT_TRANSIENT || result == COMMIT_LOCKED);
    ck_assert_int_eq(result, COMMIT_DONE);
    db_close(db);
    free(url);
}
END_TEST

// A commit on a thread of its own, so that the case can interfere with it.
struct late {
    struct db *db;
    struct event event;
    enum commit_result result;
    pthread_t thread;
};

static void *late_run(void *context)
{
    struct late *late = context;
    late->result = commit_one(late->db, &late->event);
    return NULL;
}

static void late_start(struct late *late, struct db *db, unsigned n)
{
    late->db = db;
    event_make(&late->event, n, TEXT);
    ck_assert_int_eq(pthread_create(&late->thread, NULL, late_run, late), 0);
}

// A trigger that stops the transaction inside its COMMIT until `lock` is free.
static void stop_at_commit(const char *url)
{
    cluster_sql(url, "CREATE FUNCTION wait_at_commit() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
                     " PERFORM pg_advisory_xact_lock_shared(99); RETURN NULL; END $$;"
                     "CREATE CONSTRAINT TRIGGER wait_at_commit AFTER INSERT ON telemetry.ledger_log"
                     " DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION wait_at_commit()");
}

START_TEST(store_commit__tells_a_killed_backend_as_lost)
{
    char *url = cluster_database();
    struct db *db = cluster_open(url, DB_WRITER);
    struct event event;
    struct late late;
    event_make(&event, 1, TEXT);
    ck_assert_int_eq(commit_one(db, &event), COMMIT_DONE);
    // A deferred trigger makes the commit itself wait.
    cluster_sql(url, "CREATE TABLE telemetry.ledger_log (n int)");
    stop_at_commit(url);
    cluster_sql(url, "CREATE FUNCTION log_key() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
                     " INSERT INTO telemetry.ledger_log VALUES (1); RETURN NULL; END $$;"
                     "CREATE TRIGGER log_key AFTER INSERT ON telemetry.event_keys_g1"
                     " FOR EACH ROW EXECUTE FUNCTION log_key()");
    PGconn *other = cluster_session(url);
    cluster_run(other, "SELECT set_config('lock_timeout', '0', false), pg_advisory_lock(99)");
    late_start(&late, db, 2);
    cluster_wait_until(url, "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND"
                            " query = 'COMMIT' AND datname = current_database()");
    cluster_sql(url, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
                     " AND query = 'COMMIT' AND datname = current_database()");
    pthread_join(late.thread, NULL);
    ck_assert_int_eq(late.result, COMMIT_LOST);
    ck_assert_int_eq(late.event.outcome, EVENT_PENDING);
    ck_assert(!db_is_good(db));
    PQfinish(other);
    // What was lost can be sent again.
    struct db *next = cluster_open(url, DB_WRITER);
    event_make(&event, 2, TEXT);
    ck_assert_int_eq(commit_one(next, &event), COMMIT_DONE);
    ck_assert_int_eq(event.outcome, EVENT_STORED);
    ck_assert_int_eq(commit_one(db, &event), COMMIT_LOST); // stays lost
    db_close(next);
    db_close(db);
    free(url);
}
END_TEST

START_TEST(store_commit__tells_an_error_at_commit)
{
    char *url = cluster_database();
    struct db *db = cluster_open(url, DB_WRITER);
    struct event event;
    event_make(&event, 1, TEXT);
    ck_assert_int_eq(commit_one(db, &event), COMMIT_DONE);
    cluster_sql(url, "CREATE FUNCTION fail_at_commit() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
                     " RAISE EXCEPTION 'no' USING ERRCODE = 'serialization_failure'; END $$;"
                     "CREATE CONSTRAINT TRIGGER fail_at_commit AFTER INSERT ON telemetry.event_keys_g1"
                     " DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION fail_at_commit()");
    event_make(&event, 2, TEXT);
    ck_assert_int_eq(commit_one(db, &event), COMMIT_TRANSIENT);
    ck_assert(db_is_good(db));
    ck_assert_int_eq(count_events(url), 1);
    cluster_sql(url, "DROP TRIGGER fail_at_commit ON telemetry.event_keys_g1");
    ck_assert_int_eq(commit_one(db, &event), COMMIT_DONE);
    db_close(db);
    free(url);
}
END_TEST

// A rolled back transaction's rows are no longer stored, whatever the next try finds.
START_TEST(store_commit__forgets_what_a_failed_commit_stored)
{
    char *url = cluster_database();
    struct db *db = cluster_open(url, DB_WRITER);
    struct event event;
    event_make(&event, 1, TEXT);
    ck_assert_int_eq(commit_one(db, &event), COMMIT_DONE);
    // Fails the first COMMIT as a missing partition fails its row; behind it no key is taken.
    cluster_sql(url, "CREATE SEQUENCE tries;"
                     "CREATE FUNCTION fail_once() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
                     " PERFORM nextval('public.tries');"
                     " RAISE EXCEPTION 'no' USING ERRCODE = 'check_violation'; END $$;"
                     "CREATE CONSTRAINT TRIGGER fail_once AFTER INSERT ON telemetry.event_keys_g1"
                     " DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION fail_once();"
                     "CREATE FUNCTION skip() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
                     " RETURN CASE WHEN (SELECT is_called FROM public.tries) THEN NULL ELSE NEW END; END $$;"
                     "CREATE TRIGGER skip BEFORE INSERT ON telemetry.event_keys_g1"
                     " FOR EACH ROW EXECUTE FUNCTION skip()");
    event_make(&event, 2, TEXT);
    ck_assert_int_eq(commit_one(db, &event), COMMIT_TRANSIENT);
    ck_assert_int_eq(event.outcome, EVENT_PENDING);
    ck_assert_int_eq(commit_one(db, &event), COMMIT_DONE);
    ck_assert_int_eq(event.outcome, EVENT_REFUSED);
    ck_assert_int_eq(count_events(url), 1);
    db_close(db);
    free(url);
}
END_TEST

// Until it waits for a standby that does not exist; then it is told to stop waiting.
static void give_up_on_the_standby(struct late *late, const char *url)
{
    cluster_wait_until(url, "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'");
    cluster_number(url,
                   "SELECT pg_cancel_backend(pid)::int FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
                   " LIMIT 1");
    pthread_join(late->thread, NULL);
}

START_TEST(store_commit__does_not_trust_a_commit_without_its_standby)
{
    char *url = cluster_database();
    struct db *db = cluster_open(url, DB_WRITER);
    struct late late, again;
    struct event event;
    event_make(&event, 1, TEXT);
    ck_assert_int_eq(commit_one(db, &event), COMMIT_DONE);
    cluster_setting("synchronous_standby_names", "nowhere");
    late_start(&late, db, 2);
    give_up_on_the_standby(&late, url);
    ck_assert_int_eq(late.result, COMMIT_LOST);
    ck_assert(!db_is_good(db));
    db_close(db);
    // It is there all the same; but a retry must not be told so while no standby has it.
    db = cluster_open(url, DB_WRITER);
    late_start(&again, db, 2);
    give_up_on_the_standby(&again, url);
    cluster_setting("synchronous_standby_names", NULL);
    ck_assert(again.result != COMMIT_DONE || again.event.outcome == EVENT_REFUSED);
    ck_assert(!db_is_good(db));
    db_close(db);
    db = cluster_open(url, DB_WRITER);
    ck_assert_int_eq(commit_one(db, &late.event), COMMIT_DONE);
    ck_assert_int_eq(late.event.outcome, EVENT_DUPLICATE);
    db_close(db);
    free(url);
}
END_TEST

START_TEST(store_prove__waits_as_a_commit_of_events_would)
{
    char *url = cluster_database();
    struct db *db = cluster_open(url, DB_WRITER);
    struct err err;
    ck_assert_msg(store_prove(db, pg_deadline_in(60 * USEC_PER_SEC), &err), "%s", err.text);
    ck_assert(db_is_good(db));
    cluster_setting("synchronous_standby_names", "nowhere");
    bool proved = store_prove(db, pg_deadline_in(300 * USEC_PER_MSEC), &err);
    cluster_setting("synchronous_standby_names", NULL);
    ck_assert(!proved);
    ck_assert_ptr_nonnull(strstr(err.text, "did not answer in time"));
    db_close(db);
    db = cluster_open(url, DB_WRITER);
    cluster_sql(url, "ALTER TABLE telemetry.events RENAME TO moved");
    ck_assert(!store_prove(db, pg_deadline_in(60 * USEC_PER_SEC), &err));
    ck_assert_ptr_nonnull(strstr(err.text, "42P01"));
    db_close(db);
    free(url);
}
END_TEST

#define PROOFS                                                                                  \
    " FROM pg_stat_activity WHERE wait_event = 'SyncRep' AND application_name = 'vox-sink' AND" \
    " datname = current_database()"

// However often a proof is given up, the server does not keep a connection waiting for each.
START_TEST(store_prove__leaves_no_crowd_behind)
{
    char *url = cluster_database();
    struct err err;
    cluster_setting("synchronous_standby_names", "nowhere");
    for (unsigned i = 0; i < 3; i++) {
        struct db *db = cluster_open(url, DB_WRITER);
        bool proved = store_prove(db, pg_deadline_in(300 * USEC_PER_MSEC), &err);
        db_close(db);
        ck_assert(!proved);
    }
    cluster_wait_until(url, "SELECT (min(now() - query_start) > interval '" PG_STRING(
                                PROVE_PATIENCE_SEC) " s')::int" PROOFS);
    struct db *db = cluster_open(url, DB_WRITER);
    bool proved = store_prove(db, pg_deadline_in(300 * USEC_PER_MSEC), &err);
    db_close(db);
    ck_assert(!proved);
    cluster_wait_until(url, "SELECT (count(*) <= 1)::int" PROOFS);
    cluster_setting("synchronous_standby_names", NULL);
    free(url);
}
END_TEST

START_TEST(store_commit__gives_up_at_its_deadline)
{
    char *url = cluster_database();
    struct db *db = cluster_open(url, DB_WRITER);
    struct event event, *list = &event;
    struct err err;
    event_make(&event, 1, TEXT);
    ck_assert_int_eq(commit_one(db, &event), COMMIT_DONE);
    PGconn *other = cluster_session(url);
    cluster_run(other, "BEGIN; LOCK TABLE telemetry.events");
    event_make(&event, 2, TEXT);
    // Our deadline, and nothing that the server would end by itself.
    ck_assert(pg_run(db, "SET lock_timeout = 0", NULL, pg_deadline_in(60 * USEC_PER_SEC), NULL, &err));
    ck_assert(pg_run(db, "SET statement_timeout = 0", NULL, pg_deadline_in(60 * USEC_PER_SEC), NULL, &err));
    int64_t before = pg_deadline_in(0);
    ck_assert_int_eq(store_commit(db, &list, 1, NULL, pg_deadline_in(100 * USEC_PER_MSEC), &err),
                     COMMIT_LOST);
    ck_assert_int_lt(pg_deadline_in(0) - before, 60 * USEC_PER_SEC);
    ck_assert_str_eq(err.text, "the database did not answer in time");
    ck_assert(!db_is_good(db));
    PQfinish(other);
    db_close(db);
    free(url);
}
END_TEST

START_TEST(store_commit__waits_for_the_operator_where_only_he_can_help)
{
    char *url = cluster_database();
    struct db *db = cluster_open(url, DB_WRITER);
    struct event event;
    event_make(&event, 1, TEXT);
    log_set_level(LOG_ERROR + 1);
    cluster_sql(url, "ALTER TABLE telemetry.event_keys RENAME TO moved"); // before anything was prepared
    ck_assert_int_eq(commit_one(db, &event), COMMIT_TRANSIENT);
    cluster_sql(url, "ALTER TABLE telemetry.moved RENAME TO event_keys");
    ck_assert_int_eq(commit_one(db, &event), COMMIT_DONE);
    cluster_sql(url, "ALTER TABLE telemetry.events RENAME COLUMN client TO moved"); // and after
    event_make(&event, 2, TEXT);
    ck_assert_int_eq(commit_one(db, &event), COMMIT_TRANSIENT);
    cluster_sql(url, "ALTER TABLE telemetry.events RENAME COLUMN moved TO client");
    ck_assert_int_eq(commit_one(db, &event), COMMIT_DONE);
    log_set_level(LOG_INFO);
    db_close(db);
    free(url);
}
END_TEST

START_TEST(store_commit__leaves_a_server_that_turned_read_only)
{
    char *url = cluster_database();
    struct db *db = cluster_open(url, DB_WRITER);
    struct event event;
    event_make(&event, 1, TEXT);
    ck_assert_int_eq(commit_one(db, &event), COMMIT_DONE);
    // What a demotion looks like to a session that is open.
    cluster_sql(url, "CREATE FUNCTION demote() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
                     " RAISE EXCEPTION 'read-only' USING ERRCODE = 'read_only_sql_transaction'; END $$;"
                     "CREATE TRIGGER demote BEFORE INSERT ON telemetry.event_keys_g1"
                     " FOR EACH ROW EXECUTE FUNCTION demote()");
    event_make(&event, 2, TEXT);
    ck_assert_int_eq(commit_one(db, &event), COMMIT_LOST);
    ck_assert(!db_is_good(db));
    db_close(db);
    free(url);
}
END_TEST

START_TEST(store_commit__does_not_trust_a_disk_that_is_told_not_to_sync)
{
    char *url = cluster_database();
    struct db *db = cluster_open(url, DB_WRITER);
    struct event event;
    event_make(&event, 1, TEXT);
    ck_assert_int_eq(commit_one(db, &event), COMMIT_DONE);
    // A default that changes later does not reach a session.
    cluster_setting("synchronous_commit", "off");
    PGresult *result;
    const struct pg_params none = {0};
    struct err err;
    bool asked = pg_run(db, "SHOW synchronous_commit", &none, DB_NO_DEADLINE, &result, &err);
    cluster_setting("synchronous_commit", NULL);
    ck_assert(asked);
    ck_assert_view_eq(pg_text(result, 0, 0), "on");
    PQclear(result);
    cluster_setting("fsync", "off");
    event_make(&event, 2, TEXT);
    enum commit_result verdict = commit_one(db, &event);
    cluster_setting("fsync", NULL);
    ck_assert_int_eq(verdict, COMMIT_LOST);
    ck_assert(!db_is_good(db));
    db_close(db);
    free(url);
}
END_TEST

CHECK_MAIN_WITH(cluster_start, "store_faults", sqlstate__follows_the_table,
                store_commit__reports_a_row_that_postgresql_refuses,
                store_commit__tells_a_locked_key_from_a_locked_table,
                store_commit__tells_a_killed_backend_as_lost, store_commit__tells_an_error_at_commit,
                store_commit__forgets_what_a_failed_commit_stored,
                store_commit__does_not_trust_a_commit_without_its_standby,
                store_prove__waits_as_a_commit_of_events_would, store_prove__leaves_no_crowd_behind,
                store_commit__gives_up_at_its_deadline,
                store_commit__waits_for_the_operator_where_only_he_can_help,
                store_commit__leaves_a_server_that_turned_read_only,
                store_commit__does_not_trust_a_disk_that_is_told_not_to_sync)
