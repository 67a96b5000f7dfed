// SPDX-License-Identifier: Apache-2.0
// The group commit when rows are bad, keys are locked, and the database fails.
#include "tests/unit/test_writer_fake.h"

#include "server/writer/isolate.h"
#include "server/writer/worker.h"

#include "tests/unit/check_main.h"

// Submits `count` events behind one that is in flight, so that they form one batch.
static void submit_as_batch(size_t count, int tokens)
{
    start_held(EVENTS_MAX, 5 * USEC_PER_SEC, EVENTS_MAX - 1, 99);
    for (size_t i = 0; i < count; i++)
        ck_assert_int_eq(submit(i, (int32_t)(i % (size_t)tokens)), PROBLEM_NONE);
    fake.gated = false; // read by the writer only after the post below
    sem_post(&fake.gate);
    wait_answers(count + 1);
}

// One event, and what became of it.
static void start_and_settle_one(void)
{
    start_with(100, 5 * USEC_PER_SEC);
    submit_first(0, 1);
    wait_answers(1);
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

// Nor does looking for the bad row take longer than a transaction that begins now may.
START_TEST(writer__isolation_does_not_begin_behind_the_deadline)
{
    reset();
    fake.poison[1] = 1;
    start_held(100, 5 * USEC_PER_SEC, 0, 1);
    for (size_t i = 1; i <= 2; i++)
        ck_assert_int_eq(submit(i, 1), PROBLEM_NONE);
    sem_post(&fake.gate);
    sem_wait(&fake.entered);
    // PostgreSQL refuses the row when their time is up.
    clock_pass(client.events[2].deadline);
    fake.gated = false; // read by the writer only after the post below
    sem_post(&fake.gate);
    wait_answers(3);
    for (size_t i = 1; i <= 2; i++)
        ck_assert_int_eq(client.events[i].problem, PROBLEM_deadline_exceeded);
    finish();
}
END_TEST

// The last connection is lost, and no other to be had, when one event waits that has `left_us`.
static void lose_with_one_waiting(bool worked, int64_t left_us)
{
    reset();
    start_held(100, 5 * USEC_PER_SEC, 0, 1);
    if (worked) {
        sem_post(&fake.gate);
        wait_answers(1);
        ck_assert_int_eq(submit(1, 1), PROBLEM_NONE);
        sem_wait(&fake.entered);
    }
    ck_assert_int_eq(submit(2, 1), PROBLEM_NONE);
    clock_pass(client.events[2].deadline - left_us);
    pthread_mutex_lock(&fake.mutex);
    fake.lose_next = 1;
    fake.refuse_connect = true;
    pthread_mutex_unlock(&fake.mutex);
    sem_post(&fake.gate);
    wait_answers(2);
    ck_assert_int_eq(client.events[2].problem, PROBLEM_deadline_exceeded);
    finish();
}

// What is due is answered before another connection is sought.
START_TEST(writer__what_is_due_does_not_wait_for_a_connection)
{
    lose_with_one_waiting(true, 0);
}
END_TEST

// Nor does it wait out the pause that comes first where the last one did no good.
START_TEST(writer__what_becomes_due_does_not_wait_out_a_pause)
{
    lose_with_one_waiting(false, WORKER_PAUSE_US / 2);
}
END_TEST

START_TEST(writer__lost_connection_is_tried_again)
{
    for (int after = 0; after <= 1; after++) {
        reset();
        fake.lose_next = 1;
        fake.lose_after = after;
        start_and_settle_one();
        // If the lost COMMIT had happened, the ledger says so.
        ck_assert_int_eq(client.events[0].outcome, after ? EVENT_DUPLICATE : EVENT_STORED);
        ck_assert_uint_eq(fake.connects, 2);
        finish();
    }
}
END_TEST

// What was sent behind the batch that lost the connection is lost with it, and tried again like it.
START_TEST(writer__a_lost_connection_takes_both)
{
    reset();
    start_held(100, 5 * USEC_PER_SEC, 0, 1);
    for (size_t i = 1; i <= 50; i++)
        ck_assert_int_eq(submit(i, 1), PROBLEM_NONE);
    fake.lose_next = 1;
    fake.lose_after = true;
    fake.gated = false; // read by the writer only after the post below
    sem_post(&fake.gate);
    wait_answers(51);
    ck_assert_uint_eq(fake.begun_early, 1);
    ck_assert_uint_eq(fake.connects, 2);
    ck_assert_int_eq(client.events[0].outcome, EVENT_DUPLICATE);
    for (size_t i = 1; i <= 50; i++)
        ck_assert_int_eq(client.events[i].outcome, EVENT_STORED);
    finish();
    for (size_t i = 0; i <= 50; i++)
        ck_assert_uint_eq(client.answers[i], 1);
}
END_TEST

START_TEST(writer__transient_errors_are_tried_again)
{
    reset();
    fake.transient_next = 3;
    start_and_settle_one();
    ck_assert_int_eq(client.events[0].outcome, EVENT_STORED);
    finish();
}
END_TEST

START_TEST(writer__lasting_errors_end_in_503)
{
    reset();
    fake.transient_next = 1000;
    start_and_settle_one();
    ck_assert_int_eq(client.events[0].outcome, EVENT_REFUSED);
    ck_assert_int_eq(problem_info(client.events[0].problem)->status, 503);
    finish();
}
END_TEST

START_TEST(writer__failing_backend_is_not_up)
{
    reset();
    fake.transient_next = 1000;
    start_and_settle_one();
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
    fake.lose_next = 1;
    start_held(100, 2500 * USEC_PER_MSEC, 0, 1);
    // Let the first grow too old for another connection, then queue a young one behind it.
    clock_pass(client.events[0].deadline - 2 * USEC_PER_SEC);
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
    fake.honour_deadline = true;
    start_held(100, 300 * USEC_PER_MSEC, 0, 1);
    clock_pass(client.events[0].deadline + WRITER_GRACE_US);
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
    start_and_settle_one();
    writer_set_durable(writer, false);
    ck_assert(!writer_is_up(writer));
    ck_assert_int_eq(submit(1, 1), PROBLEM_database_unavailable);
    writer_set_durable(writer, true);
    ck_assert_int_eq(submit(2, 1), PROBLEM_NONE);
    wait_answers(1);
    finish();
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

CHECK_MAIN("writer_faults", writer__one_bad_row_of_a_hundred, writer__locked_key_costs_only_itself,
           writer__isolation_is_bounded, writer__isolation_does_not_begin_behind_the_deadline,
           writer__what_is_due_does_not_wait_for_a_connection,
           writer__what_becomes_due_does_not_wait_out_a_pause, writer__a_lost_connection_takes_both,
           writer__lost_connection_is_tried_again, writer__transient_errors_are_tried_again,
           writer__lasting_errors_end_in_503, writer__failing_backend_is_not_up,
           writer__old_event_does_not_cost_the_young, writer__hung_commit_ends_by_its_deadline,
           writer__undurable_database_takes_nothing, writer__no_database_is_said_at_once,
           isolate__cuts_between_tokens)
