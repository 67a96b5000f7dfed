// SPDX-License-Identifier: Apache-2.0
// GET /v1/receipts/{event_id}: the receipt again.
#include "lib/wire/names.h"
#include "server/api/read_request.h"

struct receipt_request {
    struct read_request read;
    struct uuid id;
    struct receipt receipt;
};

static void release(void *context)
{
    struct receipt_request *r = context;
    auth_release(&r->read.auth);
}

static enum problem prepare(struct read_request *read)
{
    struct receipt_request *r = CONTAINER_OF(read, struct receipt_request, read);
    return uuid_parse(http_request_arg(read->auth.request), &r->id) ? PROBLEM_NONE : PROBLEM_receipt_unknown;
}

static enum query_result query(struct read_request *read, struct db *db, int64_t deadline, struct err *err)
{
    struct receipt_request *r = CONTAINER_OF(read, struct receipt_request, read);
    return store_receipt(db, read->auth.token.project_id, &r->id, deadline, read->arena, &r->receipt, err);
}

static void answer(struct read_request *read)
{
    struct receipt_request *r = CONTAINER_OF(read, struct receipt_request, read);
    if (read->result == QUERY_NONE) {
        http_reply_problem(read->auth.request, PROBLEM_receipt_unknown, STR_NULL, NULL, 0);
        return;
    }
    struct buf body;
    buf_init(&body, 4096);
    receipt_write(&body, &r->receipt);
    http_reply_take(read->auth.request, &(struct http_reply){.status = 200, .content_type = MEDIA_JSON},
                    &body);
}

void receipt_on_request(struct http_request *request, void *app)
{
    struct receipt_request *r = arena_zalloc(http_request_arena(request), sizeof(*r));
    if (!r) {
        http_reply_problem(request, PROBLEM_overloaded, STR_NULL, NULL, 0);
        return;
    }
    r->read.prepare = prepare;
    r->read.query = query;
    r->read.answer = answer;
    http_request_set_context(request, r, release);
    read_request_begin(&r->read, request, app, SCOPE_INGEST | SCOPE_READ);
}
