// SPDX-License-Identifier: Apache-2.0
// What writer.c (the queue as others see it), worker.c (the threads) and connect.c (their connections) share.
#ifndef VOX_WRITER_WORKER_H
#define VOX_WRITER_WORKER_H

#include "server/writer/hand.h"
#include "server/writer/queue.h"
#include "server/writer/writer.h"

#include <pthread.h>

enum worker_state {
    WORKER_CONNECTING, // no connection
    WORKER_IDLE,       // a good connection, no batch
    WORKER_COMMITTING, // a batch in hand
    WORKER_ISOLATING,  // a batch in hand of which some row is refused
    WORKER_STOPPED
};

// All of it is its own thread's, but for what the writer's mutex guards.
struct worker {
    struct writer *writer;
    pthread_t thread;
    pthread_cond_t wake; // waited on where `sleeps`
    bool sleeps;         // guarded: idle, and not called yet
    bool called;         // guarded: from sleep, to take what waits
    uint64_t last_batch; // guarded: its number
    enum worker_state state;
    void *connection;
    int64_t pause_us; // before the next connect; 0 after a good commit
    bool down_logged;
    bool suspect;    // no commit went well since the last failure: one try is enough to fail again
    unsigned tries;  // of the batch in hand
    unsigned doubts; // the writer's when this connection was proved
    struct hand hands[2];
    struct hand *hand; // the batch in hand
    struct hand *next; // the one sent behind it; no events: none
};

struct writer {
    struct writer_config config;
    pthread_mutex_t mutex;       // guards all below
    pthread_cond_t idle;         // the queue or a hand became empty
    pthread_cond_t pause;        // only the end cuts a pause short
    struct event_queue incoming; // submitted, not flushed yet: no worker takes from it
    struct event_queue queue;
    unsigned up;      // workers with a good connection
    unsigned busy;    // workers with a batch in hand, or called to take one
    uint64_t batches; // taken so far
    unsigned doubts;  // batches given up: what is idle proves itself anew
    bool durable;
    bool draining;
    bool abandon; // the drain's deadline passed: refuse what is left
    bool stopping;
    size_t worker_count;
    struct worker workers[];
};

#define WORKER_PAUSE_US (20 * USEC_PER_MSEC)  // the first after a failure
#define WORKER_FLOOR_US (200 * USEC_PER_MSEC) // an event with less left is not worth beginning

void *worker_main(void *worker);
// The mutex is held. worker_call() calls one that sleeps, if events wait and another connection is to work on
// them now.
void worker_call(struct writer *w);
void worker_call_all(struct writer *w);
void worker_set_state(struct worker *t, enum worker_state state);
int64_t worker_now(const struct writer *w);
// The whole pause, unless the end comes.
void worker_pause(struct writer *w, int64_t us);
// Refuses those that have less than `needed_us` left, or all at the end. Returns the earliest deadline kept.
int64_t worker_drop_expired(struct worker *t, struct hand *hand, int64_t needed_us);
// The step of WORKER_CONNECTING.
void worker_connect(struct worker *t);
// Gives up the connection. What is in hand and has time for another goes back to the front of the queue.
void worker_lose_connection(struct worker *t);

#endif
