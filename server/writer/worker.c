// SPDX-License-Identifier: Apache-2.0
// A writer thread: the state machine of writer.h.
#include "server/writer/worker.h"

#include "lib/base/cond.h"
#include "lib/base/log.h"
#include "server/writer/isolate.h"

#define ALIVE_CHECK_US  (250 * USEC_PER_MSEC)
#define TRANSIENT_TRIES 5

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

void worker_set_state(struct worker *t, enum worker_state state)
{
    BUG_ON(!edge_allowed(t->state, state));
    t->state = state;
}

int64_t worker_now(const struct writer *w)
{
    return clock_mono_us(w->config.clock);
}

// Sleeps on `cond` for at most `us` of real time, whatever the clock seam says; the mutex is held. False:
// time is up.
static bool sleep_on(struct writer *w, pthread_cond_t *cond, int64_t us)
{
    return cond_wait_until(cond, &w->mutex, clock_mono_us(clock_system()) + us);
}

void worker_pause(struct writer *w, int64_t us)
{
    pthread_mutex_lock(&w->mutex);
    while (us > 0 && !w->stopping && !w->abandon && sleep_on(w, &w->pause, us))
        ;
    pthread_mutex_unlock(&w->mutex);
}

static void hand_is_empty(struct worker *t)
{
    struct writer *w = t->writer;
    t->hand->count = 0;
    pthread_mutex_lock(&w->mutex);
    w->busy--;
    pthread_cond_broadcast(&w->idle);
    pthread_mutex_unlock(&w->mutex);
}

int64_t worker_drop_expired(struct worker *t, struct hand *hand, int64_t needed_us)
{
    struct writer *w = t->writer;
    pthread_mutex_lock(&w->mutex);
    bool abandon = w->abandon;
    pthread_mutex_unlock(&w->mutex);
    if (!abandon)
        return hand_drop_due(hand, worker_now(w) + needed_us);
    writer_refuse_all(hand->events, hand->count, PROBLEM_shutting_down);
    hand->count = 0;
    return INT64_MAX;
}

// ---- IDLE

// The mutex is held.
static void hand_take(struct worker *t, struct hand *hand)
{
    struct writer *w = t->writer;
    hand->count = event_queue_take(&w->queue, hand->events, WRITER_BATCH_EVENTS, WRITER_BATCH_BYTES);
    if (hand->count)
        t->last_batch = ++w->batches;
}

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
    return since != INT64_MAX && worker_now(w) - since >= ALIVE_CHECK_US;
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
        hand_take(t, t->hand);
    if (t->called && !t->hand->count)
        pthread_cond_broadcast(&w->idle); // another was quicker
    t->called = false;
    t->tries = 0;
    if (t->hand->count) {
        w->busy++;
    } else if (w->stopping) {
        stop = true;
        w->up--; // in the same breath, so that a sibling that fails now knows whether anybody is left
    }
    pthread_mutex_unlock(&w->mutex);
    if (t->hand->count) {
        worker_set_state(t, WORKER_COMMITTING);
    } else if (stop) {
        w->config.backend.close(t->connection);
        worker_set_state(t, WORKER_STOPPED);
    } else if (doubted || (slept && !w->config.backend.alive(t->connection))) {
        worker_lose_connection(t);
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

// Refuses what has no time for a transaction that begins now. Returns by when that one has to be done.
static int64_t deadline_of(struct worker *t, struct hand *hand)
{
    // Where an event has little time from the start, half of that is enough.
    int64_t floor = MIN(WORKER_FLOOR_US, t->writer->config.deadline_us / 2);
    int64_t earliest = worker_drop_expired(t, hand, floor);
    // Not bounded by its oldest event alone: the others would pay for its age.
    return MAX(earliest, worker_now(t->writer) + WRITER_GRACE_US);
}

// What waits, for the backend to send it behind the batch in hand.
static size_t take_next(void *context, bool committed, struct event ***ret_events)
{
    struct worker *t = context;
    struct writer *w = t->writer;
    struct hand *next = t->next;
    size_t enough = committed ? 1 : MAX(t->hand->count / WRITER_AHEAD_PART, 1);
    pthread_mutex_lock(&w->mutex);
    if (event_queue_events(&w->queue) >= enough && t->doubts == w->doubts)
        hand_take(t, next);
    pthread_mutex_unlock(&w->mutex);
    next->deadline = next->count ? deadline_of(t, next) : 0;
    *ret_events = next->events;
    return next->count;
}

// One transaction; on COMMIT_DONE every event of the range is answered.
static enum commit_result try_commit(struct worker *t, struct event **events, size_t count,
                                     const struct commit_next *next, int64_t deadline)
{
    struct writer *w = t->writer;
    struct err err = {""};
    int64_t began = worker_now(w);
    enum commit_result result = w->config.backend.commit(t->connection, events, count, next, deadline, &err);
    BUG_ON(t->next->count && result != COMMIT_DONE && result != COMMIT_LOST);
    metrics_add(w->config.metrics, METRIC_BATCHES, result_name(result), NULL, 1);
    if (result == COMMIT_DONE) {
        t->pause_us = 0;
        t->suspect = false;
        metrics_observe(w->config.metrics, METRIC_BATCH_EVENTS, count);
        metrics_observe(w->config.metrics, METRIC_COMMIT_SECONDS, (uint64_t)(worker_now(w) - began));
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
    worker_pause(t->writer, WORKER_PAUSE_US << t->tries);
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

// The batch in hand is done with.
static void go_on(struct worker *t)
{
    if (!t->next->count) {
        hand_is_empty(t);
        worker_set_state(t, WORKER_IDLE);
        return;
    }
    struct hand *next = t->next;
    t->hand->count = 0;
    t->next = t->hand;
    t->hand = next;
    t->tries = 0;
}

static void step_committing(struct worker *t)
{
    struct hand *hand = t->hand;
    const struct commit_next next = {take_next, t};
    int64_t deadline = hand->deadline ? hand->deadline : deadline_of(t, hand);
    hand->deadline = 0;
    if (!hand->count) {
        go_on(t);
        return;
    }
    switch (try_commit(t, hand->events, hand->count, &next, deadline)) {
    case COMMIT_DONE:
        go_on(t);
        return;
    case COMMIT_DATA:
    case COMMIT_LOCKED:
        worker_set_state(t, WORKER_ISOLATING);
        return;
    case COMMIT_TRANSIENT:
        if (try_again(t))
            return;
        writer_refuse_all(hand->events, hand->count, PROBLEM_database_unavailable);
        hand_is_empty(t);
        doubt_others(t->writer);
        worker_lose_connection(t);
        return;
    case COMMIT_LOST:
        worker_lose_connection(t);
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
    struct hand *hand = t->hand;
    int64_t deadline = deadline_of(t, hand);
    size_t cuts[WRITER_BATCH_EVENTS + 2] = {0, hand->count}, depth = hand->count > 0;
    unsigned spent = 0;
    while (depth) {
        size_t begin = cuts[depth - 1], count = cuts[depth] - begin;
        struct event **range = hand->events + begin;
        hand->count = cuts[depth]; // what a lost connection would take back
        if (++spent > WRITER_ISOLATION_TRIES || worker_now(t->writer) >= deadline) {
            writer_refuse_all(hand->events, hand->count, PROBLEM_overloaded);
            break;
        }
        enum commit_result result = try_commit(t, range, count, NULL, deadline);
        if (result == COMMIT_LOST) {
            worker_lose_connection(t);
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
            writer_refuse_all(range, count, verdict_alone(result));
        depth--;
    }
    hand_is_empty(t);
    worker_set_state(t, WORKER_IDLE);
}

void *worker_main(void *arg)
{
    struct worker *t = arg;
    pthread_setname_np(pthread_self(), "vox-writer");
    for (;;) {
        switch (t->state) {
        case WORKER_CONNECTING:
            worker_connect(t);
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
