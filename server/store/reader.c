// SPDX-License-Identifier: Apache-2.0
// A small pool of threads over one queue of read jobs.
#include "server/store/reader.h"

#include "lib/base/log.h"

#include <pthread.h>

#define CONNECT_US (2 * USEC_PER_SEC)

struct reader {
    const char *url;
    pthread_mutex_t mutex; // guards the queue and `stopping`
    pthread_cond_t wake;
    struct reader_job *head;
    struct reader_job *tail;
    size_t queued;
    bool stopping;
    size_t thread_count;
    pthread_t threads[];
};

// The next job, or NULL at the end.
static struct reader_job *take(struct reader *r)
{
    pthread_mutex_lock(&r->mutex);
    while (!r->head && !r->stopping)
        pthread_cond_wait(&r->wake, &r->mutex);
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

static void *thread_main(void *arg)
{
    struct reader *r = arg;
    struct reader_job *job;
    struct db *db = NULL;
    pthread_setname_np(pthread_self(), "vox-reader");
    while ((job = take(r))) {
        struct err err = {"no reason given"};
        if (db && !db_is_good(db)) {
            db_close(db);
            db = NULL;
        }
        if (!db && !db_connect(r->url, DB_READER, clock_mono_us(clock_system()) + CONNECT_US, &db, &err)) {
            db = NULL;
            log_warn("cannot read from the database", LOG_CSTR("reason", err.text));
        }
        job->run(job, db, &err);
    }
    db_close(db);
    return NULL;
}

bool reader_start(const char *url, unsigned connections, struct reader **ret_reader, struct err *err)
{
    struct reader *r = calloc(1, sizeof(*r) + connections * sizeof(r->threads[0]));
    if (!r)
        return err_set(err, "out of memory for the readers");
    r->url = url;
    pthread_mutex_init(&r->mutex, NULL);
    pthread_cond_init(&r->wake, NULL);
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
    if (r->stopping)
        problem = PROBLEM_shutting_down;
    else if (r->queued >= READER_QUEUE)
        problem = PROBLEM_overloaded;
    if (!problem) {
        job->next = NULL;
        if (r->tail)
            r->tail->next = job;
        else
            r->head = job;
        r->tail = job;
        r->queued++;
        pthread_cond_signal(&r->wake);
    }
    pthread_mutex_unlock(&r->mutex);
    return problem;
}

void reader_drain(struct reader *r)
{
    pthread_mutex_lock(&r->mutex);
    r->stopping = true;
    pthread_cond_broadcast(&r->wake);
    pthread_mutex_unlock(&r->mutex);
    for (size_t i = 0; i < r->thread_count; i++)
        pthread_join(r->threads[i], NULL);
}

void reader_free(struct reader *r)
{
    pthread_cond_destroy(&r->wake);
    pthread_mutex_destroy(&r->mutex);
    free(r);
}
