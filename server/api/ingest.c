// SPDX-License-Identifier: Apache-2.0
// POST /v1/events: the stages of one event, in order. This file reads as docs/PROTOCOL.md does.
#include "server/api/ingest.h"

#include "lib/base/log.h"
#include "lib/wire/limits.h"
#include "lib/wire/names.h"
#include "lib/wire/receipt.h"
#include "server/api/admit.h"
#include "server/api/auth.h"
#include "server/api/candidate.h"
#include "server/api/sign.h"
#include "server/store/query.h"

// A receipt with the longest webhook-id, every character escaped, and the longest contract name.
#define RECEIPT_ROOM 2048

struct ingest {
    struct auth auth;
    struct admission admission;
    struct sign sign;
    struct request_identity identity;
    enum coding coding;
    struct buf decoded;              // the body, where it came encoded
    const struct contract *contract; // of the auth's snapshot
    struct event event;
    char *receipt_room; // taken before the commit: after it nothing may fail any more
    // A duplicate's first contract where this sink does not serve it: the ledger's receipt is read.
    struct reader_job lookup;
    struct arena *arena; // the request's, for the reader thread
    struct receipt first;
    enum problem problem; // why there is none
};

static void refuse(struct ingest *in, enum problem problem)
{
    http_reply_problem(in->auth.request, problem, STR_NULL, NULL, 0);
}

static void release(void *context)
{
    struct ingest *in = context;
    sign_release(&in->sign);
    auth_release(&in->auth);
    buf_release(&in->decoded);
}

// ---- before the body
// ----------------------------------------------------------------------------------------------

// The token's policy for signatures, then its rate; what is signed is charged once it is verified. False:
// refused.
static bool let_in(struct ingest *in)
{
    enum problem problem =
        sign_begin(&in->sign, in->auth.request, &in->auth.token, in->auth.wall_us, LIMIT_EVENT_BYTES);
    if (problem) {
        sign_refuse(&in->auth, problem);
        return false;
    }
    return in->sign.gate.wanted ? admit_signed(&in->auth) : admit_request(&in->auth, &in->admission);
}

void ingest_on_head(struct http_request *request, void *app)
{
    struct ingest *in = arena_zalloc(http_request_arena(request), sizeof(*in));
    if (!in) {
        http_reply_problem(request, PROBLEM_overloaded, STR_NULL, NULL, 0);
        return;
    }
    buf_init(&in->decoded, LIMIT_EVENT_BYTES);
    http_request_set_context(request, in, release);
    enum auth_result result = auth_begin(&in->auth, app, request, SCOPE_INGEST, true);
    if (result == AUTH_ANSWERED || (result == AUTH_OK && !let_in(in)))
        return;
    if (result == AUTH_REFRESH && !stranger_may_send(request, STRANGER_BODY_BYTES)) {
        auth_refuse_stranger(&in->auth);
        return;
    }
    enum problem problem = request_media(request, &in->coding);
    if (!problem)
        problem = request_identity_read(request, in->auth.wall_us, &in->identity);
    if (problem)
        refuse(in, problem);
}

// ---- the body is there
// --------------------------------------------------------------------------------------------

static void store_event(struct ingest *in);

static void on_turn(struct http_request *request, void *app UNUSED)
{
    store_event(http_request_context(request));
}

// A client beyond its limit is held back until its turn, so that one which never waits runs at the limit.
static void await_turn(struct ingest *in)
{
    if (in->admission.due_at && in->admission.due_at > clock_mono_us(in->auth.api->clock))
        http_park_until(in->auth.request, on_turn, in->admission.due_at);
    else
        store_event(in);
}

// Over the body as it came, before anything looks into it.
static void check_signature(struct ingest *in)
{
    in->sign.has_own_id = in->identity.has_key || in->identity.webhook_id.ptr;
    sign_body(&in->sign, http_request_body(in->auth.request));
    enum problem problem = sign_end(&in->sign);
    in->identity.has_signed = in->sign.has_id;
    in->identity.signed_id = in->sign.id;
    if (problem)
        sign_refuse(&in->auth, problem);
    else if (!in->sign.gate.wanted || admit_request(&in->auth, &in->admission))
        await_turn(in);
}

static void on_token_refreshed(struct http_request *request, void *app UNUSED)
{
    struct ingest *in = http_request_context(request);
    if (auth_again(&in->auth) == AUTH_OK && let_in(in))
        check_signature(in);
}

void ingest_on_request(struct http_request *request, void *app UNUSED)
{
    struct ingest *in = http_request_context(request);
    if (in->auth.token.project_id == 0)
        auth_refresh(&in->auth, on_token_refreshed);
    else
        check_signature(in);
}

// Text, contract, class, schema; answers what does not pass.
static bool judge_event(struct ingest *in)
{
    struct candidate candidate = {
        .api = in->auth.api,
        .snapshot = in->auth.snapshot,
        .token = &in->auth.token,
        .pin_id = in->identity.pin_id,
        .pin_version = in->identity.pin_version,
        .event = &in->event,
        .now_us = auth_database_us(&in->auth),
        .may_quarantine = true,
    };
    const struct problem_error *errors = NULL;
    enum problem problem =
        request_event_text(in->auth.request, in->coding, &in->decoded, &candidate.text, &candidate.len);
    if (!problem)
        problem = candidate_judge(&candidate);
    in->contract = candidate.contract;
    if (!problem)
        return true;
    count_event(in->auth.api, in->contract, problem_info(problem)->code);
    size_t count = candidate_errors(&candidate, problem, &errors);
    http_reply_problem(in->auth.request, problem, STR_NULL, errors, count);
    return false;
}

// Out of the judge's document into the request's memory.
static bool keep(struct ingest *in, struct str *text)
{
    if (text->ptr)
        *text = arena_dup(http_request_arena(in->auth.request), *text);
    return text->ptr;
}

static enum problem describe_event(struct ingest *in)
{
    struct event *e = &in->event;
    const struct str subjects[] = {e->session_id, e->trace_id, e->repository_id};
    struct str *const kept[] = {&e->session_id, &e->trace_id, &e->repository_id};
    in->receipt_room = arena_alloc(http_request_arena(in->auth.request), RECEIPT_ROOM);
    if (!in->receipt_room)
        return PROBLEM_overloaded;
    for (size_t i = 0; i < ARRAY_LEN(kept); i++)
        if (!keep(in, kept[i]) && subjects[i].ptr)
            return PROBLEM_overloaded;
    e->has_occurred_at = in->identity.has_time;
    e->occurred_at = in->identity.time;
    e->client = in->identity.client;
    return request_identity_resolve(&in->identity, in->auth.token.project_id,
                                    clock_wall_us(in->auth.api->clock), &e->id);
}

// ---- commit and answer
// --------------------------------------------------------------------------------------------

static void answer_receipt(struct ingest *in, struct str contract)
{
    const struct event *e = &in->event;
    bool duplicate = e->outcome == EVENT_DUPLICATE;
    struct receipt receipt = {
        .event_id = e->id,
        .id = in->identity.foreign_id,
        .contract = contract,
        .received_at = e->received_at,
        .duplicate = duplicate,
    };
    memcpy(receipt.sha256, e->sha256, SHA256_LEN);
    struct buf body;
    buf_init_fixed(&body, in->receipt_room, RECEIPT_ROOM);
    receipt_write(&body, &receipt);
    if (!buf_ok(&body)) { // a contract name, of another sink's, beyond all bounds
        refuse(in, PROBLEM_internal_error);
        return;
    }
    int status = duplicate ? 200 : e->quarantined ? 202 : 201;
    http_reply(in->auth.request, &(struct http_reply){.status = status,
                                                      .content_type = MEDIA_JSON,
                                                      .body = buf_str(&body),
                                                      .headers = {{"Link", STR(LINK_BATCH)}}});
}

static void on_looked_up(struct http_request *request, void *app UNUSED)
{
    struct ingest *in = http_request_context(request);
    // The event is safe either way; a client that cannot be told by which contract comes again.
    if (in->problem)
        refuse(in, in->problem);
    else
        answer_receipt(in, in->first.contract);
}

// On a reader thread: touches nothing of the HTTP request but its arena.
static void look_up(struct reader_job *job, struct db *db, const struct err *reason)
{
    struct ingest *in = CONTAINER_OF(job, struct ingest, lookup);
    struct err err = *reason;
    in->problem = job->problem;
    if (db) {
        enum query_result result = store_receipt(db, in->event.project_id, &in->event.id, job->deadline,
                                                 in->arena, &in->first, &err);
        in->problem = result == QUERY_OK ? PROBLEM_NONE : PROBLEM_database_unavailable;
        if (result == QUERY_FAILED)
            log_warn("the receipt of a duplicate could not be read", LOG_CSTR("reason", err.text));
    }
    http_wake(in->auth.request);
}

// The receipt is the first one's, and names the contract that the event was stored by.
static void answer_duplicate(struct ingest *in)
{
    const struct contract *c = snapshot_contract(in->auth.snapshot, in->event.stored_contract_id);
    if (c || in->event.quarantined) {
        answer_receipt(in, candidate_contract_name(c));
        return;
    }
    in->arena = http_request_arena(in->auth.request);
    in->lookup.run = look_up;
    in->lookup.deadline = clock_mono_us(clock_system()) + in->auth.api->query_us;
    http_park(in->auth.request, on_looked_up);
    enum problem problem = reader_submit(in->auth.api->reader, &in->lookup);
    if (problem) {
        in->problem = problem;
        http_wake(in->auth.request);
    }
}

static void on_committed(struct http_request *request, void *app UNUSED)
{
    struct ingest *in = http_request_context(request);
    const struct event *e = &in->event;
    switch (e->outcome) {
    case EVENT_STORED:
        count_stored(in->auth.api, in->contract, e);
        answer_receipt(in, candidate_contract_name(in->contract));
        break;
    case EVENT_DUPLICATE:
        count_event(in->auth.api, in->contract, "duplicate");
        answer_duplicate(in);
        break;
    case EVENT_REFUSED:
        count_event(in->auth.api, in->contract, problem_info(e->problem)->code);
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
    admit_end(in->auth.api, event);
    http_wake(in->auth.request);
}

static void store_event(struct ingest *in)
{
    // The body, or the turn, may have taken its time.
    enum problem problem = auth_renew(&in->auth);
    if (!problem)
        problem = sign_renew(&in->sign, &in->auth);
    if (problem) {
        refuse(in, problem);
        return;
    }
    if (!judge_event(in))
        return;
    problem = describe_event(in);
    if (!problem) {
        in->event.done = on_done;
        admit_begin(&in->auth, &in->event);
        // Parked first: the answer may come before writer_submit() returns.
        http_park(in->auth.request, on_committed);
        problem = writer_submit(in->auth.api->writer, &in->event);
        if (!problem)
            return;
        in->event.outcome = EVENT_REFUSED;
        in->event.problem = problem;
        on_done(&in->event);
        return;
    }
    count_event(in->auth.api, in->contract, problem_info(problem)->code);
    refuse(in, problem);
}
