// SPDX-License-Identifier: Apache-2.0
// store_commit() that sends the next batch behind its own: when it may, and that neither's failure is told as
// the other's success.
#include "server/store/events.h"
#include "test_store_cluster.h"

#include "check_main.h"

#include <pthread.h>
#include <semaphore.h>

#define TEXT "{\"ModelCall\":{\"latency_ms\":4187,\"cost_usd\":0.10}}"
#define MANY 64

// A batch, and one that is given behind it.
struct flow {
    struct db *db;
    struct event events[STORE_BATCH_EVENTS];
    struct event *list[STORE_BATCH_EVENTS];
    size_t count;
    struct flow *next;
    bool only_committed; // nothing is given before the commit is answered
    bool given;
    unsigned asked; // before that, how often
    sem_t taken;
    enum commit_result result;
    struct err err;
    pthread_t thread;
};

static size_t take(void *context, bool committed, struct event ***ret_events)
{
    struct flow *flow = context;
    flow->asked += !committed;
    ck_assert(!flow->given);
    if (!committed && flow->only_committed)
        return 0;
    flow->given = true;
    sem_post(&flow->taken);
    *ret_events = flow->next->list;
    return flow->next->count;
}

static void commit_flow(struct flow *flow)
{
    const struct commit_next next = {take, flow};
    flow->result = store_commit(flow->db, flow->list, flow->count, flow->next ? &next : NULL,
                                pg_deadline_in(120 * USEC_PER_SEC), &flow->err);
}

static void *flow_run(void *context)
{
    commit_flow(context);
    return NULL;
}

// Two batches of the events from `first` on: `count`, and as many behind them.
static void make_flows(struct flow flows[static 2], struct db *db, unsigned first, unsigned count)
{
    for (unsigned f = 0; f < 2; f++) {
        memset(&flows[f], 0, sizeof(flows[f]));
        flows[f].db = db;
        flows[f].count = count;
        sem_init(&flows[f].taken, 0, 0);
        for (unsigned i = 0; i < count; i++) {
            event_make(&flows[f].events[i], first + f * count + i, TEXT);
            flows[f].list[i] = &flows[f].events[i];
        }
    }
    flows[0].next = &flows[1];
}

static void check_outcomes(const struct flow *flow, enum event_outcome outcome)
{
    for (size_t i = 0; i < flow->count; i++)
        ck_assert_int_eq(flow->events[i].outcome, outcome);
}

static void commit_as(struct flow *flow, enum event_outcome outcome)
{
    commit_flow(flow);
    ck_assert_int_eq(flow->result, COMMIT_DONE);
    check_outcomes(flow, outcome);
}

// Every transaction that keys something stops inside its COMMIT until nobody holds the lock 99.
static void stop_at_commit(const char *url)
{
    cluster_sql(url, "CREATE FUNCTION wait_at_commit() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
                     " PERFORM pg_advisory_xact_lock_shared(99); RETURN NULL; END $$;"
                     "CREATE CONSTRAINT TRIGGER wait_at_commit AFTER INSERT ON telemetry.event_keys_g1"
                     " DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION wait_at_commit()");
}

static PGconn *hold_commits(const char *url, struct db *db)
{
    struct err err;
    stop_at_commit(url);
    ck_assert(pg_run(db, "SET lock_timeout = 0", NULL, pg_deadline_in(60 * USEC_PER_SEC), NULL, &err));
    PGconn *other = cluster_session(url);
    cluster_run(other, "SELECT pg_advisory_lock(99)");
    return other;
}

static void wait_for_commit(const char *url)
{
    cluster_wait_until(url, "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND"
                            " query = 'COMMIT' AND datname = current_database()");
}

START_TEST(store_next__is_sent_while_the_commit_is_awaited)
{
    static struct flow flows[2];
    char *url = cluster_database();
    struct db *db = cluster_open(url, DB_WRITER);
    make_flows(flows, db, 0, MANY);
    PGconn *other = hold_commits(url, db);
    ck_assert_int_eq(pthread_create(&flows[0].thread, NULL, flow_run, &flows[0]), 0);
    while (sem_wait(&flows[0].taken) != 0)
        ;
    wait_for_commit(url);
    ck_assert_int_eq(count_events(url), 0);
    check_outcomes(&flows[0], EVENT_PENDING);
    PQfinish(other);
    pthread_join(flows[0].thread, NULL);
    ck_assert_int_eq(flows[0].result, COMMIT_DONE);
    check_outcomes(&flows[0], EVENT_STORED);
    // The other needs no word from us to be committed, but one to be told of.
    cluster_wait_until(url, "SELECT (count(*) = 128)::int FROM telemetry.events");
    check_outcomes(&flows[1], EVENT_PENDING);
    commit_as(&flows[1], EVENT_STORED);
    ck_assert(db_is_good(db));
    db_close(db);
    free(url);
}
END_TEST

// The answer to the one does not wait until the server has taken in the other, more than a socket holds.
START_TEST(store_next__does_not_hold_up_the_former)
{
    static struct flow flows[2];
    static char text[4096];
    char *url = cluster_database();
    struct db *db = cluster_open(url, DB_WRITER);
    struct err err;
    make_flows(flows, db, 0, MANY);
    snprintf(text, sizeof(text), "{\"a\":\"%0*d\"}", (int)sizeof(text) - 9, 0);
    flows[1].count = STORE_BATCH_EVENTS;
    for (unsigned i = 0; i < STORE_BATCH_EVENTS; i++) {
        event_make(&flows[1].events[i], MANY + i, text);
        flows[1].list[i] = &flows[1].events[i];
    }
    PGconn *other = hold_commits(url, db), *ledger = cluster_session(url);
    ck_assert(pg_run(db, "SET statement_timeout = 0", NULL, pg_deadline_in(60 * USEC_PER_SEC), NULL, &err));
    ck_assert_int_eq(pthread_create(&flows[0].thread, NULL, flow_run, &flows[0]), 0);
    while (sem_wait(&flows[0].taken) != 0)
        ;
    wait_for_commit(url);
    // Whoever wants the ledger alone comes between the two.
    ck_assert(PQsendQuery(ledger, "SELECT pg_advisory_lock(" PG_LOCK_ARGS(PG_LOCK_LEDGER) ")"));
    cluster_wait_until(url, "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND"
                            " query LIKE 'SELECT pg_advisory_lock%' AND datname = current_database()");
    PQfinish(other);
    pthread_join(flows[0].thread, NULL);
    ck_assert_int_eq(flows[0].result, COMMIT_DONE);
    check_outcomes(&flows[0], EVENT_STORED);
    ck_assert_int_eq(count_events(url), MANY);
    PQfinish(ledger);
    commit_as(&flows[1], EVENT_STORED);
    db_close(db);
    free(url);
}
END_TEST

// Batch behind batch, of sizes below and above what the server tells of before it commits, and of what a
// socket holds.
START_TEST(store_next__goes_on_and_on)
{
    static struct flow flows[2];
    static const unsigned counts[] = {1, 2, MANY, 1, STORE_BATCH_EVENTS, STORE_BATCH_EVENTS, 3};
    char *url = cluster_database();
    struct db *db = cluster_open(url, DB_WRITER);
    size_t len = 4096, stored = 0;
    char *text = malloc(len + 1);
    snprintf(text, len + 1, "{\"a\":\"%0*d\"}", (int)len - 8, 0);
    unsigned at = 0;
    for (unsigned i = 0; i < ARRAY_LEN(counts); i++) {
        struct flow *flow = &flows[i % 2], *next = &flows[(i + 1) % 2];
        unsigned more = i + 1 < ARRAY_LEN(counts) ? counts[i + 1] : 0;
        if (i == 0)
            make_flows(flows, db, 0, counts[0]);
        at += counts[i];
        flow->next = more ? next : NULL;
        flow->given = false;
        flow->only_committed = i % 3 == 2;
        next->count = more;
        for (unsigned e = 0; e < more; e++) {
            event_make(&next->events[e], at + e, text);
            next->list[e] = &next->events[e];
        }
        commit_flow(flow);
        ck_assert_int_eq(flow->result, COMMIT_DONE);
        check_outcomes(flow, EVENT_STORED);
        ck_assert(flow->given || !more);
        stored += counts[i];
    }
    ck_assert_int_eq(count_events(url), (int64_t)stored);
    ck_assert(db_is_good(db));
    free(text);
    db_close(db);
    free(url);
}
END_TEST

START_TEST(store_next__fails_alone)
{
    static struct flow flows[2];
    char *url = cluster_database();
    struct db *db = cluster_open(url, DB_WRITER);
    make_flows(flows, db, 0, MANY);
    event_make(&flows[1].events[7], 1000, "nonsense");
    commit_as(&flows[0], EVENT_STORED);
    commit_flow(&flows[1]);
    ck_assert_int_eq(flows[1].result, COMMIT_DATA);
    check_outcomes(&flows[1], EVENT_PENDING);
    ck_assert_int_eq(count_events(url), MANY);
    ck_assert(db_is_good(db));
    // A day without a partition, and keys that are there: both take more than the one round trip.
    make_flows(flows, db, 2000, MANY);
    flows[1].events[3].expiry_days = 30;
    for (size_t i = 0; i < MANY; i++)
        flows[1].events[i].id = flows[0].events[i].id;
    commit_flow(&flows[0]);
    ck_assert_int_eq(flows[0].result, COMMIT_DONE);
    commit_as(&flows[1], EVENT_DUPLICATE);
    make_flows(flows, db, 3000, MANY);
    flows[1].events[3].expiry_days = 60;
    commit_flow(&flows[0]);
    commit_as(&flows[1], EVENT_STORED);
    db_close(db);
    free(url);
}
END_TEST

START_TEST(store_next__waits_where_keys_have_to_be_read)
{
    static struct flow flows[2];
    char *url = cluster_database();
    struct db *db = cluster_open(url, DB_WRITER);
    make_flows(flows, db, 0, MANY);
    ck_assert_int_eq(commit_one(db, &flows[0].events[5]), COMMIT_DONE);
    flows[0].events[5].outcome = EVENT_PENDING;
    commit_flow(&flows[0]);
    ck_assert_int_eq(flows[0].result, COMMIT_DONE);
    ck_assert_uint_eq(flows[0].asked, 0);
    ck_assert(!flows[0].given);
    ck_assert_int_eq(flows[0].events[5].outcome, EVENT_DUPLICATE);
    ck_assert_int_eq(flows[0].events[6].outcome, EVENT_STORED);
    commit_flow(&flows[1]);
    ck_assert_int_eq(flows[1].result, COMMIT_DONE);
    db_close(db);
    free(url);
}
END_TEST

// Neither is told anything, and both can be sent again.
static void check_lost(const char *url, struct flow flows[static 2])
{
    ck_assert(flows[0].given);
    ck_assert_int_eq(flows[0].result, COMMIT_LOST);
    check_outcomes(&flows[0], EVENT_PENDING);
    ck_assert(!db_is_good(flows[0].db));
    commit_flow(&flows[1]); // only to close is left
    ck_assert_int_eq(flows[1].result, COMMIT_LOST);
    check_outcomes(&flows[1], EVENT_PENDING);
    db_close(flows[0].db);
    // The server may still be at what it was sent.
    cluster_wait_until(url, "SELECT (count(*) = 0)::int FROM pg_stat_activity WHERE"
                            " application_name = 'vox-sink' AND datname = current_database()");
    cluster_sql(url, "DROP TRIGGER IF EXISTS fail_at_commit ON telemetry.event_keys_g1");
    struct db *db = cluster_open(url, DB_WRITER);
    for (size_t f = 0; f < 2; f++)
        ck_assert_int_eq(commit_many(db, flows[f].events, flows[f].count), COMMIT_DONE);
    ck_assert_int_eq(count_events(url), 2 * MANY);
    db_close(db);
}

START_TEST(store_next__is_lost_with_an_error_at_commit)
{
    static struct flow flows[2];
    char *url = cluster_database();
    make_flows(flows, cluster_open(url, DB_WRITER), 0, MANY);
    cluster_sql(url, "CREATE FUNCTION fail_at_commit() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
                     " RAISE EXCEPTION 'no' USING ERRCODE = 'serialization_failure'; END $$;"
                     "CREATE CONSTRAINT TRIGGER fail_at_commit AFTER INSERT ON telemetry.event_keys_g1"
                     " DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION fail_at_commit()");
    commit_flow(&flows[0]);
    ck_assert_ptr_nonnull(strstr(flows[0].err.text, "40001")); // what an operator is to know
    check_lost(url, flows);
    free(url);
}
END_TEST

START_TEST(store_next__is_lost_with_the_backend)
{
    static struct flow flows[2];
    char *url = cluster_database();
    struct db *db = cluster_open(url, DB_WRITER);
    make_flows(flows, db, 0, MANY);
    PGconn *other = hold_commits(url, db);
    ck_assert_int_eq(pthread_create(&flows[0].thread, NULL, flow_run, &flows[0]), 0);
    while (sem_wait(&flows[0].taken) != 0)
        ;
    wait_for_commit(url);
    cluster_sql(url, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
                     " AND query = 'COMMIT' AND datname = current_database()");
    pthread_join(flows[0].thread, NULL);
    PQfinish(other);
    check_lost(url, flows);
    free(url);
}
END_TEST

START_TEST(store_next__is_lost_with_the_standby)
{
    static struct flow flows[2];
    char *url = cluster_database();
    struct db *db = cluster_open(url, DB_WRITER);
    struct event event;
    event_make(&event, 5000, TEXT);
    ck_assert_int_eq(commit_one(db, &event), COMMIT_DONE);
    make_flows(flows, db, 0, MANY);
    cluster_setting("synchronous_standby_names", "nowhere");
    ck_assert_int_eq(pthread_create(&flows[0].thread, NULL, flow_run, &flows[0]), 0);
    while (sem_wait(&flows[0].taken) != 0)
        ;
    cluster_wait_until(url, "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'");
    cluster_number(url,
                   "SELECT pg_cancel_backend(pid)::int FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
                   " LIMIT 1");
    pthread_join(flows[0].thread, NULL);
    cluster_setting("synchronous_standby_names", NULL);
    ck_assert_int_eq(flows[0].result, COMMIT_LOST);
    check_outcomes(&flows[0], EVENT_PENDING);
    commit_flow(&flows[1]);
    ck_assert_int_eq(flows[1].result, COMMIT_LOST);
    db_close(db);
    free(url);
}
END_TEST

CHECK_MAIN_WITH(cluster_start, "store_next", store_next__is_sent_while_the_commit_is_awaited,
                store_next__does_not_hold_up_the_former, store_next__goes_on_and_on, store_next__fails_alone,
                store_next__waits_where_keys_have_to_be_read, store_next__is_lost_with_an_error_at_commit,
                store_next__is_lost_with_the_backend, store_next__is_lost_with_the_standby)
