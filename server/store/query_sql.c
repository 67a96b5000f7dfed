// SPDX-License-Identifier: Apache-2.0
// Three shapes of one query, each bound to the index that serves it. The page is cut first and printed then:
// above a sort, every row that was looked at would have its payload printed.
#include "server/store/query_sql.h"

#define SELECT_PAGE                                                                             \
    "SELECT q.received_at, q.event_id, (SELECT c.name FROM telemetry.contracts c WHERE c.id = " \
    "q.contract_id),"                                                                           \
    " q.class, q.occurred_at, q.client, q.session_id, q.trace_id, q.repository_id, q.sha256, "  \
    "q.payload::text"
#define ORDER_PAGE " ORDER BY q.received_at, q.event_id LIMIT $6"

// $1, $2 since and until, $3, $4 the cursor, $5 contract or session, $6 limit.
static void put_where(const struct events_query *query, const struct query_plan *plan, const char *view,
                      struct buf *sql)
{
    buf_putf(sql, " FROM telemetry.%s e WHERE e.received_at >= $1 AND e.received_at < $2", view);
    if (query->has_cursor)
        buf_put_cstr(sql, " AND (e.received_at, e.event_id) > ($3, $4)");
    buf_put_cstr(sql, " AND ");
    spans_write(&plan->spans, sql);
}

int64_t query_day(int64_t wall_us)
{
    return wall_us >= 0 ? wall_us / USEC_PER_DAY : -((USEC_PER_DAY - 1 - wall_us) / USEC_PER_DAY);
}

void query_bounds(const struct events_query *query, int64_t now, int64_t *ret_since, int64_t *ret_until)
{
    int64_t since = query->has_cursor ? MAX(query->since, query->cursor_received_at) : query->since;
    *ret_since = MIN(MAX(since, 0), now + USEC_PER_DAY);
    *ret_until = MAX(MIN(query->until, now + USEC_PER_DAY), *ret_since);
}

static void put_left_out(const struct events_query *query, const char *column, struct buf *sql)
{
    for (size_t i = 0; i < query->left_out_count; i++)
        buf_putf(sql, " AND %s <> %d", column, query->left_out[i]);
}

// The index of sessions leads through one in order. It costs a row with a session 7 us and 177 bytes of WAL
// where one by session alone costs 5 us and 105 (measured), and a row without one nothing; walking a long
// session page by page is no longer a sort of all of it for each page.
static void put_session(const struct events_query *query, const struct query_plan *plan, struct buf *sql)
{
    buf_put_cstr(sql, SELECT_PAGE " FROM (SELECT e.*");
    put_where(query, plan, "project_events_in_order", sql);
    buf_put_cstr(sql, " AND e.session_id = $5");
    if (query->contract_id)
        buf_putf(sql, " AND e.contract_id = %d", query->contract_id);
    else
        put_left_out(query, "e.contract_id", sql);
    buf_put_cstr(sql, " ORDER BY e.received_at, e.event_id LIMIT $6) q" ORDER_PAGE);
}

static void put_contract(const struct events_query *query, const struct query_plan *plan, struct buf *sql)
{
    buf_put_cstr(sql, SELECT_PAGE " FROM (SELECT e.*");
    put_where(query, plan, "project_events_in_order", sql);
    buf_put_cstr(sql, " AND e.contract_id = $5 ORDER BY e.received_at, e.event_id LIMIT $6) q" ORDER_PAGE);
}

// A page of each contract by its index, then the first of all these. The price grows with the number of
// contracts and not with the number of events, which an index on time alone would pay for on every insert.
static void put_all(const struct events_query *query, const struct query_plan *plan, struct buf *sql)
{
    buf_put_cstr(sql,
                 SELECT_PAGE " FROM (SELECT q.* FROM telemetry.contracts k CROSS JOIN LATERAL (SELECT e.*");
    put_where(query, plan, "project_events_in_order", sql);
    buf_put_cstr(sql, " AND e.contract_id = k.id AND $5::int4 = 0");
    put_left_out(query, "k.id", sql);
    buf_put_cstr(sql, " ORDER BY e.received_at, e.event_id LIMIT $6) q" ORDER_PAGE ") q" ORDER_PAGE);
}

void query_write(const struct events_query *query, const struct query_plan *plan, struct buf *sql,
                 struct pg_params *ret_params)
{
    *ret_params = (struct pg_params){0};
    pg_param_time(ret_params, plan->since);
    pg_param_time(ret_params, plan->until);
    pg_param_time(ret_params, query->has_cursor ? query->cursor_received_at : INT64_MAX);
    pg_param_uuid(ret_params, &query->cursor_id);
    if (query->session_id.ptr)
        pg_param_text(ret_params, query->session_id);
    else
        pg_param_i32(ret_params, query->contract_id);
    pg_param_i64(ret_params, query->limit);
    if (query->session_id.ptr)
        put_session(query, plan, sql);
    else if (query->contract_id)
        put_contract(query, plan, sql);
    else
        put_all(query, plan, sql);
}
