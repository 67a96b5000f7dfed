// SPDX-License-Identifier: Apache-2.0
// The text of a page query, for server/store only (and the test that looks at its plan).
#ifndef VOX_STORE_QUERY_SQL_H
#define VOX_STORE_QUERY_SQL_H

#include "server/store/pg.h"
#include "server/store/query.h"
#include "server/store/spans.h"

struct query_plan {
    int64_t since, until; // within the years that the service can know
    struct spans spans;
};

void query_bounds(const struct events_query *query, int64_t now, int64_t *ret_since, int64_t *ret_until);
int64_t query_day(int64_t wall_us); // days since 1970-01-01, UTC
// Appends the SELECT and gives its parameters, which point into `query` and `plan`. Columns: received_at,
// event_id, contract, class, occurred_at, client, session_id, trace_id, repository_id, sha256, payload as
// text.
void query_write(const struct events_query *query, const struct query_plan *plan, struct buf *sql,
                 struct pg_params *ret_params);

#endif
