// SPDX-License-Identifier: Apache-2.0
// A writer thread: the state machine of writer.h.
#include "server/writer/worker.h"

#include "lib/base/cond.h"
#include "lib/base/log.h"
#include "server/writer/isolate.h"

#define ALIVE_CHECK_US  (250 * USEC_PER_MSEC)
#define CONNECT_US      (2 * USEC_PER_SEC)
#define PAUSE_FIRST_US  (20 * USEC_PER_MSEC)
#define PAUSE_MAX_US    (1 * USEC_PER_SEC)
#define TRANSIENT_TRIES 5
#define FLOOR_US        (200 * USEC_PER_MSEC) // an event with less left is not worth beginning

static bool edge_allowed(enum worker_state from, enum worker_state to)
{
    switch (from) {
    case WORKER_CONNECTING:
        return to == WORKER_IDLE || to == WORKER_STOPPED;
    case WORKER_IDLE:
        return to == WORKER_COMMITTING || to == WORKER_CONNECTING || to == WORKER_STOPPED;
    case WORKER_COMMITTING:
        return to == WORKER_IDLE || to == WORKER_ISOLATING || to == WORKER_CONNECTING;
    case WORKER_ISOLATING:
        return to == WORKER_IDLE || to == WORKER_CONNECTING;
    case WORKER_STOPPED:
    default:
        BUG("a writer thread left its last state");
    }
}

static void set_state(struct worker *t, enum worker_state state)
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

// Sleeps on `cond` for at most `us` of real time, whatever the clock seam says; the mutex is held. False:
// time is up.
static bool sleep_on(struct writer *w, pthread_cond_t *cond, int64_t us)
{
    return cond_wait_until(cond, &w->mutex, clock_mono_us(clock_system()) + us);
}

// The whole pause, unless the end comes.
static void pause_for(struct writer *w, int64_t us)
{
    pthread_mutex_lock(&w->mutex);
    while (us > 0 && !w->stopping && !w->abandon && sleep_on(w, &w->pause, us))
        ;
    pthread_mutex_unlock(&w->mutex);
}

static void hand_is_empty(struct worker *t)
{
    struct writer *w = t->writer;
    t->count = 0;
    pthread_mutex_lock(&w->mutex);
    w->busy--;
    pthread_cond_broadcast(&w->idle);
    pthread_mutex_unlock(&w->mutex);
}

// Refuses those in hand that have less than `needed_us` left, or all at the end. Returns the earliest
// deadline kept.
static int64_t drop_expired(struct worker *t, int64_t needed_us)
{
    struct writer *w = t->writer;
    int64_t at = now(w), earliest = INT64_MAX;
    size_t kept = 0;
    pthread_mutex_lock(&w->mutex);
    bool abandon = w->abandon;
    pthread_mutex_unlock(&w->mutex);
    for (size_t i = 0; i < t->count; i++) {
        struct event *event = t->batch[i];
        if (abandon || event->deadline < at + needed_us) {
            refuse(event, abandon ? PROBLEM_shutting_down : PROBLEM_deadline_exceeded);
            continue;
        }
        earliest = MIN(earliest, event->deadline);
        t->batch[kept++] = event;
    }
    t->count = kept;
    return earliest;
}

// ---- CONNECTING

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

// Gives up the connection. What is in hand and has time for another goes back to the front of the queue.
static void lose_connection(struct worker *t)
{
    struct writer *w = t->writer;
    bool had_batch = t->count > 0;
    drop_expired(t, t->pause_us + CONNECT_US + FLOOR_US);
    w->config.backend.close(t->connection);
    t->connection = NULL;
    pthread_mutex_lock(&w->mutex);
    BUG_ON(w->up == 0);
    w->up--;
    w->busy -= had_batch;
    metrics_set(w->config.metrics, METRIC_DATABASE_UP, NULL, NULL, w->up > 0);
    event_queue_push_front(&w->queue, t->batch, t->count);
    t->count = 0;
    worker_call_all(w);
    pthread_cond_broadcast(&w->idle);
    pthread_mutex_unlock(&w->mutex);
    t->suspect = true;
    set_state(t, WORKER_CONNECTING);
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
    set_state(t, WORKER_IDLE);
}

static void step_connecting(struct worker *t)
{
    struct writer *w = t->writer;
    // The first attempt after a good commit is at once; then the pauses grow until a commit succeeds again.
    pause_for(w, t->pause_us);
    t->pause_us = MIN(MAX(t->pause_us * 2, PAUSE_FIRST_US), PAUSE_MAX_US);
    pthread_mutex_lock(&w->mutex);
    bool stopping = w->stopping;
    pthread_mutex_unlock(&w->mutex);
    if (stopping) {
        refuse_queue_if_down(w);
        set_state(t, WORKER_STOPPED);
        return;
    }
    struct err err = {"no reason given"};
    t->connection = w->config.backend.connect(w->config.backend.context, now(w) + CONNECT_US, &err);
    if (t->connection)
        connected(t);
    else
        connect_failed(t, &err);
}

// ---- IDLE

// Few events make one larger transaction once the connection that works is done.
static bool is_enough(const struct writer *w)
{
    return !event_queue_is_empty(&w->queue) &&
           (w->busy == 0 || w->draining || event_queue_events(&w->queue) >= WRITER_SPREAD_EVENTS);
}

// Of those that sleep the one that worked last: its backend, and the processor's caches with it, still have
// at hand what the next batch needs.
void worker_call(struct writer *w)
{
    struct worker *chosen = NULL;
    for (size_t i = 0; i < w->worker_count && is_enough(w); i++)
        if (w->workers[i].sleeps && (!chosen || w->workers[i].last_batch > chosen->last_batch))
            chosen = &w->workers[i];
    if (!chosen)
        return;
    chosen->sleeps = false;
    chosen->called = true;
    w->busy++;
    pthread_cond_signal(&chosen->wake);
}

void worker_call_all(struct writer *w)
{
    for (size_t i = 0; i < w->worker_count; i++)
        pthread_cond_signal(&w->workers[i].wake);
}

// The connection that works seems to hang.
static bool is_overdue(const struct writer *w)
{
    int64_t since = event_queue_since(&w->queue);
    return since != INT64_MAX && now(w) - since >= ALIVE_CHECK_US;
}

static void step_idle(struct worker *t)
{
    struct writer *w = t->writer;
    bool stop = false, slept = false, doubted;
    pthread_mutex_lock(&w->mutex);
    if (!is_enough(w) && !w->stopping && t->doubts == w->doubts) {
        t->sleeps = slept = true;
        sleep_on(w, &t->wake, ALIVE_CHECK_US);
        t->sleeps = false;
    }
    w->busy -= t->called;
    doubted = t->doubts != w->doubts && !w->stopping;
    if (!doubted && (t->called || w->stopping || is_enough(w) || is_overdue(w)))
        t->count = event_queue_take(&w->queue, t->batch, WRITER_BATCH_EVENTS, WRITER_BATCH_BYTES);
    if (t->called && !t->count)
        pthread_cond_broadcast(&w->idle); // another was quicker
    t->called = false;
    t->tries = 0;
    if (t->count) {
        w->busy++;
        t->last_batch = ++w->batches;
    } else if (w->stopping) {
        stop = true;
        w->up--; // in the same breath, so that a sibling that fails now knows whether anybody is left
    }
    pthread_mutex_unlock(&w->mutex);
    if (t->count) {
        set_state(t, WORKER_COMMITTING);
    } else if (stop) {
        w->config.backend.close(t->connection);
        set_state(t, WORKER_STOPPED);
    } else if (doubted || (slept && !w->config.backend.alive(t->connection))) {
        lose_connection(t);
    }
}

// ---- COMMITTING

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
static enum commit_result try_commit(struct worker *t, struct event **events, size_t count, int64_t deadline)
{
    struct writer *w = t->writer;
    struct err err = {""};
    int64_t began = now(w);
    enum commit_result result = w->config.backend.commit(t->connection, events, count, deadline, &err);
    metrics_add(w->config.metrics, METRIC_BATCHES, result_name(result), NULL, 1);
    if (result == COMMIT_DONE) {
        t->pause_us = 0;
        t->suspect = false;
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

// True if a transient failure may be tried again, after a pause.
static bool try_again(struct worker *t)
{
    if (t->suspect || ++t->tries >= TRANSIENT_TRIES)
        return false;
    pause_for(t->writer, PAUSE_FIRST_US << t->tries);
    return true;
}

// What failed a batch for good may fail theirs: they count as up again only once they proved that they can
// commit.
static void doubt_others(struct writer *w)
{
    pthread_mutex_lock(&w->mutex);
    w->doubts++;
    worker_call_all(w);
    pthread_mutex_unlock(&w->mutex);
}

static void step_committing(struct worker *t)
{
    int64_t deadline = drop_expired(t, FLOOR_US);
    if (!t->count) {
        hand_is_empty(t);
        set_state(t, WORKER_IDLE);
        return;
    }
    // Not bounded by its oldest event alone: the others would pay for its age.
    deadline = MAX(deadline, now(t->writer) + WRITER_GRACE_US);
    switch (try_commit(t, t->batch, t->count, deadline)) {
    case COMMIT_DONE:
        hand_is_empty(t);
        set_state(t, WORKER_IDLE);
        return;
    case COMMIT_DATA:
    case COMMIT_LOCKED:
        set_state(t, WORKER_ISOLATING);
        return;
    case COMMIT_TRANSIENT:
        if (try_again(t))
            return;
        refuse_all(t->batch, t->count, PROBLEM_database_unavailable);
        hand_is_empty(t);
        doubt_others(t->writer);
        lose_connection(t);
        return;
    case COMMIT_LOST:
        lose_connection(t);
        return;
    default:
        BUG("unknown commit result");
    }
}

// ---- ISOLATING

// A range alone in its transaction: what its result means once it can neither be split nor tried again.
static enum problem verdict_alone(enum commit_result result)
{
    return result == COMMIT_DATA ? PROBLEM_storage_refused : PROBLEM_database_unavailable;
}

// Depth first over a stack of cuts: from cuts[i] to cuts[i + 1] are still to be tried, the last range first.
static void step_isolating(struct worker *t)
{
    size_t cuts[WRITER_BATCH_EVENTS + 2] = {0, t->count}, depth = 1;
    unsigned spent = 0;
    int64_t deadline = t->batch[0]->deadline;
    for (size_t i = 1; i < t->count; i++)
        deadline = MIN(deadline, t->batch[i]->deadline);
    deadline = MAX(deadline, now(t->writer) + WRITER_GRACE_US);
    while (depth) {
        size_t begin = cuts[depth - 1], count = cuts[depth] - begin;
        struct event **range = t->batch + begin;
        t->count = cuts[depth]; // what a lost connection would take back
        if (++spent > WRITER_ISOLATION_TRIES || now(t->writer) >= deadline) {
            refuse_all(t->batch, t->count, PROBLEM_overloaded);
            break;
        }
        enum commit_result result = try_commit(t, range, count, deadline);
        if (result == COMMIT_LOST) {
            lose_connection(t);
            return;
        }
        if (result == COMMIT_TRANSIENT && try_again(t))
            continue;
        if ((result == COMMIT_DATA || result == COMMIT_LOCKED) && count > 1) {
            cuts[depth + 1] = cuts[depth];
            cuts[depth] = begin + isolate_cut(range, count);
            depth++;
            continue;
        }
        if (result != COMMIT_DONE)
            refuse_all(range, count, verdict_alone(result));
        depth--;
    }
    hand_is_empty(t);
    set_state(t, WORKER_IDLE);
}

void *worker_main(void *arg)
{
    struct worker *t = arg;
    pthread_setname_np(pthread_self(), "vox-writer");
    for (;;) {
        switch (t->state) {
        case WORKER_CONNECTING:
            step_connecting(t);
            break;
        case WORKER_IDLE:
            step_idle(t);
            break;
        case WORKER_COMMITTING:
            step_committing(t);
            break;
        case WORKER_ISOLATING:
            step_isolating(t);
            break;
        case WORKER_STOPPED:
            return NULL;
        default:
            BUG("unknown state of a writer thread");
        }
    }
}
