// SPDX-License-Identifier: Apache-2.0
// pg_run_patiently().
#include "server/store/patience.h"

#include <poll.h>

// False when told to stop.
static bool rest(struct db *db, const struct patience *patience)
{
    struct pollfd stop = {.fd = db->stop_fd, .events = POLLIN};
    return poll(&stop, 1, patience->pause_ms) == 0;
}

bool pg_run_patiently(struct db *db, const struct patience *patience, const char *sql,
                      const struct pg_params *params, int64_t deadline, PGresult **ret_result,
                      struct err *err)
{
    for (;;) {
        PGresult *result;
        if (!pg_send(db, sql, params, MAX(deadline, pg_deadline_in(patience->try_us)), &result, err))
            return false;
        if (pg_is_ok(result)) {
            *ret_result = result;
            return true;
        }
        enum sql_kind kind = pg_kind(db, result);
        pg_err(result, err);
        PQclear(result);
        if (kind == SQL_LOST)
            db->lost = true;
        if ((kind != SQL_LOCKED && kind != SQL_TRANSIENT) ||
            pg_deadline_in(patience->pause_ms * USEC_PER_MSEC) >= deadline || !rest(db, patience))
            return false;
    }
}
