// SPDX-License-Identifier: Apache-2.0
// Threads that answer reads, each with a connection of its own, so that neither the event loop nor ingest
// waits.
//
// reader_submit() queues a job; a reader thread calls its `run` with a good DB_READER connection, or with
// NULL and a reason if there is none. The job is the caller's memory and its again once `run` is called.
// Threads: submit is any thread's. Limits: READER_QUEUE jobs wait at most; beyond it overloaded.
#ifndef VOX_STORE_READER_H
#define VOX_STORE_READER_H

#include "lib/wire/problem.h"
#include "server/store/db.h"

#define READER_QUEUE 1000

struct reader_job {
    void (*run)(struct reader_job *job, struct db *db, const struct err *reason);
    struct reader_job *next;
};

struct reader;

// `url` must outlive it.
MUST_CHECK bool reader_start(const char *url, unsigned connections, struct reader **ret_reader,
                             struct err *err);
// overloaded or shutting_down where it does not take the job.
MUST_CHECK enum problem reader_submit(struct reader *reader, struct reader_job *job);
// Runs what is queued and ends the threads; later submissions are refused with shutting_down.
void reader_drain(struct reader *reader);
void reader_free(struct reader *reader); // after reader_drain()

#endif
