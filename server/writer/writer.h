// SPDX-License-Identifier: Apache-2.0
// Group commit: events queue while a transaction is in flight; when it commits, all that queued go as the
// next one.
//
// There is no timer: a lone event is sent at once. Each writer thread owns one database connection and is in
// one state:
//
//                   connect failed (back off; the queue is refused)
//                  .--.
//                  v  |                    no events: look whether the connection lives
//     start --> CONNECTING ---- ok ----> IDLE <------------------------------.
//                  ^                     |  ^                                |
//                  |                events  |  done                          | done
//                  |                     v  |                                |
//                  |<------ lost ---- COMMITTING ---- data or lock ----> ISOLATING
//                  |                   |      ^                              |
//                  |                   `------' transient: back off, again   |
//                  `-------------------------- lost -------------------------'
//
// and STOPPED, from IDLE or CONNECTING, once the queue is drained. A batch whose connection was lost is tried
// again on the next one while its deadline allows: the ledger makes that safe even if the lost COMMIT had
// happened. ISOLATING halves the batch, by token first, until the row that PostgreSQL refuses stands alone.
// Every event submitted is answered exactly once through its `done`: stored, duplicate, or refused. One
// event's error never answers another's. While no connection is good, events are refused with
// database_unavailable at once.
//
// Threads: writer_submit() is any thread's; `done` is called on a writer thread and must not block.
// Limits: queue by count and bytes (overloaded beyond); a transaction takes at most WRITER_BATCH_EVENTS
// events and WRITER_BATCH_BYTES; an event not committed by its deadline is refused with deadline_exceeded.
#ifndef VOX_WRITER_WRITER_H
#define VOX_WRITER_WRITER_H

#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "server/core/event.h"
#include "server/core/metrics.h"

#define WRITER_BATCH_EVENTS    512
#define WRITER_BATCH_BYTES     (4 * 1024 * 1024)
#define WRITER_ISOLATION_TRIES 200 // transactions spent on the bad rows of one batch; what is left gets 503

// The seam to the database, so that the writer runs in memory under test. All are called on one writer
// thread.
struct writer_backend {
    // Opens a connection that can commit durably; NULL with `err` if there is none by `deadline` (monotonic
    // us).
    void *(*connect)(void *context, int64_t deadline, struct err *err);
    // One transaction for events[0..count), by `deadline`. Fills outcomes only on COMMIT_DONE.
    enum commit_result (*commit)(void *connection, struct event **events, size_t count, int64_t deadline,
                                 struct err *err);
    // False if the idle connection is seen to have broken. Does not block.
    bool (*alive)(void *connection);
    void (*close)(void *connection);
    void *context;
};

struct writer_config {
    unsigned connections;
    size_t queue_events;
    size_t queue_bytes;
    int64_t deadline_us; // from submission to answer
    struct writer_backend backend;
    struct metrics *metrics;
    const struct clock *clock;
};

struct writer;

MUST_CHECK bool writer_start(const struct writer_config *config, struct writer **ret_writer, struct err *err);
// Takes the event, or returns the problem to answer with at once (overloaded, database_unavailable,
// shutting_down).
MUST_CHECK enum problem writer_submit(struct writer *writer, struct event *event);
// True if at least one connection is good.
bool writer_is_up(struct writer *writer);
// What waits for a transaction now.
void writer_queue_size(struct writer *writer, size_t *ret_events, size_t *ret_bytes);
// No more submissions; what is queued is committed or refused by `deadline`.
void writer_drain(struct writer *writer, int64_t deadline);
void writer_stop(struct writer *writer); // joins the threads, frees; the queue must be drained

#endif
