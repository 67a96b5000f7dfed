// SPDX-License-Identifier: Apache-2.0
// What writer.c (the queue as others see it) and worker.c (the threads) share.
#ifndef VOX_WRITER_WORKER_H
#define VOX_WRITER_WORKER_H

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

// All of it is its own thread's.
struct worker {
    struct writer *writer;
    pthread_t thread;
    enum worker_state state;
    void *connection;
    int64_t pause_us; // before the next connect; 0 after a good commit
    bool down_logged;
    bool suspect;    // no commit went well since the last failure: one try is enough to fail again
    unsigned tries;  // of the batch in hand
    unsigned doubts; // the writer's when this connection was proved
    size_t count;
    struct event *batch[WRITER_BATCH_EVENTS];
};

struct writer {
    struct writer_config config;
    pthread_mutex_t mutex;       // guards all below
    pthread_cond_t wake;         // events came, or the end is near; only idle workers wait on it
    pthread_cond_t idle;         // the queue or a hand became empty
    pthread_cond_t pause;        // only the end cuts a pause short
    struct event_queue incoming; // submitted, not flushed yet: no worker takes from it
    struct event_queue queue;
    unsigned up;     // workers with a good connection
    unsigned busy;   // workers with a batch in hand
    unsigned doubts; // batches given up: what is idle proves itself anew
    bool durable;
    bool draining;
    bool abandon; // the drain's deadline passed: refuse what is left
    bool stopping;
    size_t worker_count;
    struct worker workers[];
};

void *worker_main(void *worker);

#endif
