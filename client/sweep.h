// SPDX-License-Identifier: Apache-2.0
// Deletes delivered entries behind the sending, in threads of its own.
//
// A deletion may wait for the device (where a file system discards blocks at once: up to two milliseconds
// each), and many at a time take little longer than one, and less of the processor: the requests go to the
// device together. Where it does not wait, one thread is enough, and several would stand in line for the
// folder's lock. So the first helper finds out, and others are started only if deletions that it makes alone
// put it to sleep. The helpers are nicer than the sending, which goes on while deletions wait.
//
// sweep_new(), sweep_add() for each entry whose line is written to sent.log, sweep_wait() before anything is
// said about the spool, sweep_free().
//
// No entry is deleted before the log is synced behind its line; one sync serves all that were added until it
// began. After a failure nothing more is deleted: what stays is sent again, and the sink knows it.
//
// Threads: the functions are for the one thread that made it, which also writes the log. The helpers are
// started as work piles up, take no signals, and touch nothing but the queue, under its lock, and the
// descriptors of pending/ and the log. Where none can be started the caller does the work.
// Memory: up to 1.8 MB, as far as it is used: 4,096 deletions may wait before they hold up the caller.
#ifndef VOX_CLIENT_SWEEP_H
#define VOX_CLIENT_SWEEP_H

#include "lib/spool/sent.h"
#include "lib/spool/spool.h"

#define SWEEP_THREADS_MAX 16

struct sweep;

// `log` may be NULL. NULL when memory is out.
MUST_CHECK struct sweep *sweep_new(struct spool *spool, struct sent_log *log, unsigned threads);
// Waits for what is at hand and drops the rest; NULL is fine.
void sweep_free(struct sweep *sweep);
// Copies what it needs. False if the log or an entry has failed, then or before.
MUST_CHECK bool sweep_add(struct sweep *sweep, const struct spool_entry *entry, struct err *err);
// Until all that was added is deleted, or one has failed.
MUST_CHECK bool sweep_wait(struct sweep *sweep, struct err *err);
// After the wait: the next entry under whose name another file was found, which stays; NULL: no more.
const char *sweep_next_changed(struct sweep *sweep);

#endif
