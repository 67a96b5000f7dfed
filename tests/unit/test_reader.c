// SPDX-License-Identifier: Apache-2.0
// The readers: every job is run once, in time, whatever the database does.
#include "server/store/reader.h"

#include "lib/base/log.h"
#include "test_store_hang.h"

#include "check_main.h"

#include <poll.h>
#include <pthread.h>

#define WAIT_USEC (120 * USEC_PER_SEC)
#define JOBS      50

static struct {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    unsigned run, with_db;
} seen = {.mutex = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

static char *url;

static void on_run(struct reader_job *job, struct db *db, const struct err *reason)
{
    pthread_mutex_lock(&seen.mutex);
    BUG_ON((db == NULL) != (job->problem != PROBLEM_NONE) || !reason);
    seen.run++;
    seen.with_db += db != NULL;
    pthread_cond_broadcast(&seen.changed);
    pthread_mutex_unlock(&seen.mutex);
}

// A query that hangs as long as its deadline lets it.
static void on_run_query(struct reader_job *job, struct db *db, const struct err *reason)
{
    struct err err;
    if (db && pg_run(db, "SELECT 1", NULL, job->deadline, NULL, &err))
        BUG_ON(!db_is_good(db));
    on_run(job, db, reason);
}

static void wait_for_runs(unsigned count)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += WAIT_USEC / USEC_PER_SEC;
    int waited = 0;
    pthread_mutex_lock(&seen.mutex);
    while (seen.run < count && waited == 0)
        waited = pthread_cond_timedwait(&seen.changed, &seen.mutex, &until);
    pthread_mutex_unlock(&seen.mutex);
    ck_assert_uint_eq(seen.run, count);
}

static struct reader *start(unsigned connections)
{
    struct reader *reader;
    struct err err;
    seen.run = seen.with_db = 0;
    ck_assert(reader_start(url, connections, &reader, &err));
    return reader;
}

static void submit(struct reader *reader, struct reader_job *jobs, size_t count, int64_t usec)
{
    for (size_t i = 0; i < count; i++) {
        jobs[i] = (struct reader_job){.run = on_run_query, .deadline = pg_deadline_in(usec)};
        ck_assert_int_eq(reader_submit(reader, &jobs[i]), PROBLEM_NONE);
    }
}

static void stop(struct reader *reader)
{
    reader_drain(reader);
    reader_free(reader);
}

START_TEST(reader__runs_jobs_with_a_connection)
{
    struct reader_job jobs[JOBS];
    struct reader *reader;
    // A connection that is not made within two seconds fails them all.
    for (int tries = 0; tries < QUICK_TRIES && seen.with_db < JOBS; tries++) {
        reader = start(3);
        submit(reader, jobs, JOBS, WAIT_USEC);
        wait_for_runs(JOBS);
        stop(reader);
    }
    ck_assert_uint_eq(seen.with_db, JOBS);
}
END_TEST

START_TEST(reader__leaves_the_expired_without_a_connection)
{
    struct reader_job job;
    struct reader *reader = start(1);
    submit(reader, &job, 1, -1);
    wait_for_runs(1);
    ck_assert_uint_eq(seen.with_db, 0);
    ck_assert_int_eq(job.problem, PROBLEM_database_unavailable);
    stop(reader);
}
END_TEST

START_TEST(reader__fails_all_at_once_while_the_database_is_away)
{
    struct reader_job jobs[JOBS], later;
    struct reader *reader = start(2);
    cluster_hang(url);
    int64_t began = pg_deadline_in(0);
    submit(reader, jobs, JOBS, 500 * USEC_PER_MSEC);
    wait_for_runs(JOBS);
    // One attempt each, not one for each job.
    ck_assert_int_lt(pg_deadline_in(0) - began, JOBS / 2 * 500 * USEC_PER_MSEC);
    ck_assert_uint_eq(seen.with_db, 0);
    for (size_t i = 0; i < JOBS; i++)
        ck_assert_int_eq(jobs[i].problem, PROBLEM_database_unavailable);
    cluster_continue();
    for (unsigned tries = 0; !seen.with_db; tries++) {
        ck_assert_uint_lt(tries, 1000);
        submit(reader, &later, 1, WAIT_USEC);
        wait_for_runs(JOBS + tries + 1);
        poll(NULL, 0, 10);
    }
    stop(reader);
}
END_TEST

// How long it takes.
static int64_t drain_hanging(void)
{
    struct reader_job first, jobs[JOBS];
    struct reader *reader = start(2);
    submit(reader, &first, 1, WAIT_USEC);
    wait_for_runs(1);
    cluster_hang(url);
    // One thread hangs in a query, another in connecting, and the rest is queued.
    submit(reader, jobs, JOBS, WAIT_USEC);
    int64_t began = pg_deadline_in(0);
    reader_drain(reader);
    int64_t took = pg_deadline_in(0) - began;
    cluster_continue();
    ck_assert_uint_eq(seen.run, JOBS + 1);
    unsigned refused = 0;
    for (size_t i = 0; i < JOBS; i++)
        refused += jobs[i].problem == PROBLEM_shutting_down;
    ck_assert_uint_ge(refused, JOBS - 1);
    ck_assert_int_eq(reader_submit(reader, &first), PROBLEM_shutting_down);
    reader_free(reader);
    return took;
}

START_TEST(reader__drains_while_the_server_hangs)
{
    bool quick = false;
    for (int tries = 0; !quick && tries < QUICK_TRIES; tries++)
        quick = drain_hanging() < 1 * USEC_PER_SEC;
    ck_assert(quick);
}
END_TEST

START_TEST(db__limits_every_wait)
{
    struct err err;
    struct db *db = cluster_open(url, DB_WRITER);
    int64_t began = pg_deadline_in(0);
    ck_assert(pg_run(db, "SET statement_timeout = 0", NULL, pg_deadline_in(WAIT_USEC), NULL, &err));
    db_limit(db, pg_deadline_in(50 * USEC_PER_MSEC));
    ck_assert(!pg_run(db, "SELECT pg_sleep(120)", NULL, pg_deadline_in(WAIT_USEC), NULL, &err));
    ck_assert_int_lt(pg_deadline_in(0) - began, 100 * USEC_PER_SEC);
    db_close(db);
}
END_TEST

static void setup(void)
{
    log_set_level(LOG_ERROR);
    cluster_start();
    url = cluster_database();
}

CHECK_MAIN_WITH(setup, "reader", reader__runs_jobs_with_a_connection,
                reader__leaves_the_expired_without_a_connection,
                reader__fails_all_at_once_while_the_database_is_away, reader__drains_while_the_server_hangs,
                db__limits_every_wait)
