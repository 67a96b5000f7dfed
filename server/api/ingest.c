// SPDX-License-Identifier: Apache-2.0
// POST /v1/events: the stages of one event, in order. This file reads as docs/PROTOCOL.md does.
#include "server/api/ingest.h"

#include "lib/base/log.h"
#include "lib/wire/limits.h"
#include "lib/wire/names.h"
#include "lib/wire/receipt.h"
#include "server/api/auth.h"
#include "server/api/expiry.h"

// While a token is not known, a body up to this size is read before the refusal: a token made a moment ago
// works.
#define STRANGER_BODY_BYTES (64 * 1024)

struct ingest {
    struct auth auth;
    struct request_identity identity;
    const struct contract *contract; // of the auth's snapshot
    struct event event;
};

static void refuse(struct ingest *in, enum problem problem)
{
    http_reply_problem(in->auth.request, problem, STR_NULL, NULL, 0);
}

static void release(void *context)
{
    struct ingest *in = context;
    auth_release(&in->auth);
}

static void count_event(struct ingest *in, const char *outcome)
{
    const char *contract = in->contract ? in->contract->name.ptr : "unknown";
    metrics_add(in->auth.api->metrics, METRIC_EVENTS, contract, outcome, 1);
}

// ---- before the body
// ----------------------------------------------------------------------------------------------

void ingest_on_head(struct http_request *request, void *app)
{
    struct ingest *in = arena_zalloc(http_request_arena(request), sizeof(*in));
    if (!in) {
        http_reply_problem(request, PROBLEM_overloaded, STR_NULL, NULL, 0);
        return;
    }
    http_request_set_context(request, in, release);
    enum auth_result result = auth_begin(&in->auth, app, request, SCOPE_INGEST, true);
    if (result == AUTH_ANSWERED)
        return;
    if (result == AUTH_REFRESH && !stranger_may_send(request, STRANGER_BODY_BYTES)) {
        refuse(in, PROBLEM_token_invalid);
        return;
    }
    enum problem problem = request_media(request);
    if (!problem)
        problem = request_identity_read(request, clock_wall_us(in->auth.api->clock), &in->identity);
    if (problem)
        refuse(in, problem);
}

// ---- the body is there
// --------------------------------------------------------------------------------------------

static void store_event(struct ingest *in);

static void on_token_refreshed(struct http_request *request, void *app UNUSED)
{
    struct ingest *in = http_request_context(request);
    if (auth_again(&in->auth) == AUTH_OK)
        store_event(in);
}

void ingest_on_request(struct http_request *request, void *app UNUSED)
{
    struct ingest *in = http_request_context(request);
    if (in->auth.token.project_id == 0)
        auth_refresh(&in->auth, on_token_refreshed);
    else
        store_event(in);
}

// Lexical door, parser, contract, class, schema. Leaves the parsed event in the api's document.
static bool judge_event(struct ingest *in)
{
    struct api *api = in->auth.api;
    struct judgement judgement = {0};
    enum problem problem = request_event_text(in->auth.request, &in->event.text);
    if (!problem) {
        json_doc_reset(&api->doc);
        enum json_fault fault = json_doc_parse(&api->doc, in->event.text, NULL);
        problem = fault ? event_text_fault((int)fault) : PROBLEM_NONE;
    }
    if (!problem && !json_is_object(api->doc.root))
        problem = PROBLEM_json_not_object;
    if (!problem) {
        problem = contract_judge(in->auth.snapshot->contracts, api->judge, api->doc.root, in->identity.pin_id,
                                 in->identity.pin_version, &judgement);
        in->contract = judgement.contract;
        // What the project must not hold is refused as such, whether or not it is well-formed.
        if (in->contract && (int)in->contract->class_ > in->auth.token.max_class)
            problem = PROBLEM_class_not_allowed;
    }
    if (!problem)
        return true;
    count_event(in, problem_info(problem)->code);
    bool schema = problem == PROBLEM_schema_invalid;
    http_reply_problem(in->auth.request, problem, STR_NULL, judgement.errors,
                       schema ? judgement.error_count : 0);
    return false;
}

// A subject pointer's text, cut to what is stored, in the request's memory.
static struct str subject(struct ingest *in, struct str pointer)
{
    struct str text = contract_text_at(in->auth.api->doc.root, pointer);
    if (!text.ptr)
        return STR_NULL;
    text.len = utf8_cut(text, LIMIT_SUBJECT_TEXT);
    return arena_dup(http_request_arena(in->auth.request), text);
}

static enum problem describe_event(struct ingest *in)
{
    struct event *e = &in->event;
    const struct contract *c = in->contract;
    const int32_t *ids = in->auth.snapshot->contract_ids;
    if (!ids)
        return PROBLEM_not_ready;
    int64_t now = clock_wall_us(in->auth.api->clock);
    enum problem problem = request_identity_resolve(&in->identity, in->auth.token.project_id, now, &e->id);
    if (!problem)
        problem = expiry_of(c, in->auth.api->doc.root, now, e);
    if (problem)
        return problem;
    e->project_id = in->auth.token.project_id;
    e->token_id = in->auth.token.id;
    e->contract_id = ids[c->index];
    e->class_ = (int16_t)c->class_;
    e->has_occurred_at = in->identity.has_time;
    e->occurred_at = in->identity.time;
    e->client = in->identity.client;
    e->session_id = subject(in, c->session_id);
    e->trace_id = subject(in, c->trace_id);
    e->repository_id = subject(in, c->repository_id);
    sha256(e->text, e->sha256);
    return PROBLEM_NONE;
}

// ---- commit and answer
// --------------------------------------------------------------------------------------------

static void answer_receipt(struct ingest *in)
{
    const struct event *e = &in->event;
    bool duplicate = e->outcome == EVENT_DUPLICATE;
    const struct contract *c =
        duplicate ? snapshot_contract(in->auth.snapshot, e->stored_contract_id) : in->contract;
    struct receipt receipt = {
        .event_id = e->id,
        .id = in->identity.foreign_id,
        .contract = (c ? c : in->contract)->name,
        .received_at = e->received_at,
        .duplicate = duplicate,
    };
    memcpy(receipt.sha256, e->sha256, SHA256_LEN);
    struct buf body;
    buf_init(&body, 4096);
    receipt_write(&body, &receipt);
    http_reply_take(in->auth.request,
                    &(struct http_reply){.status = duplicate ? 200 : 201,
                                         .content_type = MEDIA_JSON,
                                         .headers = {{"Link", STR(LINK_BATCH)}}},
                    &body);
}

static void on_committed(struct http_request *request, void *app UNUSED)
{
    struct ingest *in = http_request_context(request);
    const struct event *e = &in->event;
    switch (e->outcome) {
    case EVENT_STORED:
        metrics_add(in->auth.api->metrics, METRIC_EVENT_BYTES, in->contract->name.ptr, NULL, e->text.len);
        count_event(in, "stored");
        answer_receipt(in);
        break;
    case EVENT_DUPLICATE:
        count_event(in, "duplicate");
        answer_receipt(in);
        break;
    case EVENT_REFUSED:
        count_event(in, problem_info(e->problem)->code);
        refuse(in, e->problem);
        break;
    case EVENT_PENDING:
    default:
        BUG("an event came back without an outcome");
    }
}

static void on_done(struct event *event)
{
    struct ingest *in = CONTAINER_OF(event, struct ingest, event);
    http_wake(in->auth.request);
}

static void store_event(struct ingest *in)
{
    if (!judge_event(in))
        return;
    enum problem problem = describe_event(in);
    if (!problem) {
        in->event.done = on_done;
        // Parked first: the answer may come before writer_submit() returns.
        http_park(in->auth.request, on_committed);
        problem = writer_submit(in->auth.api->writer, &in->event);
        if (!problem)
            return;
        in->event.outcome = EVENT_REFUSED;
        in->event.problem = problem;
        http_wake(in->auth.request);
        return;
    }
    count_event(in, problem_info(problem)->code);
    refuse(in, problem);
}
