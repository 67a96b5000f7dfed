// SPDX-License-Identifier: Apache-2.0
// Writes array parameters column by column, each element by a function from a table.
#include "server/store/rows.h"

// PostgreSQL's arrays begin with: dimensions, has-nulls flag, element type, length, lower bound.
enum { ARRAY_OF_INT2 = 1005, ARRAY_OF_INT4 = 1007, ARRAY_OF_TEXT = 1009, ARRAY_OF_BYTEA = 1001 };
enum { ARRAY_OF_UUID = 2951, ARRAY_OF_DATE = 1182, ARRAY_OF_TIMESTAMPTZ = 1185 };

struct column {
    Oid element;
    Oid array;
    void (*put)(struct buf *buf, const struct event *event);
};

static void put_null(struct buf *buf)
{
    buf_put_be32(buf, UINT32_MAX);
}

static void put_i32(struct buf *buf, int32_t v)
{
    buf_put_be32(buf, 4);
    buf_put_be32(buf, (uint32_t)v);
}

static void put_i16(struct buf *buf, int16_t v)
{
    buf_put_be32(buf, 2);
    buf_put_be16(buf, (uint16_t)v);
}

static void put_bytes(struct buf *buf, const void *ptr, size_t len)
{
    buf_put_be32(buf, (uint32_t)len);
    buf_put(buf, ptr, len);
}

static void put_text(struct buf *buf, struct str s)
{
    if (s.ptr)
        put_bytes(buf, s.ptr, s.len);
    else
        put_null(buf);
}

static void put_project(struct buf *buf, const struct event *event)
{
    put_i32(buf, event->project_id);
}

static void put_id(struct buf *buf, const struct event *event)
{
    put_bytes(buf, event->id.bytes, sizeof(event->id.bytes));
}

static void put_kind(struct buf *buf, const struct event *event)
{
    put_i16(buf, (int16_t)event->expiry_kind);
}

static void put_days(struct buf *buf, const struct event *event)
{
    put_i32(buf, event->expiry_days);
}

static void put_day(struct buf *buf, const struct event *event)
{
    if (event->expiry_kind == EXPIRY_DATE)
        put_i32(buf, event->expiry_date - PG_EPOCH_DAYS);
    else
        put_null(buf);
}

static void put_contract(struct buf *buf, const struct event *event)
{
    put_i32(buf, event->contract_id);
}

static void put_token(struct buf *buf, const struct event *event)
{
    put_i32(buf, event->token_id);
}

static void put_class(struct buf *buf, const struct event *event)
{
    put_i16(buf, event->class_);
}

static void put_occurred_at(struct buf *buf, const struct event *event)
{
    if (event->has_occurred_at) {
        buf_put_be32(buf, 8);
        buf_put_be64(buf, (uint64_t)(event->occurred_at - PG_EPOCH_USEC));
    } else {
        put_null(buf);
    }
}

static void put_client(struct buf *buf, const struct event *event)
{
    put_text(buf, event->client);
}

static void put_session(struct buf *buf, const struct event *event)
{
    put_text(buf, event->session_id);
}

static void put_trace(struct buf *buf, const struct event *event)
{
    put_text(buf, event->trace_id);
}

static void put_repository(struct buf *buf, const struct event *event)
{
    put_text(buf, event->repository_id);
}

static void put_sha256(struct buf *buf, const struct event *event)
{
    put_bytes(buf, event->sha256, sizeof(event->sha256));
}

static void put_payload(struct buf *buf, const struct event *event)
{
    put_text(buf, event->quarantine.code ? STR_NULL : event->text);
}

static void put_counted(struct buf *buf, const struct event *event)
{
    if (event->counted)
        put_i32(buf, (int32_t)event->text.len);
    else
        put_null(buf);
}

static void put_parent(struct buf *buf, const struct event *event)
{
    put_text(buf, event->quarantine.code ? STR("quarantine") : STR("events"));
}

static void put_code(struct buf *buf, const struct event *event)
{
    enum problem code = event->quarantine.code;
    put_text(buf, code ? str_from(problem_info(code)->code) : STR_NULL);
}

static void put_text_or_null(struct buf *buf, const char *text)
{
    put_text(buf, *text ? str_from(text) : STR_NULL);
}

static void put_named(struct buf *buf, const struct event *event)
{
    put_text_or_null(buf, event->quarantine.contract);
}

static void put_pointer(struct buf *buf, const struct event *event)
{
    put_text_or_null(buf, event->quarantine.pointer);
}

static void put_body(struct buf *buf, const struct event *event)
{
    if (event->quarantine.code)
        put_bytes(buf, event->text.ptr, event->text.len);
    else
        put_null(buf);
}

static const struct column keys[] = {
    {PG_INT4, ARRAY_OF_INT4, put_project},
    {PG_UUID, ARRAY_OF_UUID, put_id},
};

static const struct column expiry[] = {
    {PG_INT2, ARRAY_OF_INT2, put_kind},
    {PG_INT4, ARRAY_OF_INT4, put_days},
    {PG_DATE, ARRAY_OF_DATE, put_day},
};

static const struct column rest[] = {
    {PG_INT4, ARRAY_OF_INT4, put_contract}, {PG_INT4, ARRAY_OF_INT4, put_token},
    {PG_INT2, ARRAY_OF_INT2, put_class},    {PG_TIMESTAMPTZ, ARRAY_OF_TIMESTAMPTZ, put_occurred_at},
    {PG_TEXT, ARRAY_OF_TEXT, put_client},   {PG_TEXT, ARRAY_OF_TEXT, put_session},
    {PG_TEXT, ARRAY_OF_TEXT, put_trace},    {PG_TEXT, ARRAY_OF_TEXT, put_repository},
    {PG_BYTEA, ARRAY_OF_BYTEA, put_sha256}, {PG_TEXT, ARRAY_OF_TEXT, put_payload},
};

static const struct column counting[] = {
    {PG_INT4, ARRAY_OF_INT4, put_counted},
};

static const struct column parents[] = {
    {PG_TEXT, ARRAY_OF_TEXT, put_parent},
};

static const struct column quarantine[] = {
    {PG_TEXT, ARRAY_OF_TEXT, put_code},
    {PG_TEXT, ARRAY_OF_TEXT, put_named},
    {PG_TEXT, ARRAY_OF_TEXT, put_pointer},
    {PG_BYTEA, ARRAY_OF_BYTEA, put_body},
};

struct columns {
    const struct column *list;
    size_t count;
};

#define COLUMNS(list) ((struct columns){(list), ARRAY_LEN(list)})

static void put_column(struct buf *buf, const struct column *column, struct event *const *events,
                       size_t count)
{
    buf_put_be32(buf, 1); // one dimension
    buf_put_be32(buf, 1); // nulls may come
    buf_put_be32(buf, column->element);
    buf_put_be32(buf, (uint32_t)count);
    buf_put_be32(buf, 1); // counted from 1
    for (size_t i = 0; i < count; i++)
        column->put(buf, events[i]);
}

static bool put_all(struct buf *buf, const struct columns *groups, size_t group_count,
                    struct event *const *events, size_t count, struct pg_params *params)
{
    size_t starts[PG_PARAMS_MAX + 1];
    int n = 0;
    *params = (struct pg_params){0};
    buf_clear(buf);
    for (size_t g = 0; g < group_count; g++) {
        for (size_t c = 0; c < groups[g].count; c++) {
            BUG_ON(n >= PG_PARAMS_MAX);
            starts[n] = buf->len;
            params->types[n++] = groups[g].list[c].array;
            put_column(buf, &groups[g].list[c], events, count);
        }
    }
    starts[n] = buf->len;
    if (!buf_ok(buf))
        return false;
    // Only now does the buffer stand still.
    for (int i = 0; i < n; i++) {
        params->values[i] = buf->ptr + starts[i];
        params->lengths[i] = (int)(starts[i + 1] - starts[i]);
        params->formats[i] = 1;
    }
    params->count = n;
    return true;
}

bool rows_put_keys(struct buf *buf, struct event *const *events, size_t count, struct pg_params *params)
{
    const struct columns groups[] = {COLUMNS(keys)};
    return put_all(buf, groups, ARRAY_LEN(groups), events, count, params);
}

bool rows_put_expiry(struct buf *buf, struct event *const *events, size_t count, struct pg_params *params)
{
    const struct columns groups[] = {COLUMNS(expiry), COLUMNS(parents)};
    return put_all(buf, groups, ARRAY_LEN(groups), events, count, params);
}

bool rows_put_events(struct buf *buf, struct event *const *events, size_t count, enum rows_kind kind,
                     struct pg_params *params)
{
    const struct columns groups[] = {COLUMNS(keys), COLUMNS(expiry), COLUMNS(rest), COLUMNS(counting),
                                     COLUMNS(quarantine)};
    size_t used = ARRAY_LEN(groups) - (kind == ROWS_PLAIN ? 2 : kind == ROWS_COUNTED ? 1 : 0);
    return put_all(buf, groups, used, events, count, params);
}
