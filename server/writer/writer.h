// SPDX-License-Identifier: Apache-2.0
// Group commit: events queue while a transaction is in flight; when it commits, all that queued go as the
// next. Where that is no small batch, it is sent as soon as only the former's COMMIT is awaited, so that the
// database, done with the one, finds the other there; else before the verdicts on the former are given.
//
// There is no timer: what one turn of the event loop submitted is handed over when the loop has handled all
// that was ready (writer_flush), so a lone event is sent at once, and a busy turn makes one batch rather than
// many. Each writer thread owns one database connection and is in one state:
//
//                   connect failed (pause; the queue is refused)
//                  .--.
//                  v  |                    no events: look whether the connection lives
//     start --> CONNECTING ---- ok ----> IDLE <------------------------------.
//                  ^                     |  ^                                |
//                  |                events  |  done                          | done
//                  |                     v  |                                |
//                  |<------ lost ---- COMMITTING ---- data or lock ----> ISOLATING
//                  |                   |      ^                              |
//                  |                   `------' transient: pause, again;     |
//                  |                            done, and the next is sent   |
//                  `------------------- lost, or transient too often --------'
//
// and STOPPED, from IDLE or CONNECTING, once the queue is drained. A batch whose connection was lost is tried
// again on the next one while its deadline allows, and so is the one sent behind it: the ledger makes that
// safe even if the lost COMMIT had happened. A connection that fails a batch for good is closed, and so are
// those that are idle: the writer counts as up again only once a new one proved that it can commit. ISOLATING
// halves the batch, by token first, until the row that PostgreSQL refuses stands alone, and sends nothing
// ahead.
//
// Every event submitted is answered exactly once through its `done`: stored, duplicate, or refused. One
// event's error never answers another's. While no connection is good, events are refused with
// database_unavailable at once.
//
// Threads: writer_submit() is any thread's; `done` is called on a writer thread and must not block.
// Events of batches (event->of_batch) wait in a lane of their own: where both kinds wait, each has half of
// the next transaction and what the other leaves, and batches fill no more than WRITER_BATCHES_PART of the
// queue.
//
// Limits: queue by count and bytes (overloaded beyond); a transaction takes at most WRITER_BATCH_EVENTS
// events and WRITER_BATCH_BYTES. An event not committed by its deadline is refused with deadline_exceeded.
// That may be WRITER_GRACE_US late, where a transaction that holds it began before, or where it waits while
// the last connection is lost and no other can be had.
#ifndef VOX_WRITER_WRITER_H
#define VOX_WRITER_WRITER_H

#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "server/core/event.h"
#include "server/core/metrics.h"

#define WRITER_BATCH_EVENTS 1000
#define WRITER_BATCH_BYTES  (4 * 1024 * 1024)
#define WRITER_TURN_EVENTS  128
// Of the queue's events and bytes.
#define WRITER_BATCHES_PART(room) ((room) / 4 * 3)
// So many have to wait before another connection is put to work beside a busy one: fewer make one larger
// transaction when that one is done, or at the latest when an idle one sees that some wait for 250 ms.
#define WRITER_SPREAD_EVENTS 512
// While a batch's COMMIT is awaited, the next one is sent behind it if it has at least 1/WRITER_AHEAD_PART of
// its events: fewer wait until it is answered, for more to come.
#define WRITER_AHEAD_PART      2
#define WRITER_GRACE_US        (2 * USEC_PER_SEC)
#define WRITER_ISOLATION_TRIES 200 // transactions spent on the bad rows of one batch; what is left gets 503

// The seam to the database, so that the writer runs in memory under test. All are called on one writer
// thread.
struct writer_backend {
    // Opens a connection and proves that it can commit durably; NULL with `err` if it cannot by `deadline`
    // (monotonic microseconds).
    void *(*connect)(void *context, int64_t deadline, struct err *err);
    // One transaction for events[0..count), by `deadline`. Fills outcomes only on COMMIT_DONE. With what
    // `next` gives it begins the next transaction; then the result is COMMIT_DONE or COMMIT_LOST, and the
    // next call is for those events. `next` may be NULL.
    enum commit_result (*commit)(void *connection, struct event **events, size_t count,
                                 const struct commit_next *next, int64_t deadline, struct err *err);
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
// Hands over what was submitted since the last flush. Whoever submits must flush before it waits; beyond
// WRITER_TURN_EVENTS a submit does it by itself.
void writer_flush(struct writer *writer);
// True if at least one connection is good and nothing says that commits are not durable.
bool writer_is_up(struct writer *writer);
// Word from outside: the database's settings are (not) such that a COMMIT is durable. Until told, they are.
void writer_set_durable(struct writer *writer, bool durable);
// What waits for a transaction now.
void writer_queue_size(struct writer *writer, size_t *ret_events, size_t *ret_bytes);
// No more submissions; what is queued is committed, or refused at `deadline` (monotonic microseconds).
void writer_drain(struct writer *writer, int64_t deadline);
void writer_halt(struct writer *writer); // after draining: ends the threads; everything is answered
void writer_free(struct writer *writer); // after halting

#endif
