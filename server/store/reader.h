// SPDX-License-Identifier: Apache-2.0
// Threads that answer reads, each with a connection of its own, so that neither the event loop nor ingest
// waits.
//
// reader_submit() queues a job; a reader thread calls its `run` with a good DB_READER connection, or with
// NULL where there is none: the database is away, the job's deadline passed, or the reader is draining; the
// job's `problem` and `reason` say which. While the database is away jobs are failed at once, and connecting
// is tried again after pauses that grow to 1 s. The job is the caller's memory and its again once `run` is
// called. Threads: submit is any thread's. Limits: READER_QUEUE jobs wait at most; beyond it overloaded.
#ifndef VOX_STORE_READER_H
#define VOX_STORE_READER_H

#include "lib/wire/problem.h"
#include "server/store/db.h"

#define READER_QUEUE 1000

struct reader_job {
    // Set before submission.
    void (*run)(struct reader_job *job, struct db *db, const struct err *reason);
    int64_t deadline; // monotonic microseconds of clock_system(); no connection is made for it after this
    // The reader's.
    enum problem problem; // when `db` is NULL: what to answer with
    struct reader_job *next;
};

struct reader;

// `url` must outlive it.
MUST_CHECK bool reader_start(const char *url, unsigned connections, struct reader **ret_reader,
                             struct err *err);
// overloaded or shutting_down where it does not take the job.
MUST_CHECK enum problem reader_submit(struct reader *reader, struct reader_job *job);
// Ends the threads: what runs is interrupted, what is queued is run without a connection, later submissions
// are refused with shutting_down.
void reader_drain(struct reader *reader);
void reader_free(struct reader *reader); // after reader_drain()

#endif
