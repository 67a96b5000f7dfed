// SPDX-License-Identifier: Apache-2.0
// attempts.log: when each entry was first offered to a sink, on disk before it is.
//
//     @ <wall us> <url>     what follows was offered then, and there (a query in the URL is hashed)
//     + <name>              for the first time
//     ! <name>              and something that is no sink answered: it goes last the next time
//
// A sink knows an id for a window of time only; an entry whose first attempt is older than that may have been
// stored there without this end knowing, and the id alone no longer says so. The uploader (spool locked)
// loads the log for its URL, asks for each name, adds those that are new, and syncs once for a group of
// entries before the first of them is sent. spool_attempts_close() leaves out what is no longer in pending/,
// and removes the log when nothing is left. A name with a line feed in it is not written down.
//
// Memory: 24 bytes for each name that was there when it was loaded.
#ifndef VOX_SPOOL_ATTEMPTS_H
#define VOX_SPOOL_ATTEMPTS_H

#include "lib/spool/spool.h"
#include "lib/spool/url_key.h"

#define ATTEMPTS_FILE "attempts.log"

struct spool_attempts;
struct spool_attempt {
    int64_t first_us; // wall
    bool refused;     // by something that is no sink
};

// `url` is whole, shorter than URL_KEY_BYTES. Heads of before the query was hashed count too, and lose it
// when the log is shortened.
MUST_CHECK bool spool_attempts_load(struct spool *spool, const char *url,
                                    struct spool_attempts **ret_attempts, struct err *err);
// Is anything known from before? `*ret_oldest_us` is the earliest attempt.
bool spool_attempts_any(const struct spool_attempts *attempts, int64_t *ret_oldest_us, bool *ret_refused);
// False if it was never offered, as far as was known at the load.
bool spool_attempts_find(const struct spool_attempts *attempts, const char *name,
                         struct spool_attempt *ret_attempt);
// Both on disk only after the next sync. False when memory is out.
MUST_CHECK bool spool_attempts_add(struct spool_attempts *attempts, const char *name, int64_t wall_us);
MUST_CHECK bool spool_attempts_mark(struct spool_attempts *attempts, const char *name, int64_t wall_us);
MUST_CHECK bool spool_attempts_sync(struct spool_attempts *attempts, struct err *err);
// NULL is fine.
MUST_CHECK bool spool_attempts_close(struct spool_attempts *attempts, struct err *err);

#endif
