// SPDX-License-Identifier: Apache-2.0
// The group commit: a queue, and threads that turn what waits in it into transactions.
#include "server/writer/writer.h"

#include "lib/base/log.h"
#include "server/writer/isolate.h"
#include "server/writer/queue.h"

#include <pthread.h>

#define ALIVE_CHECK_US   (250 * USEC_PER_MSEC)
#define CONNECT_US       (2 * USEC_PER_SEC)
#define BACKOFF_FIRST_US (20 * USEC_PER_MSEC)
#define BACKOFF_MAX_US   (1 * USEC_PER_SEC)
#define TRANSIENT_TRIES  5

enum writer_state {
    WRITER_CONNECTING, // no connection
    WRITER_IDLE,       // a good connection, no batch
    WRITER_COMMITTING, // a batch in hand
    WRITER_ISOLATING,  // a batch in hand of which some row is refused
    WRITER_STOPPED
};

struct writer;

struct writer_thread {
    struct writer *writer;
    pthread_t thread;
    enum writer_state state; // its own thread's alone
    void *connection;
    int64_t backoff_us;
    bool down_logged;
    unsigned tries; // of the batch in hand
    size_t count;
    struct event *batch[WRITER_BATCH_EVENTS];
};

struct writer {
    struct writer_config config;
    pthread_mutex_t mutex; // guards all below
    pthread_cond_t wake;   // events came, or the end is near
    pthread_cond_t idle;   // a thread put its batch down
    struct event_queue queue;
    unsigned up;   // threads with a good connection
    unsigned busy; // threads with a batch in hand
    bool draining;
    bool abandon; // the drain's deadline passed: refuse what is left
    bool stopping;
    size_t thread_count;
    struct writer_thread threads[];
};

static bool edge_allowed(enum writer_state from, enum writer_state to)
{
    switch (from) {
    case WRITER_CONNECTING:
        return to == WRITER_IDLE || to == WRITER_STOPPED;
    case WRITER_IDLE:
        return to == WRITER_COMMITTING || to == WRITER_CONNECTING || to == WRITER_STOPPED;
    case WRITER_COMMITTING:
        return to == WRITER_IDLE || to == WRITER_ISOLATING || to == WRITER_CONNECTING;
    case WRITER_ISOLATING:
        return to == WRITER_IDLE || to == WRITER_CONNECTING;
    case WRITER_STOPPED:
    default:
        BUG("writer left its last state");
    }
}

static void set_state(struct writer_thread *t, enum writer_state state)
{
    BUG_ON(!edge_allowed(t->state, state));
    t->state = state;
}

static int64_t now(const struct writer *w)
{
    return clock_mono_us(w->config.clock);
}

static void refuse(struct event *event, enum problem problem)
{
    event->outcome = EVENT_REFUSED;
    event->problem = problem;
    event->done(event);
}

static void refuse_all(struct event **events, size_t count, enum problem problem)
{
    for (size_t i = 0; i < count; i++)
        refuse(events[i], problem);
}

// Real time, whatever the clock seam says: only how long a thread may sleep.
static void wait_for(struct writer *w, pthread_cond_t *cond, int64_t us)
{
    int64_t until = clock_mono_us(clock_system()) + us;
    struct timespec ts = {until / USEC_PER_SEC, (until % USEC_PER_SEC) * 1000};
    pthread_cond_timedwait(cond, &w->mutex, &ts);
}

// ---- one thread's steps
// -------------------------------------------------------------------------------------------

static void connection_lost(struct writer_thread *t)
{
    struct writer *w = t->writer;
    w->config.backend.close(t->connection);
    t->connection = NULL;
    pthread_mutex_lock(&w->mutex);
    BUG_ON(w->up == 0);
    w->up--;
    metrics_set(w->config.metrics, METRIC_DATABASE_UP, NULL, NULL, w->up > 0);
    // Whatever was in hand goes back to the front; a sibling or the next connection takes it.
    event_queue_push_front(&w->queue, t->batch, t->count);
    if (t->count)
        w->busy--;
    t->count = 0;
    pthread_cond_broadcast(&w->wake);
    pthread_cond_broadcast(&w->idle);
    pthread_mutex_unlock(&w->mutex);
    set_state(t, WRITER_CONNECTING);
}

// With no connection anywhere nothing can be stored: say so now rather than at each event's deadline.
static void refuse_queue_if_down(struct writer *w)
{
    struct event *events[WRITER_BATCH_EVENTS];
    for (;;) {
        size_t count = 0;
        pthread_mutex_lock(&w->mutex);
        if (w->up == 0)
            count = event_queue_take(&w->queue, events, WRITER_BATCH_EVENTS, SIZE_MAX);
        pthread_cond_broadcast(&w->idle);
        pthread_mutex_unlock(&w->mutex);
        if (!count)
            return;
        refuse_all(events, count, PROBLEM_database_unavailable);
    }
}

static void connect_failed(struct writer_thread *t, const struct err *err)
{
    struct writer *w = t->writer;
    metrics_add(w->config.metrics, METRIC_DATABASE_CONNECTS, "failed", NULL, 1);
    if (!t->down_logged)
        log_error("cannot store events: no database connection; retrying", LOG_CSTR("reason", err->text));
    t->down_logged = true;
    refuse_queue_if_down(w);
}

static void step_connecting(struct writer_thread *t)
{
    struct writer *w = t->writer;
    pthread_mutex_lock(&w->mutex);
    // The first attempt after a good commit is at once; then the pauses grow until a commit succeeds again.
    if (!w->stopping && t->backoff_us)
        wait_for(w, &w->wake, t->backoff_us);
    t->backoff_us = MIN(MAX(t->backoff_us * 2, BACKOFF_FIRST_US), BACKOFF_MAX_US);
    bool stopping = w->stopping;
    int64_t deadline = now(w) + CONNECT_US;
    if (w->queue.head)
        deadline = MIN(deadline, w->queue.head->deadline);
    pthread_mutex_unlock(&w->mutex);
    if (stopping) {
        refuse_queue_if_down(w);
        set_state(t, WRITER_STOPPED);
        return;
    }
    struct err err = {"no reason given"};
    t->connection = w->config.backend.connect(w->config.backend.context, deadline, &err);
    if (!t->connection) {
        connect_failed(t, &err);
        return;
    }
    metrics_add(w->config.metrics, METRIC_DATABASE_CONNECTS, "ok", NULL, 1);
    if (t->down_logged)
        log_info("database connection is back");
    t->down_logged = false;
    pthread_mutex_lock(&w->mutex);
    w->up++;
    metrics_set(w->config.metrics, METRIC_DATABASE_UP, NULL, NULL, 1);
    pthread_mutex_unlock(&w->mutex);
    set_state(t, WRITER_IDLE);
}

static void step_idle(struct writer_thread *t)
{
    struct writer *w = t->writer;
    bool stopping = false, slept = false;
    pthread_mutex_lock(&w->mutex);
    if (!w->queue.head && !w->stopping) {
        wait_for(w, &w->wake, ALIVE_CHECK_US);
        slept = true;
    }
    t->count = event_queue_take(&w->queue, t->batch, WRITER_BATCH_EVENTS, WRITER_BATCH_BYTES);
    t->tries = 0;
    if (t->count)
        w->busy++;
    else
        stopping = w->stopping;
    pthread_mutex_unlock(&w->mutex);
    if (t->count)
        set_state(t, WRITER_COMMITTING);
    else if (stopping)
        set_state(t, WRITER_STOPPED);
    else if (slept && !w->config.backend.alive(t->connection))
        connection_lost(t);
}

// Puts the batch down: all of it has been answered.
static void batch_over(struct writer_thread *t)
{
    struct writer *w = t->writer;
    t->count = 0;
    pthread_mutex_lock(&w->mutex);
    w->busy--;
    pthread_cond_broadcast(&w->idle);
    pthread_mutex_unlock(&w->mutex);
    set_state(t, WRITER_IDLE);
}

// Refuses what cannot make it any more; leaves the rest in the batch. Returns the earliest deadline of the
// rest.
static int64_t drop_expired(struct writer_thread *t)
{
    struct writer *w = t->writer;
    int64_t at = now(w), earliest = INT64_MAX;
    size_t kept = 0;
    pthread_mutex_lock(&w->mutex);
    bool abandon = w->abandon;
    pthread_mutex_unlock(&w->mutex);
    for (size_t i = 0; i < t->count; i++) {
        struct event *event = t->batch[i];
        if (abandon || event->deadline <= at) {
            refuse(event, abandon ? PROBLEM_shutting_down : PROBLEM_deadline_exceeded);
            continue;
        }
        earliest = MIN(earliest, event->deadline);
        t->batch[kept++] = event;
    }
    t->count = kept;
    return earliest;
}

static const char *result_name(enum commit_result result)
{
    switch (result) {
    case COMMIT_DONE:
        return "committed";
    case COMMIT_DATA:
        return "data_error";
    case COMMIT_LOCKED:
        return "locked";
    case COMMIT_TRANSIENT:
        return "transient";
    case COMMIT_LOST:
        return "lost";
    default:
        BUG("unknown commit result");
    }
}

// One transaction; on COMMIT_DONE every event of the range is answered.
static enum commit_result try_commit(struct writer_thread *t, struct event **events, size_t count,
                                     int64_t deadline)
{
    struct writer *w = t->writer;
    struct err err = {""};
    int64_t began = now(w);
    enum commit_result result = w->config.backend.commit(t->connection, events, count, deadline, &err);
    metrics_add(w->config.metrics, METRIC_BATCHES, result_name(result), NULL, 1);
    if (result == COMMIT_DONE) {
        t->backoff_us = 0;
        metrics_observe(w->config.metrics, METRIC_BATCH_EVENTS, count);
        metrics_observe(w->config.metrics, METRIC_COMMIT_SECONDS, (uint64_t)(now(w) - began));
        for (size_t i = 0; i < count; i++)
            events[i]->done(events[i]);
    } else {
        log_warn("transaction failed", LOG_CSTR("result", result_name(result)), LOG_U64("events", count),
                 LOG_CSTR("reason", err.text));
    }
    return result;
}

static void back_off(struct writer_thread *t)
{
    struct writer *w = t->writer;
    pthread_mutex_lock(&w->mutex);
    if (!w->abandon)
        wait_for(w, &w->idle, BACKOFF_FIRST_US << MIN(t->tries, 5u));
    pthread_mutex_unlock(&w->mutex);
}

static void step_committing(struct writer_thread *t)
{
    int64_t deadline = drop_expired(t);
    if (!t->count) {
        batch_over(t);
        return;
    }
    switch (try_commit(t, t->batch, t->count, deadline)) {
    case COMMIT_DONE:
        batch_over(t);
        return;
    case COMMIT_DATA:
    case COMMIT_LOCKED:
        set_state(t, WRITER_ISOLATING);
        return;
    case COMMIT_TRANSIENT:
        if (++t->tries < TRANSIENT_TRIES) {
            back_off(t);
            return;
        }
        refuse_all(t->batch, t->count, PROBLEM_database_unavailable);
        batch_over(t);
        return;
    case COMMIT_LOST:
        connection_lost(t);
        return;
    default:
        BUG("unknown commit result");
    }
}

// A range alone in its transaction: what its result means once it cannot be split.
static enum problem verdict_alone(enum commit_result result)
{
    return result == COMMIT_DATA ? PROBLEM_storage_refused : PROBLEM_database_unavailable;
}

// Depth first over a stack of cuts: ranges[i] .. ranges[i+1] are still to be tried, the last one first.
static void step_isolating(struct writer_thread *t)
{
    size_t cuts[WRITER_BATCH_EVENTS + 2] = {0, t->count}, depth = 1;
    unsigned tries = 0;
    int64_t deadline = now(t->writer) + t->writer->config.deadline_us;
    while (depth) {
        size_t begin = cuts[depth - 1], count = cuts[depth] - begin;
        struct event **range = t->batch + begin;
        t->count = cuts[depth]; // what a lost connection would take back
        if (++tries > WRITER_ISOLATION_TRIES || now(t->writer) >= deadline) {
            refuse_all(t->batch, t->count, PROBLEM_overloaded);
            break;
        }
        enum commit_result result = try_commit(t, range, count, deadline);
        if (result == COMMIT_LOST) {
            connection_lost(t);
            return;
        }
        bool split = result == COMMIT_DATA || result == COMMIT_LOCKED;
        if (split && count > 1) {
            cuts[depth + 1] = cuts[depth];
            cuts[depth] = begin + isolate_cut(range, count);
            depth++;
            continue;
        }
        if (result != COMMIT_DONE)
            refuse_all(range, count, verdict_alone(result));
        depth--;
    }
    batch_over(t);
}

static void thread_over(struct writer_thread *t)
{
    struct writer *w = t->writer;
    if (!t->connection)
        return;
    w->config.backend.close(t->connection);
    pthread_mutex_lock(&w->mutex);
    w->up--;
    pthread_mutex_unlock(&w->mutex);
}

static void *thread_main(void *arg)
{
    struct writer_thread *t = arg;
    pthread_setname_np(pthread_self(), "vox-writer");
    for (;;) {
        switch (t->state) {
        case WRITER_CONNECTING:
            step_connecting(t);
            break;
        case WRITER_IDLE:
            step_idle(t);
            break;
        case WRITER_COMMITTING:
            step_committing(t);
            break;
        case WRITER_ISOLATING:
            step_isolating(t);
            break;
        case WRITER_STOPPED:
            thread_over(t);
            return NULL;
        default:
            BUG("unknown writer state");
        }
    }
}

// ---- the writer as others see it
// ----------------------------------------------------------------------------------

bool writer_start(const struct writer_config *config, struct writer **ret_writer, struct err *err)
{
    struct writer *w = calloc(1, sizeof(*w) + config->connections * sizeof(w->threads[0]));
    if (!w)
        return err_set(err, "out of memory for the writer");
    w->config = *config;
    pthread_mutex_init(&w->mutex, NULL);
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&w->wake, &monotonic);
    pthread_cond_init(&w->idle, &monotonic);
    pthread_condattr_destroy(&monotonic);
    metrics_set(config->metrics, METRIC_DATABASE_UP, NULL, NULL, 0);
    for (size_t i = 0; i < config->connections; i++) {
        struct writer_thread *t = &w->threads[i];
        t->writer = w;
        if (pthread_create(&t->thread, NULL, thread_main, t) != 0) {
            writer_drain(w, 0);
            writer_stop(w);
            return err_set(err, "cannot start a writer thread");
        }
        w->thread_count++;
    }
    *ret_writer = w;
    return true;
}

enum problem writer_submit(struct writer *w, struct event *event)
{
    enum problem problem = PROBLEM_NONE;
    event->outcome = EVENT_PENDING;
    event->queued_at = now(w);
    event->deadline = event->queued_at + w->config.deadline_us;
    pthread_mutex_lock(&w->mutex);
    if (w->draining)
        problem = PROBLEM_shutting_down;
    else if (w->up == 0)
        problem = PROBLEM_database_unavailable;
    else if (w->queue.events >= w->config.queue_events ||
             w->queue.bytes + event->text.len > w->config.queue_bytes)
        problem = PROBLEM_overloaded;
    if (!problem) {
        event_queue_push(&w->queue, event);
        if (w->busy < w->up)
            pthread_cond_signal(&w->wake);
    }
    pthread_mutex_unlock(&w->mutex);
    return problem;
}

bool writer_is_up(struct writer *w)
{
    pthread_mutex_lock(&w->mutex);
    bool up = w->up > 0;
    pthread_mutex_unlock(&w->mutex);
    return up;
}

void writer_queue_size(struct writer *w, size_t *ret_events, size_t *ret_bytes)
{
    pthread_mutex_lock(&w->mutex);
    *ret_events = w->queue.events;
    *ret_bytes = w->queue.bytes;
    pthread_mutex_unlock(&w->mutex);
}

void writer_drain(struct writer *w, int64_t deadline)
{
    pthread_mutex_lock(&w->mutex);
    w->draining = true;
    while (w->queue.head || w->busy) {
        int64_t left = deadline - clock_mono_us(clock_system());
        if (left <= 0)
            break;
        wait_for(w, &w->idle, left);
    }
    w->abandon = true;
    pthread_cond_broadcast(&w->idle);
    struct event *head = w->queue.head;
    w->queue = (struct event_queue){0};
    pthread_mutex_unlock(&w->mutex);
    while (head) {
        struct event *next = head->next;
        refuse(head, PROBLEM_shutting_down);
        head = next;
    }
}

void writer_stop(struct writer *w)
{
    pthread_mutex_lock(&w->mutex);
    BUG_ON(!w->draining);
    w->stopping = true;
    pthread_cond_broadcast(&w->wake);
    pthread_mutex_unlock(&w->mutex);
    for (size_t i = 0; i < w->thread_count; i++)
        pthread_join(w->threads[i].thread, NULL);
    BUG_ON(w->queue.head != NULL);
    pthread_cond_destroy(&w->wake);
    pthread_cond_destroy(&w->idle);
    pthread_mutex_destroy(&w->mutex);
    free(w);
}
