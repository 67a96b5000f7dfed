// SPDX-License-Identifier: Apache-2.0
// The scripted database and the clients of the writer's tests.
#include "tests/unit/test_writer_fake.h"

#include "lib/base/log.h"

#include <stdatomic.h>

#include "tests/unit/check_main.h"

struct fake fake;
struct client client;
struct writer *writer;
struct metrics *metrics;
unsigned connections = 1;
bool hold_turn;

static _Atomic int64_t now_us;

static int64_t fake_mono_us(void *context UNUSED)
{
    return atomic_load(&now_us);
}

static int64_t fake_wall_us(void *context UNUSED)
{
    return clock_wall_us(clock_system());
}

static const struct clock fake_clock = {fake_wall_us, fake_mono_us, NULL};

static size_t number_of(const struct event *event)
{
    return (size_t)(event - client.events);
}

// One of the writer's. What it was given behind a batch is what it must be told to commit next.
struct connection {
    struct fake *fake;
    struct event **sent;
    size_t sent_count;
};

static void *fake_connect(void *context, int64_t deadline UNUSED, struct err *err)
{
    struct fake *f = context;
    pthread_mutex_lock(&f->mutex);
    bool refuse = f->refuse_connect;
    f->connects++;
    pthread_mutex_unlock(&f->mutex);
    if (refuse) {
        err_set(err, "the fake refuses");
        return NULL;
    }
    struct connection *connection = calloc(1, sizeof(*connection));
    ck_assert_ptr_nonnull(connection);
    connection->fake = f;
    return connection;
}

static enum commit_result fake_verdict(struct fake *f, struct event **events, size_t count)
{
    f->switches += f->commits > 0 && !pthread_equal(f->committer, pthread_self());
    f->committer = pthread_self();
    f->commits++;
    if (f->lose_next && !f->lose_after) {
        f->lose_next--;
        return COMMIT_LOST;
    }
    if (f->transient_next) {
        f->transient_next--;
        return COMMIT_TRANSIENT;
    }
    for (size_t i = 0; i < count; i++)
        if (f->poison[number_of(events[i])])
            return COMMIT_DATA;
    for (size_t i = 0; i < count; i++)
        if (f->locked[number_of(events[i])])
            return COMMIT_LOCKED;
    f->batch_sizes[f->batches++] = count;
    for (size_t i = 0; i < count; i++) {
        uint8_t *stored = &f->stored[number_of(events[i])];
        events[i]->outcome = *stored ? EVENT_DUPLICATE : EVENT_STORED;
        *stored = 1;
    }
    if (f->lose_next) {
        f->lose_next--;
        return COMMIT_LOST;
    }
    return COMMIT_DONE;
}

static bool take_next(struct connection *c, const struct commit_next *next, bool committed)
{
    c->sent_count = next->take(next->context, committed, &c->sent);
    pthread_mutex_lock(&c->fake->mutex);
    c->fake->begun_early += c->sent_count && !committed;
    c->fake->begun_late += c->sent_count && committed;
    int64_t pass = c->sent_count ? c->fake->pass_when_begun : 0;
    pthread_mutex_unlock(&c->fake->mutex);
    if (pass)
        clock_pass(pass);
    return c->sent_count > 0;
}

static enum commit_result fake_commit(void *connection, struct event **events, size_t count,
                                      const struct commit_next *next, int64_t deadline, struct err *err)
{
    struct connection *c = connection;
    struct fake *f = c->fake;
    ck_assert(!c->sent_count || (c->sent == events && c->sent_count == count));
    c->sent_count = 0;
    if (f->gated) {
        sem_post(&f->entered);
        sem_wait(&f->gate);
    }
    pthread_mutex_lock(&f->mutex);
    bool late = f->honour_deadline && atomic_load(&now_us) >= deadline;
    bool lose = f->lose_next && f->lose_after;
    enum commit_result result = late ? COMMIT_LOST : fake_verdict(f, events, count);
    pthread_mutex_unlock(&f->mutex);
    if (next && (result == COMMIT_DONE || (result == COMMIT_LOST && lose)) && !take_next(c, next, false) &&
        result == COMMIT_DONE)
        take_next(c, next, true);
    err_set(err, "the fake says no");
    return result;
}

static bool fake_alive(void *connection UNUSED)
{
    return true;
}

static void fake_close(void *connection)
{
    free(connection);
}

static void on_done(struct event *event)
{
    client.answers[number_of(event)]++;
    sem_post(&client.answered);
}

void start_with(size_t queue_events, int64_t deadline_us)
{
    struct writer_config config = {
        .connections = connections,
        .queue_events = queue_events,
        .queue_bytes = 1 << 20,
        .deadline_us = deadline_us,
        .backend = {fake_connect, fake_commit, fake_alive, fake_close, &fake},
        .metrics = metrics,
        .clock = &fake_clock,
    };
    struct err err;
    ck_assert(writer_start(&config, &writer, &err));
}

void reset(void)
{
    log_set_level(LOG_ERROR);
    atomic_store(&now_us, 1000 * USEC_PER_SEC);
    memset(&fake, 0, sizeof(fake));
    memset(&client, 0, sizeof(client));
    pthread_mutex_init(&fake.mutex, NULL);
    sem_init(&fake.entered, 0, 0);
    sem_init(&fake.gate, 0, 0);
    sem_init(&client.answered, 0, 0);
    metrics = metrics_new();
    ck_assert_ptr_nonnull(metrics);
}

void finish(void)
{
    writer_drain(writer, clock_mono_us(clock_system()) + 600 * USEC_PER_SEC);
    writer_halt(writer);
    writer_free(writer);
    metrics_free(metrics);
}

enum problem submit(size_t number, int32_t token)
{
    struct event *event = &client.events[number];
    event->token_id = token;
    event->id.bytes[0] = (uint8_t)(number >> 8);
    event->id.bytes[1] = (uint8_t)number;
    event->text = STR("{}");
    event->done = on_done;
    enum problem problem = writer_submit(writer, event);
    if (!hold_turn)
        writer_flush(writer);
    return problem;
}

void submit_first(size_t number, int32_t token)
{
    while (submit(number, token) == PROBLEM_database_unavailable)
        sched_yield();
}

void wait_answers(size_t count)
{
    for (size_t i = 0; i < count; i++)
        while (sem_wait(&client.answered) != 0)
            ;
}

void start_held(size_t queue_events, int64_t deadline_us, size_t number, int32_t token)
{
    fake.gated = true;
    start_with(queue_events, deadline_us);
    submit_first(number, token);
    sem_wait(&fake.entered);
}

void clock_pass(int64_t mono_us)
{
    atomic_store(&now_us, mono_us + 1);
}
