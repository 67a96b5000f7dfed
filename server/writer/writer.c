// SPDX-License-Identifier: Apache-2.0
// The group commit as others see it: a bounded queue, its start and its end.
#include "server/writer/writer.h"

#include "lib/base/cond.h"
#include "server/writer/worker.h"

bool writer_start(const struct writer_config *config, struct writer **ret_writer, struct err *err)
{
    struct writer *w = calloc(1, sizeof(*w) + config->connections * sizeof(w->workers[0]));
    if (!w)
        return err_set(err, "out of memory for the writer");
    w->config = *config;
    w->durable = true;
    pthread_mutex_init(&w->mutex, NULL);
    cond_init(&w->idle);
    cond_init(&w->pause);
    metrics_set(config->metrics, METRIC_DATABASE_UP, NULL, NULL, 0);
    while (w->worker_count < config->connections) {
        struct worker *worker = &w->workers[w->worker_count];
        worker->writer = w;
        cond_init(&worker->wake);
        worker->hand = &worker->hands[0];
        worker->next = &worker->hands[1];
        pthread_mutex_lock(&w->mutex); // those that run already look at how many there are
        int code = pthread_create(&worker->thread, NULL, worker_main, worker);
        w->worker_count += code == 0;
        pthread_mutex_unlock(&w->mutex);
        if (code != 0) {
            writer_drain(w, 0);
            writer_halt(w);
            writer_free(w);
            return err_set(err, "cannot start a writer thread");
        }
    }
    *ret_writer = w;
    return true;
}

// The mutex is held.
static void flush(struct writer *w)
{
    if (event_queue_is_empty(&w->incoming))
        return;
    event_queue_append(&w->queue, &w->incoming);
    worker_call(w);
}

void writer_flush(struct writer *w)
{
    pthread_mutex_lock(&w->mutex);
    flush(w);
    pthread_mutex_unlock(&w->mutex);
}

// The mutex is held. Batches leave a part to those posted alone.
static bool has_room(const struct writer *w, const struct event *event)
{
    size_t events = event_queue_events(&w->queue) + event_queue_events(&w->incoming);
    size_t bytes = event_queue_bytes(&w->queue) + event_queue_bytes(&w->incoming) + event->text.len;
    if (events >= w->config.queue_events || bytes > w->config.queue_bytes)
        return false;
    if (!event->of_batch)
        return true;
    events = w->queue.batch.events + w->incoming.batch.events;
    bytes = w->queue.batch.bytes + w->incoming.batch.bytes + event->text.len;
    return events == 0 || (events < WRITER_BATCHES_PART(w->config.queue_events) &&
                           bytes <= WRITER_BATCHES_PART(w->config.queue_bytes));
}

enum problem writer_submit(struct writer *w, struct event *event)
{
    enum problem problem = PROBLEM_NONE;
    event->outcome = EVENT_PENDING;
    event->queued_at = clock_mono_us(w->config.clock);
    event->deadline = event->queued_at + w->config.deadline_us;
    pthread_mutex_lock(&w->mutex);
    if (w->draining)
        problem = PROBLEM_shutting_down;
    else if (w->up == 0 || !w->durable)
        problem = PROBLEM_database_unavailable;
    else if (!has_room(w, event))
        problem = PROBLEM_overloaded;
    if (!problem) {
        event_queue_push(&w->incoming, event);
        if (event_queue_events(&w->incoming) >= WRITER_TURN_EVENTS)
            flush(w);
    }
    pthread_mutex_unlock(&w->mutex);
    return problem;
}

bool writer_is_up(struct writer *w)
{
    pthread_mutex_lock(&w->mutex);
    bool up = w->up > 0 && w->durable;
    pthread_mutex_unlock(&w->mutex);
    return up;
}

void writer_set_durable(struct writer *w, bool durable)
{
    pthread_mutex_lock(&w->mutex);
    w->durable = durable;
    pthread_mutex_unlock(&w->mutex);
}

void writer_queue_size(struct writer *w, size_t *ret_events, size_t *ret_bytes)
{
    pthread_mutex_lock(&w->mutex);
    *ret_events = event_queue_events(&w->queue) + event_queue_events(&w->incoming);
    *ret_bytes = event_queue_bytes(&w->queue) + event_queue_bytes(&w->incoming);
    pthread_mutex_unlock(&w->mutex);
}

void writer_drain(struct writer *w, int64_t deadline)
{
    pthread_mutex_lock(&w->mutex);
    w->draining = true;
    flush(w);
    worker_call(w); // beside one that hangs, too
    while (!event_queue_is_empty(&w->queue) || w->busy)
        if (!cond_wait_until(&w->idle, &w->mutex, deadline))
            break;
    w->abandon = true;
    pthread_cond_broadcast(&w->pause);
    struct event_queue left = w->queue;
    w->queue = (struct event_queue){0};
    pthread_mutex_unlock(&w->mutex);
    struct event *event;
    while (event_queue_take(&left, &event, 1, SIZE_MAX))
        writer_refuse(event, PROBLEM_shutting_down);
}

void writer_halt(struct writer *w)
{
    pthread_mutex_lock(&w->mutex);
    BUG_ON(!w->draining);
    w->stopping = true;
    worker_call_all(w);
    pthread_cond_broadcast(&w->pause);
    pthread_mutex_unlock(&w->mutex);
    for (size_t i = 0; i < w->worker_count; i++)
        pthread_join(w->workers[i].thread, NULL);
    BUG_ON(!event_queue_is_empty(&w->queue));
}

void writer_free(struct writer *w)
{
    for (size_t i = 0; i < w->worker_count; i++)
        pthread_cond_destroy(&w->workers[i].wake);
    pthread_cond_destroy(&w->idle);
    pthread_cond_destroy(&w->pause);
    pthread_mutex_destroy(&w->mutex);
    free(w);
}
