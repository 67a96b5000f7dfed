// SPDX-License-Identifier: Apache-2.0
// Reads version, clock and partitions.
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

// The first week without a partition, from the one that a row received today needs on; 60 weeks are looked
// at.
static const char ahead_sql[] =
    "SELECT min(coalesce(greatest(gap.monday, need.day), need.day + 420) - need.day - 1)"
    " FROM (SELECT DISTINCT telemetry.today() + days AS day FROM telemetry.contract_retention WHERE days > "
    "0) need,"
    " LATERAL (SELECT min(week.monday) AS monday"
    "  FROM (SELECT date_trunc('week', need.day::timestamp)::date + 7 * k AS monday FROM generate_series(0, "
    "60) k) week"
    "  WHERE NOT EXISTS (SELECT FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid"
    "   WHERE i.inhparent = 'telemetry.events'::regclass"
    "   AND c.relname = 'events_p' || to_char(week.monday, 'YYYYMMDD'))) gap";

bool store_partitions_look(struct db *db, int64_t deadline, int *ret_ahead_days, struct err *err)
{
    struct pg_params none = {.count = 0};
    PGresult *result;
    if (!pg_run(db, ahead_sql, &none, deadline, &result, err))
        return false;
    *ret_ahead_days = PQgetisnull(result, 0, 0) ? INT32_MAX : pg_i32(result, 0, 0);
    PQclear(result);
    return true;
}
