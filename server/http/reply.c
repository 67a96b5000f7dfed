// SPDX-License-Identifier: Apache-2.0
// Answers: the headers that every one carries, and those that a problem asks for.
#include "server/http/internal.h"

#include "lib/wire/coding.h"
#include "lib/wire/names.h"

#define PROBLEM_BODY_MAX (64 * 1024)

static bool put(struct MHD_Response *response, const char *name, const char *value)
{
    return MHD_add_response_header(response, name, value) == MHD_YES;
}

// The library copies what it is given.
static bool put_list(struct MHD_Response *response, const struct http_header *headers, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct str value = headers[i].value;
        if (!headers[i].name || !value.ptr)
            continue;
        BUG_ON(value.ptr[value.len] != '\0');
        if (!put(response, headers[i].name, value.ptr))
            return false;
    }
    return true;
}

// Browsers and caches look at what was read. An answer to a POST without freshness is not cached (RFC 9110
// section 9.3.3) nor shown, and each header costs the library three allocations.
static bool put_for_readers(const struct http_request *request, struct MHD_Response *response)
{
    if (strcmp(request->method, "POST") == 0)
        return true;
    return put(response, "Cache-Control", "no-store") && put(response, "X-Content-Type-Options", "nosniff");
}

// Where a chunked body ends is the library's word alone: it takes LF for CR LF there, and a trailer that
// begins with a NUL for the end. Nothing that stands behind is read as a request.
static bool is_last(const struct http_request *request)
{
    return request->server->quiesced || request->framing.chunked;
}

static bool put_headers(struct http_request *request, struct MHD_Response *response,
                        const struct http_reply *reply)
{
    return (!reply->content_type || put(response, "Content-Type", reply->content_type)) &&
           put(response, HEADER_REQUEST_ID, request->id) && put_for_readers(request, response) &&
           (!is_last(request) || put(response, "Connection", "close")) &&
           put_list(response, request->extra, ARRAY_LEN(request->extra)) &&
           put_list(response, reply->headers, ARRAY_LEN(reply->headers));
}

bool reply_queue(struct http_request *request, const struct http_reply *reply, struct MHD_Response *response)
{
    bool queued = put_headers(request, response, reply) &&
                  MHD_queue_response(request->mhd, (unsigned)reply->status, response) == MHD_YES;
    MHD_destroy_response(response);
    return queued;
}

static bool queue(struct http_request *request, const struct http_reply *reply)
{
    // The library reads the body until the request ends, and never writes to it.
    struct MHD_Response *response = MHD_create_response_from_buffer(
        reply->body.len, (void *)(uintptr_t)reply->body.ptr, MHD_RESPMEM_PERSISTENT);
    return response && reply_queue(request, reply, response);
}

void http_reply(struct http_request *request, const struct http_reply *reply)
{
    request_check(request);
    request->early = request->state == REQUEST_HEAD;
    request_set_state(request, REQUEST_ANSWERED);
    if (!queue(request, reply)) {
        request->failed = true;
        return;
    }
    report_answer(request, reply->status, reply->body.len);
}

void http_reply_take(struct http_request *request, const struct http_reply *reply, struct buf *body)
{
    request_check(request);
    if (!buf_ok(body)) {
        buf_release(body);
        http_reply_problem(request, PROBLEM_internal_error, STR_NULL, NULL, 0);
        return;
    }
    buf_release(&request->answer);
    request->answer = *body;
    buf_init(body, body->ceiling);
    struct http_reply with_body = *reply;
    with_body.body = buf_str(&request->answer);
    http_reply(request, &with_body);
}

void http_request_set_header(struct http_request *request, const char *name, struct str value)
{
    request_check(request);
    for (size_t i = 0; i < ARRAY_LEN(request->extra); i++) {
        struct http_header *header = &request->extra[i];
        if (header->name && header->name != name && strcmp(header->name, name) != 0)
            continue;
        *header = (struct http_header){name, value};
        return;
    }
    BUG("too many headers set");
}

static bool has_extra(const struct http_request *request, const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(request->extra); i++)
        if (request->extra[i].name && strcmp(request->extra[i].name, name) == 0)
            return true;
    return false;
}

// RFC 6750 section 3: no error attribute when there were no credentials at all.
static struct str challenge(enum problem problem)
{
    switch (problem) {
    case PROBLEM_token_missing:
    case PROBLEM_signature_missing:
    case PROBLEM_signature_malformed:
    case PROBLEM_signature_invalid:
    case PROBLEM_signature_stale:
        return STR("Bearer realm=\"vox-sink\"");
    case PROBLEM_token_invalid:
        return STR("Bearer realm=\"vox-sink\", error=\"invalid_token\"");
    case PROBLEM_scope_insufficient:
        return STR("Bearer realm=\"vox-sink\", error=\"insufficient_scope\"");
    case PROBLEM_authorization_malformed:
        return STR("Bearer realm=\"vox-sink\", error=\"invalid_request\"");
    default:
        return STR_NULL;
    }
}

static struct str retry_after(const struct http_request *request, enum problem problem)
{
    int status = problem_info(problem)->status;
    if ((status != 429 && status != 503) || has_extra(request, "Retry-After"))
        return STR_NULL;
    return problem == PROBLEM_shutting_down ? STR("5") : STR("1");
}

void http_reply_problem(struct http_request *request, enum problem problem, struct str detail,
                        const struct problem_error *errors, size_t error_count)
{
    request_check(request);
    struct buf *body = &request->answer;
    buf_clear(body);
    body->ceiling = PROBLEM_BODY_MAX;
    problem_write(body, problem, detail, http_request_id(request), errors, error_count);
    if (!buf_ok(body) && error_count > 0) {
        buf_clear(body);
        problem_write(body, problem, detail, http_request_id(request), NULL, 0);
    }
    if (!buf_ok(body)) {
        request_set_state(request, REQUEST_ANSWERED);
        request->failed = true;
        return;
    }
    char allow[ROUTE_ALLOW_LEN];
    route_allow(request->allowed, allow);
    metrics_add(request->server->config.metrics, METRIC_PROBLEMS, problem_info(problem)->code, NULL, 1);
    const struct http_reply reply = {
        .status = problem_info(problem)->status,
        .content_type = MEDIA_PROBLEM,
        .body = buf_str(body),
        .headers = {{"WWW-Authenticate", challenge(problem)},
                    {"Allow", problem == PROBLEM_method_not_allowed ? str_from(allow) : STR_NULL},
                    {"Accept-Encoding",
                     problem == PROBLEM_content_encoding_unsupported ? STR(CODINGS_TAKEN) : STR_NULL},
                    {"Retry-After", retry_after(request, problem)}},
    };
    http_reply(request, &reply);
}
