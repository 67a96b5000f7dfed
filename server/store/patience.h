// SPDX-License-Identifier: Apache-2.0
// Statements that want a lock for a moment, tried again and again with short waits.
//
// The session's lock_timeout ends a try, so that nobody queues behind it for long.
#ifndef VOX_STORE_PATIENCE_H
#define VOX_STORE_PATIENCE_H

#include "server/store/pg.h"

struct patience {
    int64_t try_us; // a try may last so long, past the deadline too: a lock's timeout shall not cost the
                    // connection
    int pause_ms;   // between tries
};

// As pg_run() with a result, tried until it gets its locks; no try begins after the deadline, or once the
// connection's thread is told to stop.
MUST_CHECK bool pg_run_patiently(struct db *db, const struct patience *patience, const char *sql,
                                 const struct pg_params *params, int64_t deadline, PGresult **ret_result,
                                 struct err *err);

#endif
