// SPDX-License-Identifier: Apache-2.0
// A database in memory that fails on demand, a writer before it, and its clients, for the writer's tests.
//
// A case calls reset(), start_with(), submits, waits for answers, finish(). All of it is the case's own
// thread's, but for what `mutex` guards and on_done() counts.
#ifndef VOX_TESTS_UNIT_TEST_WRITER_FAKE_H
#define VOX_TESTS_UNIT_TEST_WRITER_FAKE_H

#include "server/writer/writer.h"

#include <pthread.h>
#include <semaphore.h>

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
    pthread_t committer; // of the last one
    unsigned switches;   // to another thread
    size_t batch_sizes[EVENTS_MAX];
    size_t batches;
    uint8_t poison[EVENTS_MAX]; // by event number: a row PostgreSQL refuses
    uint8_t locked[EVENTS_MAX];
    unsigned lose_next; // so many commits lose the connection, after having happened if `lose_after`
    bool lose_after;
    bool honour_deadline; // a commit that is let go past its deadline is lost
    unsigned transient_next;
    unsigned begun_early; // batches it was given behind another: before that one's commit, after it
    unsigned begun_late;
    int64_t pass_when_begun; // clock_pass() then
    uint8_t stored[EVENTS_MAX];
};

// A client's side: what became of each event.
struct client {
    struct event events[EVENTS_MAX];
    sem_t answered;
    unsigned answers[EVENTS_MAX];
    size_t count;
};

extern struct fake fake;
extern struct client client;
extern struct writer *writer;
extern struct metrics *metrics;
extern unsigned connections; // of the writer; 1
extern bool hold_turn;       // submit without flushing

void reset(void);
void start_with(size_t queue_events, int64_t deadline_us);
enum problem submit(size_t number, int32_t token);
// Submits until the writer is up and takes it.
void submit_first(size_t number, int32_t token);
// Starts with commits gated, and the first event held in its commit.
void start_held(size_t queue_events, int64_t deadline_us, size_t number, int32_t token);
// The writer's clock stands still, so that no machine is too slow for a deadline; this moves it past one.
void clock_pass(int64_t mono_us);
// Waits until that many more answers came.
void wait_answers(size_t count);
// Drains, stops and frees the writer.
void finish(void);

#endif
