// SPDX-License-Identifier: Apache-2.0
// Reads version and clock.
#include "server/store/inspect.h"

#include "server/store/pg.h"

bool store_facts(struct db *db, int64_t deadline, struct store_facts *ret_facts, struct err *err)
{
    struct pg_params none = {.count = 0};
    PGresult *result;
    if (!pg_run(db, "SELECT current_setting('server_version_num')::int, clock_timestamp()", &none, deadline,
                &result, err))
        return false;
    ret_facts->server_version = pg_i32(result, 0, 0);
    ret_facts->now_us = pg_time(result, 0, 1);
    PQclear(result);
    return true;
}
