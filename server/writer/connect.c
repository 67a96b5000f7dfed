// SPDX-License-Identifier: Apache-2.0
// A writer thread without a connection, and how it comes to be without one.
#include "lib/base/log.h"
#include "server/writer/worker.h"

#define CONNECT_US   (2 * USEC_PER_SEC)
#define PAUSE_MAX_US (1 * USEC_PER_SEC)
// What waits while a connection is sought is answered when that fails.
_Static_assert(CONNECT_US <= WRITER_GRACE_US, "the grace covers a connection that cannot be had");

// Refuses what is due before `at`, if no connection is good: nobody else looks at the queue then.
static void refuse_due_if_down(struct writer *w, int64_t at, enum problem problem)
{
    struct event_queue due = {0}, kept = {0};
    struct event *event;
    pthread_mutex_lock(&w->mutex);
    while (w->up == 0 && event_queue_take(&w->queue, &event, 1, SIZE_MAX))
        event_queue_push(event->deadline < at ? &due : &kept, event);
    event_queue_append(&w->queue, &kept);
    pthread_cond_broadcast(&w->idle);
    pthread_mutex_unlock(&w->mutex);
    while (event_queue_take(&due, &event, 1, SIZE_MAX))
        writer_refuse(event, problem);
}

// With no connection anywhere nothing can be stored: say so now rather than at each event's deadline.
static void refuse_queue_if_down(struct writer *w)
{
    refuse_due_if_down(w, INT64_MAX, PROBLEM_database_unavailable);
}

// The mutex is held.
static void put_back(struct worker *t, struct hand *hand)
{
    event_queue_push_front(&t->writer->queue, hand->events, hand->count);
    hand->count = 0;
    hand->deadline = 0;
}

void worker_lose_connection(struct worker *t)
{
    struct writer *w = t->writer;
    bool had_batch = t->hand->count > 0;
    worker_drop_expired(t, t->hand, t->pause_us + CONNECT_US + WORKER_FLOOR_US);
    worker_drop_expired(t, t->next, t->pause_us + CONNECT_US + WORKER_FLOOR_US);
    w->config.backend.close(t->connection);
    t->connection = NULL;
    pthread_mutex_lock(&w->mutex);
    BUG_ON(w->up == 0);
    w->up--;
    w->busy -= had_batch;
    metrics_set(w->config.metrics, METRIC_DATABASE_UP, NULL, NULL, w->up > 0);
    put_back(t, t->next);
    put_back(t, t->hand);
    worker_call_all(w);
    pthread_cond_broadcast(&w->idle);
    pthread_mutex_unlock(&w->mutex);
    t->suspect = true;
    worker_set_state(t, WORKER_CONNECTING);
}

static void connect_failed(struct worker *t, const struct err *err)
{
    struct writer *w = t->writer;
    metrics_add(w->config.metrics, METRIC_DATABASE_CONNECTS, "failed", NULL, 1);
    if (!t->down_logged)
        log_error("cannot store events: no database connection; retrying", LOG_CSTR("reason", err->text));
    t->down_logged = true;
    refuse_queue_if_down(w);
}

static void connected(struct worker *t)
{
    struct writer *w = t->writer;
    metrics_add(w->config.metrics, METRIC_DATABASE_CONNECTS, "ok", NULL, 1);
    if (t->down_logged)
        log_info("database connection is back");
    t->down_logged = false;
    pthread_mutex_lock(&w->mutex);
    w->up++;
    t->doubts = w->doubts;
    metrics_set(w->config.metrics, METRIC_DATABASE_UP, NULL, NULL, 1);
    pthread_mutex_unlock(&w->mutex);
    worker_set_state(t, WORKER_IDLE);
}

void worker_connect(struct worker *t)
{
    struct writer *w = t->writer;
    // The first attempt after a good commit is at once; then the pauses grow until a commit succeeds again.
    refuse_due_if_down(w, worker_now(w) + t->pause_us, PROBLEM_deadline_exceeded);
    worker_pause(w, t->pause_us);
    t->pause_us = MIN(MAX(t->pause_us * 2, WORKER_PAUSE_US), PAUSE_MAX_US);
    pthread_mutex_lock(&w->mutex);
    bool stopping = w->stopping;
    pthread_mutex_unlock(&w->mutex);
    if (stopping) {
        refuse_queue_if_down(w);
        worker_set_state(t, WORKER_STOPPED);
        return;
    }
    struct err err = {"no reason given"};
    t->connection = w->config.backend.connect(w->config.backend.context, worker_now(w) + CONNECT_US, &err);
    if (t->connection)
        connected(t);
    else
        connect_failed(t, &err);
}
