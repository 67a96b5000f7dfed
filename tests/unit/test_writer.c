// SPDX-License-Identifier: Apache-2.0
// The group commit: what makes a batch, how much may wait, and its end.
#include "tests/unit/test_writer_fake.h"

#include "server/writer/worker.h"

#include "tests/unit/check_main.h"

#include <sched.h>

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

START_TEST(writer__little_time_is_some)
{
    reset();
    start_with(100, 100 * USEC_PER_MSEC);
    submit_first(0, 1);
    wait_answers(1);
    ck_assert_int_eq(client.events[0].outcome, EVENT_STORED);
    finish();
}
END_TEST

START_TEST(writer__what_queues_meanwhile_is_one_batch)
{
    reset();
    start_held(1000, 5 * USEC_PER_SEC, 0, 1); // the first is in flight
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

// Commits `count` events with `waiting` others behind them.
static void commit_before(size_t count, size_t waiting)
{
    reset();
    start_held(1000, 5 * USEC_PER_SEC, 999, 1);
    for (size_t i = 0; i < count; i++)
        ck_assert_int_eq(submit(i, 1), PROBLEM_NONE);
    sem_post(&fake.gate);
    sem_wait(&fake.entered); // those are in flight
    fake.begun_early = fake.begun_late = 0;
    for (size_t i = 0; i < waiting; i++)
        ck_assert_int_eq(submit(count + i, 1), PROBLEM_NONE);
    sem_post(&fake.gate);
    sem_wait(&fake.entered);
    // The ones are answered before the others are committed.
    for (size_t i = 0; i < count + waiting; i++)
        ck_assert_uint_eq(client.answers[i], i < count);
    sem_post(&fake.gate);
    wait_answers(1 + count + waiting);
    ck_assert_uint_eq(fake.batches, 3);
    ck_assert_uint_eq(fake.batch_sizes[1], count);
    ck_assert_uint_eq(fake.batch_sizes[2], waiting);
    finish();
}

START_TEST(writer__as_many_are_begun_before_the_commit)
{
    commit_before(100, 80);
    ck_assert_uint_eq(fake.begun_early, 1);
    ck_assert_uint_eq(fake.begun_late, 0);
}
END_TEST

START_TEST(writer__few_wait_for_more_until_the_commit)
{
    commit_before(100, 20);
    ck_assert_uint_eq(fake.begun_early, 0);
    ck_assert_uint_eq(fake.begun_late, 1);
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

static bool have_connected(unsigned count)
{
    pthread_mutex_lock(&fake.mutex);
    bool all = fake.connects == count;
    pthread_mutex_unlock(&fake.mutex);
    return all;
}

// Taking turns would cost each backend what the other made it forget. Where the machine stands still for
// 250 ms the other may look after what waits.
START_TEST(writer__one_connection_does_what_one_can)
{
    enum { COUNT = 300 };
    reset();
    connections = 2;
    start_with(EVENTS_MAX, 5 * USEC_PER_SEC);
    submit_first(0, 1);
    wait_answers(1);
    while (!have_connected(connections))
        sched_yield();
    for (size_t i = 1; i < COUNT; i++) {
        ck_assert_int_eq(submit(i, 1), PROBLEM_NONE);
        wait_answers(1);
    }
    ck_assert_uint_lt(fake.switches, COUNT / 10);
    finish();
    connections = 1;
}
END_TEST

static unsigned worker_of(pthread_t thread)
{
    unsigned i = 0;
    while (!pthread_equal(writer->workers[i].thread, thread))
        i++;
    return i;
}

// Both have a batch in hand; the one that is done takes what waits behind its own, so it worked last.
START_TEST(writer__what_is_sent_behind_counts_as_work)
{
    reset();
    connections = 2;
    start_held(EVENTS_MAX, 5 * USEC_PER_SEC, 0, 1);
    while (!have_connected(connections))
        sched_yield();
    for (size_t i = 1; i <= WRITER_SPREAD_EVENTS; i++)
        ck_assert_int_eq(submit(i, 1), PROBLEM_NONE);
    sem_wait(&fake.entered);
    ck_assert_int_eq(submit(WRITER_SPREAD_EVENTS + 1, 1), PROBLEM_NONE);
    sem_post(&fake.gate);
    sem_wait(&fake.entered);
    pthread_mutex_lock(&writer->mutex);
    unsigned last = worker_of(fake.committer);
    ck_assert_uint_gt(writer->workers[last].last_batch, writer->workers[!last].last_batch);
    pthread_mutex_unlock(&writer->mutex);
    sem_post(&fake.gate);
    sem_post(&fake.gate);
    wait_answers(WRITER_SPREAD_EVENTS + 2);
    finish();
    connections = 1;
}
END_TEST

START_TEST(writer__queue_is_bounded)
{
    reset();
    start_held(10, 5 * USEC_PER_SEC, 0, 1);
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
    start_held(EVENTS_MAX, 5 * USEC_PER_SEC, EVENTS_MAX - 1, 1);
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
    start_held(EVENTS_MAX, 5 * USEC_PER_SEC, EVENTS_MAX - 1, 1);
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
    start_held(40, 5 * USEC_PER_SEC, 0, 1);
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
    // The first is answered by the fake whenever it is let go; the second waits behind it past its deadline.
    start_held(10, 300 * USEC_PER_MSEC, 0, 1);
    ck_assert_int_eq(submit(1, 1), PROBLEM_NONE);
    clock_pass(client.events[1].deadline);
    sem_post(&fake.gate);
    wait_answers(2);
    ck_assert_int_eq(client.events[1].outcome, EVENT_REFUSED);
    ck_assert_int_eq(client.events[1].problem, PROBLEM_deadline_exceeded);
    finish();
}
END_TEST

// What is with the database already is not refused: it may be stored.
START_TEST(writer__what_is_begun_is_not_refused)
{
    reset();
    start_held(10, 300 * USEC_PER_MSEC, 0, 1);
    ck_assert_int_eq(submit(1, 1), PROBLEM_NONE);
    fake.pass_when_begun = client.events[1].deadline;
    sem_post(&fake.gate);
    sem_wait(&fake.entered);
    writer_drain(writer, 0);
    sem_post(&fake.gate);
    wait_answers(2);
    ck_assert_int_eq(client.events[1].outcome, EVENT_STORED);
    writer_halt(writer);
    writer_free(writer);
    metrics_free(metrics);
}
END_TEST

START_TEST(writer__drain_answers_everything)
{
    reset();
    start_held(100, 5 * USEC_PER_SEC, 0, 1);
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

CHECK_MAIN("writer", writer__lone_event_goes_at_once, writer__little_time_is_some,
           writer__what_queues_meanwhile_is_one_batch, writer__as_many_are_begun_before_the_commit,
           writer__few_wait_for_more_until_the_commit, writer__what_is_begun_is_not_refused,
           writer__one_turn_is_one_batch, writer__long_turn_goes_in_parts,
           writer__many_connections_answer_each_once, writer__one_connection_does_what_one_can,
           writer__what_is_sent_behind_counts_as_work, writer__queue_is_bounded,
           writer__batches_do_not_hold_up_single_events, writer__single_events_do_not_hold_up_batches,
           writer__batches_leave_room_in_the_queue, writer__expired_events_are_refused,
           writer__drain_answers_everything)
