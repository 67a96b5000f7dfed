// SPDX-License-Identifier: Apache-2.0
// A small pool of threads over one queue of read jobs.
#include "server/store/reader.h"

#include "lib/base/cond.h"
#include "lib/base/log.h"

#include <errno.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define CONNECT_US       (2 * USEC_PER_SEC)
#define BACKOFF_FIRST_US (20 * USEC_PER_MSEC)
#define BACKOFF_MAX_US   (1 * USEC_PER_SEC)

struct reader {
    const char *url;
    int stop_fd;           // readable once draining: ends whatever a connection waits for
    pthread_mutex_t mutex; // guards all below but the threads
    pthread_cond_t wake;
    struct reader_job *head;
    struct reader_job *tail;
    size_t queued;
    bool draining;
    unsigned up;        // threads with a connection, as far as they know
    int64_t retry_at;   // no connecting before
    int64_t backoff_us; // the last pause; 0 after a success
    bool down_logged;
    size_t thread_count;
    pthread_t threads[];
};

static int64_t now(void)
{
    return clock_mono_us(clock_system());
}

static void run_without(struct reader_job *job, enum problem problem, const struct err *reason)
{
    job->problem = problem;
    job->run(job, NULL, reason);
}

static void push_front(struct reader *r, struct reader_job *job)
{
    job->next = r->head;
    r->head = job;
    if (!r->tail)
        r->tail = job;
    r->queued++;
}

// Sleeps until there may be something to do; while others have a connection, one without leaves the jobs to
// them until it is time to connect again.
static bool must_wait(struct reader *r, bool connected)
{
    if (r->draining)
        return false;
    bool away = !connected && r->up > 0 && now() < r->retry_at;
    return !r->head || away;
}

// The next job, or NULL at the end.
static struct reader_job *take(struct reader *r, bool connected)
{
    pthread_mutex_lock(&r->mutex);
    while (must_wait(r, connected)) {
        if (r->head)
            cond_wait_until(&r->wake, &r->mutex, r->retry_at);
        else
            pthread_cond_wait(&r->wake, &r->mutex);
    }
    struct reader_job *job = r->head;
    if (job) {
        r->head = job->next;
        if (!r->head)
            r->tail = NULL;
        r->queued--;
    }
    pthread_mutex_unlock(&r->mutex);
    return job;
}

// With no connection anywhere nothing can be read: all who wait hear it now.
static void connect_failed(struct reader *r, struct reader_job *job, const struct err *reason)
{
    struct reader_job *failed = NULL;
    pthread_mutex_lock(&r->mutex);
    bool draining = r->draining, log = !r->down_logged && !draining;
    r->down_logged = r->down_logged || log;
    r->backoff_us = MIN(MAX(r->backoff_us * 2, BACKOFF_FIRST_US), BACKOFF_MAX_US);
    r->retry_at = now() + r->backoff_us;
    push_front(r, job);
    if (r->up == 0) {
        failed = r->head;
        r->head = r->tail = NULL;
        r->queued = 0;
    }
    pthread_cond_broadcast(&r->wake);
    pthread_mutex_unlock(&r->mutex);
    if (log)
        log_warn("cannot read from the database; queries are refused until it is back",
                 LOG_CSTR("reason", reason->text));
    while (failed) {
        struct reader_job *next = failed->next;
        run_without(failed, draining ? PROBLEM_shutting_down : PROBLEM_database_unavailable, reason);
        failed = next;
    }
}

static void connected(struct reader *r)
{
    pthread_mutex_lock(&r->mutex);
    bool was_down = r->down_logged;
    r->down_logged = false;
    r->backoff_us = 0;
    r->retry_at = 0;
    r->up++;
    pthread_cond_broadcast(&r->wake);
    pthread_mutex_unlock(&r->mutex);
    if (was_down)
        log_info("the database can be read again");
}

static void disconnect(struct reader *r, struct db **db)
{
    if (!*db)
        return;
    db_close(*db);
    *db = NULL;
    pthread_mutex_lock(&r->mutex);
    r->up--;
    pthread_mutex_unlock(&r->mutex);
}

static void serve(struct reader *r, struct reader_job *job, struct db **db)
{
    struct err err = {"the database was away a moment ago"};
    pthread_mutex_lock(&r->mutex);
    bool draining = r->draining, away = now() < r->retry_at;
    pthread_mutex_unlock(&r->mutex);
    if (*db && !db_is_good(*db))
        disconnect(r, db);
    if (draining) {
        err_set(&err, "the sink is stopping");
        run_without(job, PROBLEM_shutting_down, &err);
    } else if (job->deadline <= now()) {
        err_set(&err, "the query waited until its deadline");
        run_without(job, PROBLEM_database_unavailable, &err);
    } else if (*db) {
        job->run(job, *db, &err);
    } else if (away) {
        run_without(job, PROBLEM_database_unavailable, &err);
    } else if (!db_connect_stoppable(r->url, DB_READER, MIN(now() + CONNECT_US, job->deadline), r->stop_fd,
                                     db, &err)) {
        *db = NULL;
        connect_failed(r, job, &err);
    } else {
        connected(r);
        job->run(job, *db, &err);
    }
}

static void *thread_main(void *arg)
{
    struct reader *r = arg;
    struct reader_job *job;
    struct db *db = NULL;
    pthread_setname_np(pthread_self(), "vox-reader");
    while ((job = take(r, db != NULL)))
        serve(r, job, &db);
    disconnect(r, &db);
    return NULL;
}

bool reader_start(const char *url, unsigned connections, struct reader **ret_reader, struct err *err)
{
    struct reader *r = calloc(1, sizeof(*r) + connections * sizeof(r->threads[0]));
    if (!r)
        return err_set(err, "out of memory for the readers");
    r->url = url;
    r->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (r->stop_fd < 0) {
        free(r);
        return err_set_errno(err, "cannot make an eventfd");
    }
    pthread_mutex_init(&r->mutex, NULL);
    cond_init(&r->wake);
    for (; r->thread_count < connections; r->thread_count++) {
        if (pthread_create(&r->threads[r->thread_count], NULL, thread_main, r) != 0) {
            reader_drain(r);
            reader_free(r);
            return err_set(err, "cannot start a reader thread");
        }
    }
    *ret_reader = r;
    return true;
}

enum problem reader_submit(struct reader *r, struct reader_job *job)
{
    enum problem problem = PROBLEM_NONE;
    pthread_mutex_lock(&r->mutex);
    if (r->draining)
        problem = PROBLEM_shutting_down;
    else if (r->queued >= READER_QUEUE)
        problem = PROBLEM_overloaded;
    if (!problem) {
        job->problem = PROBLEM_NONE;
        job->next = NULL;
        if (r->tail)
            r->tail->next = job;
        else
            r->head = job;
        r->tail = job;
        r->queued++;
        // All of them: one that waits for its time to connect would sleep on.
        pthread_cond_broadcast(&r->wake);
    }
    pthread_mutex_unlock(&r->mutex);
    return problem;
}

void reader_drain(struct reader *r)
{
    const uint64_t one = 1;
    pthread_mutex_lock(&r->mutex);
    r->draining = true;
    pthread_cond_broadcast(&r->wake);
    pthread_mutex_unlock(&r->mutex);
    while (write(r->stop_fd, &one, sizeof(one)) < 0)
        BUG_ON(errno != EINTR);
    for (size_t i = 0; i < r->thread_count; i++)
        pthread_join(r->threads[i], NULL);
}

void reader_free(struct reader *r)
{
    close(r->stop_fd);
    pthread_cond_destroy(&r->wake);
    pthread_mutex_destroy(&r->mutex);
    free(r);
}
