// SPDX-License-Identifier: Apache-2.0
// The group commit against a database in memory that fails on demand.
#include "server/writer/writer.h"

#include "lib/base/log.h"
#include "server/writer/isolate.h"

#include <pthread.h>
#include <semaphore.h>

#include "tests/unit/check_main.h"

#define EVENTS_MAX 2000

// The scripted database. Its fields are guarded by `mutex`; `gate` holds each commit until it is posted.
struct fake {
    pthread_mutex_t mutex;
    bool refuse_connect;
    bool gated;
    sem_t entered;
    sem_t gate;
    unsigned connects;
    unsigned commits;
    size_t batch_sizes[EVENTS_MAX];
    size_t batches;
    uint8_t poison[EVENTS_MAX]; // by event number: a row PostgreSQL refuses
    uint8_t locked[EVENTS_MAX];
    unsigned lose_next; // so many commits lose the connection, after having happened if `lose_after`
    bool lose_after;
    bool honour_deadline; // a commit that is let go past its deadline is lost
    unsigned transient_next;
    uint8_t stored[EVENTS_MAX];
};

// A client's side: what became of each event.
struct client {
    struct event events[EVENTS_MAX];
    sem_t answered;
    unsigned answers[EVENTS_MAX];
    size_t count;
};

static struct fake fake;
static struct client client;
static struct writer *writer;
static struct metrics *metrics;

static size_t number_of(const struct event *event)
{
    return (size_t)(event - client.events);
}

static void *fake_connect(void *context, int64_t deadline UNUSED, struct err *err)
{
    struct fake *f = context;
    pthread_mutex_lock(&f->mutex);
    bool refuse = f->refuse_connect;
    f->connects++;
    pthread_mutex_unlock(&f->mutex);
    if (refuse)
        err_set(err, "the fake refuses");
    return refuse ? NULL : f;
}

static enum commit_result fake_verdict(struct fake *f, struct event **events, size_t count)
{
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

static enum commit_result fake_commit(void *connection, struct event **events, size_t count, int64_t deadline,
                                      struct err *err)
{
    struct fake *f = connection;
    if (f->gated) {
        sem_post(&f->entered);
        sem_wait(&f->gate);
    }
    pthread_mutex_lock(&f->mutex);
    bool late = f->honour_deadline && clock_mono_us(clock_system()) >= deadline;
    enum commit_result result = late ? COMMIT_LOST : fake_verdict(f, events, count);
    pthread_mutex_unlock(&f->mutex);
    err_set(err, "the fake says no");
    return result;
}

static bool fake_alive(void *connection UNUSED)
{
    return true;
}

static void fake_close(void *connection UNUSED)
{
}

static void on_done(struct event *event)
{
    client.answers[number_of(event)]++;
    sem_post(&client.answered);
}

static unsigned connections = 1;

static void start_with(size_t queue_events, int64_t deadline_us)
{
    struct writer_config config = {
        .connections = connections,
        .queue_events = queue_events,
        .queue_bytes = 1 << 20,
        .deadline_us = deadline_us,
        .backend = {fake_connect, fake_commit, fake_alive, fake_close, &fake},
        .metrics = metrics,
        .clock = clock_system(),
    };
    struct err err;
    ck_assert(writer_start(&config, &writer, &err));
}

static void reset(void)
{
    log_set_level(LOG_ERROR);
    memset(&fake, 0, sizeof(fake));
    memset(&client, 0, sizeof(client));
    pthread_mutex_init(&fake.mutex, NULL);
    sem_init(&fake.entered, 0, 0);
    sem_init(&fake.gate, 0, 0);
    sem_init(&client.answered, 0, 0);
    metrics = metrics_new();
    ck_assert_ptr_nonnull(metrics);
}

static void finish(void)
{
    writer_drain(writer, clock_mono_us(clock_system()) + 10 * USEC_PER_SEC);
    writer_halt(writer);
    writer_free(writer);
    metrics_free(metrics);
}

static bool hold_turn; // submit without flushing

static enum problem submit(size_t number, int32_t token)
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

// Submits until the writer is up and takes it.
static void submit_first(size_t number, int32_t token)
{
    while (submit(number, token) == PROBLEM_database_unavailable)
        sched_yield();
}

static void wait_answers(size_t count)
{
    for (size_t i = 0; i < count; i++)
        while (sem_wait(&client.answered) != 0)
            ;
}

START_TEST(writer__lone_event_goes_at_once)
{
    reset();
    start_with(100, 5 * USEC_PER_SEC);
    submit_first(0, 1);
    wait_answers(1);
    ck_assert_int_eq(client.events[0].outcome, EVENT_STORED);
    finish();
}
END_TEST

START_TEST(writer__what_queues_meanwhile_is_one_batch)
{
    reset();
    fake.gated = true;
    start_with(1000, 5 * USEC_PER_SEC);
    submit_first(0, 1);
    sem_wait(&fake.entered); // the first is in flight
    for (size_t i = 1; i <= 100; i++)
        ck_assert_int_eq(submit(i, 1), PROBLEM_NONE);
    sem_post(&fake.gate);
    sem_wait(&fake.entered);
    sem_post(&fake.gate);
    wait_answers(101);
    ck_assert_uint_eq(fake.batches, 2);
    ck_assert_uint_eq(fake.batch_sizes[0], 1);
    ck_assert_uint_eq(fake.batch_sizes[1], 100);
    finish();
}
END_TEST

START_TEST(writer__one_turn_is_one_batch)
{
    reset();
    start_with(1000, 5 * USEC_PER_SEC);
    submit_first(0, 1);
    wait_answers(1);
    hold_turn = true;
    for (size_t i = 1; i <= 100; i++)
        ck_assert_int_eq(submit(i, 1), PROBLEM_NONE);
    hold_turn = false;
    // The writer is idle, yet nothing goes before the turn is over.
    ck_assert_uint_eq(client.answers[1], 0);
    writer_flush(writer);
    wait_answers(100);
    ck_assert_uint_eq(fake.batches, 2);
    ck_assert_uint_eq(fake.batch_sizes[1], 100);
    finish();
}
END_TEST

START_TEST(writer__long_turn_goes_in_parts)
{
    reset();
    start_with(1000, 5 * USEC_PER_SEC);
    submit_first(0, 1);
    wait_answers(1);
    hold_turn = true;
    for (size_t i = 1; i <= WRITER_TURN_EVENTS; i++)
        ck_assert_int_eq(submit(i, 1), PROBLEM_NONE);
    hold_turn = false;
    wait_answers(WRITER_TURN_EVENTS);
    finish();
}
END_TEST

// Submits `count` events behind one that is in flight, so that they form one batch.
static void submit_as_batch(size_t count, int tokens)
{
    fake.gated = true;
    start_with(EVENTS_MAX, 5 * USEC_PER_SEC);
    submit_first(EVENTS_MAX - 1, 99);
    sem_wait(&fake.entered);
    for (size_t i = 0; i < count; i++)
        ck_assert_int_eq(submit(i, (int32_t)(i % (size_t)tokens)), PROBLEM_NONE);
    fake.gated = false; // read by the writer only after the post below
    sem_post(&fake.gate);
    wait_answers(count + 1);
}

START_TEST(writer__one_bad_row_of_a_hundred)
{
    reset();
    fake.poison[37] = 1;
    submit_as_batch(100, 10);
    for (size_t i = 0; i < 100; i++) {
        ck_assert_uint_eq(client.answers[i], 1);
        ck_assert_int_eq(client.events[i].outcome, i == 37 ? EVENT_REFUSED : EVENT_STORED);
    }
    ck_assert_int_eq(client.events[37].problem, PROBLEM_storage_refused);
    ck_assert_uint_le(fake.commits, 20);
    finish();
}
END_TEST

START_TEST(writer__locked_key_costs_only_itself)
{
    reset();
    fake.locked[5] = 1;
    submit_as_batch(64, 3);
    for (size_t i = 0; i < 64; i++)
        ck_assert_int_eq(client.events[i].outcome, i == 5 ? EVENT_REFUSED : EVENT_STORED);
    ck_assert_int_eq(problem_info(client.events[5].problem)->status, 503);
    finish();
}
END_TEST

START_TEST(writer__isolation_is_bounded)
{
    reset();
    memset(fake.poison, 1, 512);
    submit_as_batch(512, 1);
    size_t refused = 0;
    for (size_t i = 0; i < 512; i++) {
        ck_assert_uint_eq(client.answers[i], 1);
        ck_assert_int_eq(client.events[i].outcome, EVENT_REFUSED);
        refused += client.events[i].problem == PROBLEM_storage_refused;
    }
    ck_assert_uint_gt(refused, 50);
    ck_assert_uint_lt(refused, 512); // the rest was told to come back
    ck_assert_uint_le(fake.commits, WRITER_ISOLATION_TRIES + 3);
    finish();
}
END_TEST

START_TEST(writer__lost_connection_is_tried_again)
{
    for (int after = 0; after <= 1; after++) {
        reset();
        fake.lose_next = 1;
        fake.lose_after = after;
        start_with(100, 5 * USEC_PER_SEC);
        submit_first(0, 1);
        wait_answers(1);
        // If the lost COMMIT had happened, the ledger says so.
        ck_assert_int_eq(client.events[0].outcome, after ? EVENT_DUPLICATE : EVENT_STORED);
        ck_assert_uint_eq(fake.connects, 2);
        finish();
    }
}
END_TEST

START_TEST(writer__transient_errors_are_tried_again)
{
    reset();
    fake.transient_next = 3;
    start_with(100, 5 * USEC_PER_SEC);
    submit_first(0, 1);
    wait_answers(1);
    ck_assert_int_eq(client.events[0].outcome, EVENT_STORED);
    finish();
}
END_TEST

START_TEST(writer__lasting_errors_end_in_503)
{
    reset();
    fake.transient_next = 1000;
    start_with(100, 5 * USEC_PER_SEC);
    submit_first(0, 1);
    wait_answers(1);
    ck_assert_int_eq(client.events[0].outcome, EVENT_REFUSED);
    ck_assert_int_eq(problem_info(client.events[0].problem)->status, 503);
    finish();
}
END_TEST

START_TEST(writer__failing_backend_is_not_up)
{
    reset();
    fake.transient_next = 1000;
    start_with(100, 5 * USEC_PER_SEC);
    submit_first(0, 1);
    wait_answers(1);
    // The connection was closed after it failed the batch for good; a new one may be up again by now.
    while (writer_is_up(writer))
        sched_yield();
    finish();
}
END_TEST

// An old event must not drag down the young ones that wait behind it.
START_TEST(writer__old_event_does_not_cost_the_young)
{
    reset();
    fake.gated = true;
    fake.lose_next = 1;
    start_with(100, 2500 * USEC_PER_MSEC);
    submit_first(0, 1);
    sem_wait(&fake.entered);
    // Let the first grow too old for another connection, then queue a young one behind it.
    while (clock_mono_us(clock_system()) < client.events[0].deadline - 2 * USEC_PER_SEC)
        sched_yield();
    ck_assert_int_eq(submit(1, 1), PROBLEM_NONE);
    fake.gated = false;
    sem_post(&fake.gate);
    wait_answers(2);
    ck_assert_int_eq(client.events[0].outcome, EVENT_REFUSED);
    ck_assert_int_eq(client.events[0].problem, PROBLEM_deadline_exceeded);
    ck_assert_int_eq(client.events[1].outcome, EVENT_STORED);
    finish();
}
END_TEST

START_TEST(writer__hung_commit_ends_by_its_deadline)
{
    reset();
    fake.gated = true;
    fake.honour_deadline = true;
    start_with(100, 300 * USEC_PER_MSEC);
    submit_first(0, 1);
    sem_wait(&fake.entered);
    while (clock_mono_us(clock_system()) < client.events[0].deadline + WRITER_GRACE_US)
        sched_yield();
    fake.gated = false;
    sem_post(&fake.gate);
    wait_answers(1);
    ck_assert_int_eq(client.events[0].problem, PROBLEM_deadline_exceeded);
    finish();
}
END_TEST

START_TEST(writer__undurable_database_takes_nothing)
{
    reset();
    start_with(100, 5 * USEC_PER_SEC);
    submit_first(0, 1);
    wait_answers(1);
    writer_set_durable(writer, false);
    ck_assert(!writer_is_up(writer));
    ck_assert_int_eq(submit(1, 1), PROBLEM_database_unavailable);
    writer_set_durable(writer, true);
    ck_assert_int_eq(submit(2, 1), PROBLEM_NONE);
    wait_answers(1);
    finish();
}
END_TEST

// Several connections: each event is answered once, whatever fails and in whatever order.
START_TEST(writer__many_connections_answer_each_once)
{
    reset();
    connections = 4;
    fake.lose_next = 20;
    fake.lose_after = true;
    fake.poison[100] = fake.poison[700] = 1;
    start_with(EVENTS_MAX, 5 * USEC_PER_SEC);
    size_t submitted = 0;
    for (size_t i = 0; i < 1000; i++) {
        enum problem problem;
        while ((problem = submit(i, (int32_t)(i % 7))) == PROBLEM_database_unavailable)
            sched_yield();
        ck_assert_int_eq(problem, PROBLEM_NONE);
        submitted++;
    }
    wait_answers(submitted);
    finish();
    connections = 1;
    for (size_t i = 0; i < 1000; i++)
        ck_assert_uint_eq(client.answers[i], 1);
    ck_assert_int_eq(client.events[100].problem, PROBLEM_storage_refused);
}
END_TEST

START_TEST(writer__no_database_is_said_at_once)
{
    reset();
    fake.refuse_connect = true;
    start_with(100, 5 * USEC_PER_SEC);
    ck_assert_int_eq(submit(0, 1), PROBLEM_database_unavailable);
    ck_assert(!writer_is_up(writer));
    finish();
}
END_TEST

START_TEST(writer__queue_is_bounded)
{
    reset();
    fake.gated = true;
    start_with(10, 5 * USEC_PER_SEC);
    submit_first(0, 1);
    sem_wait(&fake.entered);
    for (size_t i = 1; i <= 10; i++)
        ck_assert_int_eq(submit(i, 1), PROBLEM_NONE);
    ck_assert_int_eq(submit(11, 1), PROBLEM_overloaded);
    sem_post(&fake.gate);
    sem_post(&fake.gate);
    wait_answers(11);
    finish();
}
END_TEST

static void submit_of_batch(size_t number, enum problem expected)
{
    client.events[number].of_batch = true;
    ck_assert_int_eq(submit(number, 1), expected);
}

// One in flight, 1,200 of batches, then 10 alone: those do not wait behind more than one transaction.
START_TEST(writer__batches_do_not_hold_up_single_events)
{
    reset();
    fake.gated = true;
    start_with(EVENTS_MAX, 5 * USEC_PER_SEC);
    submit_first(EVENTS_MAX - 1, 1);
    sem_wait(&fake.entered);
    for (size_t i = 0; i < 1200; i++)
        submit_of_batch(i, PROBLEM_NONE);
    for (size_t i = 1200; i < 1210; i++)
        ck_assert_int_eq(submit(i, 1), PROBLEM_NONE);
    sem_post(&fake.gate);
    sem_wait(&fake.entered);
    sem_post(&fake.gate);
    sem_wait(&fake.entered); // the second is done, the third in flight
    for (size_t i = 1200; i < 1210; i++)
        ck_assert_uint_eq(client.answers[i], 1);
    sem_post(&fake.gate);
    wait_answers(1211);
    ck_assert_uint_eq(fake.batch_sizes[1], WRITER_BATCH_EVENTS);
    finish();
}
END_TEST

// Nor the other way round: each has half of a transaction.
START_TEST(writer__single_events_do_not_hold_up_batches)
{
    reset();
    fake.gated = true;
    start_with(EVENTS_MAX, 5 * USEC_PER_SEC);
    submit_first(EVENTS_MAX - 1, 1);
    sem_wait(&fake.entered);
    for (size_t i = 0; i < 1200; i++)
        ck_assert_int_eq(submit(i, 1), PROBLEM_NONE);
    for (size_t i = 1200; i < 1800; i++)
        submit_of_batch(i, PROBLEM_NONE);
    sem_post(&fake.gate);
    sem_wait(&fake.entered);
    sem_post(&fake.gate);
    sem_wait(&fake.entered);
    for (size_t i = 1200; i < 1200 + WRITER_BATCH_EVENTS / 2; i++)
        ck_assert_uint_eq(client.answers[i], 1);
    sem_post(&fake.gate);
    wait_answers(1801);
    ck_assert_uint_eq(fake.batch_sizes[1], WRITER_BATCH_EVENTS);
    ck_assert_uint_eq(fake.batch_sizes[2], 800);
    finish();
}
END_TEST

START_TEST(writer__batches_leave_room_in_the_queue)
{
    reset();
    fake.gated = true;
    start_with(40, 5 * USEC_PER_SEC);
    submit_first(0, 1);
    sem_wait(&fake.entered);
    for (size_t i = 1; i <= 30; i++)
        submit_of_batch(i, PROBLEM_NONE);
    submit_of_batch(31, PROBLEM_overloaded);
    for (size_t i = 32; i < 42; i++)
        ck_assert_int_eq(submit(i, 1), PROBLEM_NONE);
    ck_assert_int_eq(submit(42, 1), PROBLEM_overloaded);
    sem_post(&fake.gate);
    sem_post(&fake.gate);
    wait_answers(41);
    finish();
}
END_TEST

START_TEST(writer__expired_events_are_refused)
{
    reset();
    fake.gated = true;
    start_with(10, 300 * USEC_PER_MSEC);
    submit_first(0, 1);
    // The first is answered by the fake whenever it is let go; the second waits behind it past its deadline.
    sem_wait(&fake.entered);
    ck_assert_int_eq(submit(1, 1), PROBLEM_NONE);
    while (clock_mono_us(clock_system()) <= client.events[1].deadline)
        sched_yield();
    sem_post(&fake.gate);
    wait_answers(2);
    ck_assert_int_eq(client.events[1].outcome, EVENT_REFUSED);
    ck_assert_int_eq(client.events[1].problem, PROBLEM_deadline_exceeded);
    finish();
}
END_TEST

START_TEST(writer__drain_answers_everything)
{
    reset();
    fake.gated = true;
    start_with(100, 5 * USEC_PER_SEC);
    submit_first(0, 1);
    sem_wait(&fake.entered);
    for (size_t i = 1; i < 50; i++)
        ck_assert_int_eq(submit(i, 1), PROBLEM_NONE);
    writer_drain(writer, 0); // already past: what waits is refused, what is in flight goes on
    ck_assert_int_eq(submit(60, 1), PROBLEM_shutting_down);
    sem_post(&fake.gate);
    sem_post(&fake.gate);
    writer_halt(writer);
    writer_free(writer);
    for (size_t i = 0; i < 50; i++) {
        ck_assert_uint_eq(client.answers[i], 1);
        ck_assert_int_ne(client.events[i].outcome, EVENT_PENDING);
    }
    ck_assert_int_eq(client.events[0].outcome, EVENT_STORED);
    metrics_free(metrics);
}
END_TEST

START_TEST(isolate__cuts_between_tokens)
{
    struct event rows[6] = {0};
    struct event *events[6];
    for (size_t i = 0; i < 6; i++) {
        rows[i].token_id = i < 5 ? 1 : 2;
        events[i] = &rows[i];
    }
    ck_assert_uint_eq(isolate_cut(events, 6), 5);
    ck_assert_uint_eq(isolate_cut(events, 5), 2);
    ck_assert_uint_eq(isolate_cut(events, 2), 1);
}
END_TEST

CHECK_MAIN("writer", writer__lone_event_goes_at_once, writer__what_queues_meanwhile_is_one_batch,
           writer__one_turn_is_one_batch, writer__long_turn_goes_in_parts, writer__one_bad_row_of_a_hundred,
           writer__locked_key_costs_only_itself, writer__isolation_is_bounded,
           writer__lost_connection_is_tried_again, writer__transient_errors_are_tried_again,
           writer__lasting_errors_end_in_503, writer__failing_backend_is_not_up,
           writer__old_event_does_not_cost_the_young, writer__hung_commit_ends_by_its_deadline,
           writer__undurable_database_takes_nothing, writer__many_connections_answer_each_once,
           writer__no_database_is_said_at_once, writer__queue_is_bounded,
           writer__batches_do_not_hold_up_single_events, writer__single_events_do_not_hold_up_batches,
           writer__batches_leave_room_in_the_queue, writer__expired_events_are_refused,
           writer__drain_answers_everything, isolate__cuts_between_tokens)
