// SPDX-License-Identifier: Apache-2.0
// GET /v1/admin/events: stored events of the token's project, page by page, oldest first.
#include "lib/wire/limits.h"
#include "lib/wire/names.h"
#include "server/api/accept.h"
#include "server/api/cursor.h"
#include "server/api/read_request.h"

struct events_request {
    struct read_request read;
    struct events_query query;
    struct str contract; // as asked, absent: all
    unsigned seen;       // query parameters, so that none comes twice
    struct cursor cursor;
    bool ndjson;
    // The page, written on the reader thread.
    struct buf body;
    struct page_place place;
    struct json_writer writer;
    unsigned rows;
    bool cut; // the page ended for its size
    int64_t last_received_at;
    struct uuid last_id;
    int64_t now;
};

static void release(void *context)
{
    struct events_request *r = context;
    page_release(&r->read.auth.api->pages, &r->place);
    auth_release(&r->read.auth);
    buf_release(&r->body);
}

// ---- the question
// -------------------------------------------------------------------------------------------------

static bool read_limit(struct str value, unsigned *ret_limit)
{
    uint64_t limit;
    if (!str_to_u64(value, &limit) || limit < 1 || limit > LIMIT_QUERY_ROWS)
        return false;
    *ret_limit = (unsigned)limit;
    return true;
}

static bool read_text(struct events_request *r, struct str value, struct str *ret_text)
{
    if (!value.len || value.len > LIMIT_SUBJECT_TEXT || memchr(value.ptr, 0, value.len) ||
        !json_is_utf8(value))
        return false;
    *ret_text = arena_dup(http_request_arena(r->read.auth.request), value);
    return ret_text->ptr != NULL;
}

static bool on_parameter(void *context, struct str name, struct str value)
{
    static const char *const names[] = {"contract", "since", "until", "session_id", "limit", "cursor"};
    struct events_request *r = context;
    size_t which = 0;
    while (which < ARRAY_LEN(names) && !str_eq(name, str_from(names[which])))
        which++;
    if (which == ARRAY_LEN(names) || (r->seen & 1u << which))
        return false;
    r->seen |= 1u << which;
    switch (which) {
    case 0:
        return read_text(r, value, &r->contract);
    case 1:
        return rfc3339_parse(value, &r->query.since);
    case 2:
        return rfc3339_parse(value, &r->query.until);
    case 3:
        return read_text(r, value, &r->query.session_id);
    case 4:
        return read_limit(value, &r->query.limit);
    default:
        r->query.has_cursor = cursor_parse(value, &r->cursor);
        r->query.cursor_received_at = r->cursor.received_at;
        r->query.cursor_id = r->cursor.id;
        return r->query.has_cursor;
    }
}

static enum problem read_accept(struct events_request *r)
{
    struct http_request *request = r->read.auth.request;
    struct accept accept = {0};
    enum accept_form form;
    unsigned count;
    http_request_header(request, "Accept", &count);
    for (unsigned i = 0; i < count; i++)
        accept_add(&accept, http_request_header_at(request, "Accept", i));
    enum problem problem = accept_choose(&accept, &form);
    r->ndjson = !problem && form == ACCEPT_NDJSON;
    return problem;
}

// Probes are no telemetry: who wants them asks for their contract. False: no memory.
static bool leave_out_probes(struct events_request *r)
{
    const struct snapshot *s = r->read.auth.snapshot;
    size_t count = s->contract_ids ? contract_set_count(s->contracts) : 0;
    int32_t *ids = arena_alloc(http_request_arena(r->read.auth.request), (count + 1) * sizeof(*ids));
    for (size_t i = 0; ids && i < count; i++)
        if (contract_set_at(s->contracts, i)->is_probe)
            ids[r->query.left_out_count++] = s->contract_ids[i];
    r->query.left_out = ids;
    return ids;
}

static enum problem prepare(struct read_request *read)
{
    struct events_request *r = CONTAINER_OF(read, struct events_request, read);
    struct snapshot *s = read->auth.snapshot;
    r->query.project_id = read->auth.token.project_id;
    r->query.limit = LIMIT_QUERY_ROWS_DEFAULT;
    r->query.until =
        clock_wall_us(read->auth.api->clock) + USEC_PER_DAY; // clocks of sink and database may differ
    if (!http_request_query(read->auth.request, on_parameter, r) || r->query.until < r->query.since)
        return PROBLEM_query_malformed;
    if (r->contract.ptr) {
        const struct contract *c = contract_set_find(s->contracts, r->contract);
        if (!c || !str_eq(c->name, r->contract))
            return PROBLEM_contract_unknown;
        if (!s->contract_ids)
            return PROBLEM_not_ready;
        r->query.contract_id = s->contract_ids[c->index];
    } else if (!leave_out_probes(r)) {
        return PROBLEM_overloaded;
    }
    return read_accept(r);
}

// ---- the page
// -----------------------------------------------------------------------------------------------------

static void write_time(struct json_writer *w, const char *key, bool known, int64_t us)
{
    char text[RFC3339_LEN + 1];
    json_key(w, key);
    if (known) {
        rfc3339_format(us, text);
        json_value_str(w, str_from(text));
    } else {
        json_value_null(w);
    }
}

static void write_row(struct json_writer *w, const struct stored_event *e)
{
    char id[UUID_TEXT_LEN + 1], hash[SHA256_HEX_LEN + 1];
    uuid_format(&e->event_id, id);
    sha256_hex(e->sha256, hash);
    json_begin_object(w);
    json_str(w, "event_id", str_from(id));
    json_str(w, "contract", e->contract);
    json_str(w, "class", str_from(contract_class_name((enum contract_class)e->class_)));
    write_time(w, "received_at", true, e->received_at);
    write_time(w, "occurred_at", e->has_occurred_at, e->occurred_at);
    json_str(w, "client", e->client);
    json_str(w, "session_id", e->session_id);
    json_str(w, "trace_id", e->trace_id);
    json_str(w, "repository_id", e->repository_id);
    json_str(w, "sha256", str_from(hash));
    json_key(w, "event");
    json_value_raw(w, e->payload);
    json_end_object(w);
}

static bool on_row(void *context, const struct stored_event *event)
{
    struct events_request *r = context;
    if (r->ndjson)
        json_writer_init(&r->writer, &r->body);
    write_row(&r->writer, event);
    if (r->ndjson)
        buf_put_char(&r->body, '\n');
    r->rows++;
    r->last_received_at = event->received_at;
    r->last_id = event->event_id;
    r->cut = r->body.len >= LIMIT_QUERY_BYTES;
    return buf_ok(&r->body) && !r->cut;
}

static enum query_result query(struct read_request *read, struct db *db, int64_t deadline, struct err *err)
{
    struct events_request *r = CONTAINER_OF(read, struct events_request, read);
    if (!r->ndjson) {
        json_begin_object(&r->writer);
        json_key(&r->writer, "events");
        json_begin_array(&r->writer);
    }
    enum query_result result = store_query_events(db, &r->query, deadline, on_row, r, &r->now, err);
    if (result == QUERY_OK && !buf_ok(&r->body)) {
        err_set(err, "out of memory for a page of events");
        return QUERY_FAILED;
    }
    return result;
}

// Where the next page begins: behind the last row while there are more; at the end of a run at its horizon,
// the longest commit, of whatever sink, before now when it began. An event that was being committed then may
// have appeared with an earlier time since, and whoever follows must not step over it; rows behind the
// horizon come twice, and their event_id tells.
static struct str next_cursor(struct events_request *r, bool more, char text[static CURSOR_TEXT_LEN + 1])
{
    static const struct uuid first;
    struct cursor next = r->cursor;
    if (!next.horizon)
        next.horizon = MAX(r->now - LIMIT_COMMIT_LAG_SEC * USEC_PER_SEC, 0);
    if (r->rows) {
        next.received_at = r->last_received_at;
        next.id = r->last_id;
    } else if (!r->query.has_cursor) {
        return STR_NULL;
    }
    if (!more) {
        if (next.received_at >= next.horizon) {
            next.received_at = next.horizon;
            next.id = first;
        }
        next.horizon = 0;
    }
    cursor_format(&next, text);
    return str_from(text);
}

static void answer(struct read_request *read)
{
    struct events_request *r = CONTAINER_OF(read, struct events_request, read);
    char text[CURSOR_TEXT_LEN + 1];
    bool more = r->cut || r->rows == r->query.limit;
    struct str cursor = next_cursor(r, more, text);
    struct http_reply reply = {.status = 200, .content_type = r->ndjson ? MEDIA_NDJSON : MEDIA_JSON};
    if (r->ndjson) {
        reply.headers[0] = (struct http_header){"X-Next-Cursor", cursor};
        reply.headers[1] = (struct http_header){"X-More", more ? STR("true") : STR("false")};
    } else {
        json_end_array(&r->writer);
        json_bool(&r->writer, "more", more);
        json_str(&r->writer, "next_cursor", cursor);
        json_end_object(&r->writer);
        buf_put_char(&r->body, '\n');
    }
    if (page_hold(&read->auth.api->pages, &r->place, read->auth.token.id, r->body.len))
        http_reply_take(read->auth.request, &reply, &r->body);
    else
        http_reply_problem(read->auth.request, PROBLEM_overloaded, STR_NULL, NULL, 0);
}

void admin_events_on_request(struct http_request *request, void *app)
{
    struct events_request *r = arena_zalloc(http_request_arena(request), sizeof(*r));
    if (!r) {
        http_reply_problem(request, PROBLEM_overloaded, STR_NULL, NULL, 0);
        return;
    }
    r->read.auth.api = app; // before anything can end the request
    // A row may be as large as an event, and one more begins below the page's limit.
    buf_init(&r->body, 2 * LIMIT_QUERY_BYTES + 8 * LIMIT_EVENT_BYTES);
    json_writer_init(&r->writer, &r->body);
    r->read.prepare = prepare;
    r->read.query = query;
    r->read.answer = answer;
    http_request_set_context(request, r, release);
    read_request_begin(&r->read, request, app, SCOPE_READ);
}
