// SPDX-License-Identifier: Apache-2.0
// Answers: the headers that every one carries, and those that a problem asks for.
#include "server/http/internal.h"

#include "lib/wire/coding.h"
#include "lib/wire/names.h"

#include <time.h>

#define PROBLEM_BODY_MAX (64 * 1024)

// RFC 9110 section 15, of what the problem table and the routes answer with; others go without.
static const char *reason_of(int status)
{
    static const struct {
        int status;
        const char *reason;
    } reasons[] = {
        {200, "OK"},
        {201, "Created"},
        {202, "Accepted"},
        {400, "Bad Request"},
        {401, "Unauthorized"},
        {403, "Forbidden"},
        {404, "Not Found"},
        {405, "Method Not Allowed"},
        {406, "Not Acceptable"},
        {409, "Conflict"},
        {411, "Length Required"},
        {413, "Content Too Large"},
        {415, "Unsupported Media Type"},
        {422, "Unprocessable Content"},
        {429, "Too Many Requests"},
        {431, "Request Header Fields Too Large"},
        {500, "Internal Server Error"},
        {503, "Service Unavailable"},
        {505, "HTTP Version Not Supported"},
    };
    for (size_t i = 0; i < ARRAY_LEN(reasons); i++)
        if (reasons[i].status == status)
            return reasons[i].reason;
    return "";
}

// RFC 9110 section 5.6.7, made anew once a second.
static const char *date_now(struct http_server *server)
{
    int64_t sec = clock_wall_us(server->config.clock) / USEC_PER_SEC;
    if (sec == server->date_sec)
        return server->date;
    static const char days[][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static const char months[][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    struct tm tm;
    time_t seconds = (time_t)sec;
    if (!gmtime_r(&seconds, &tm))
        tm = (struct tm){.tm_mday = 1, .tm_year = 70, .tm_wday = 4};
    snprintf(server->date, sizeof(server->date), "%.3s, %02u %.3s %04u %02u:%02u:%02u GMT", days[tm.tm_wday],
             (unsigned)tm.tm_mday % 100, months[tm.tm_mon], (unsigned)(tm.tm_year + 1900) % 10000,
             (unsigned)tm.tm_hour % 100, (unsigned)tm.tm_min % 100, (unsigned)tm.tm_sec % 100);
    server->date_sec = sec;
    return server->date;
}

static void put(struct buf *head, const char *name, struct str value)
{
    buf_put_cstr(head, name);
    buf_put_str(head, STR(": "));
    buf_put_str(head, value);
    buf_put_str(head, STR("\r\n"));
}

static void put_list(struct buf *head, const struct http_header *headers, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (headers[i].name && headers[i].value.ptr)
            put(head, headers[i].name, headers[i].value);
}

// Browsers and caches look at what was read. An answer to a POST without freshness is not cached (RFC 9110
// section 9.3.3) nor shown.
static void put_for_readers(struct buf *head, const struct http_request *request)
{
    if (request->known_method && request->method == HTTP_POST)
        return;
    buf_put_str(head, STR("Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n"));
}

static void put_length(struct buf *head, enum reply_body body, size_t len)
{
    if (body == REPLY_CHUNKED)
        buf_put_str(head, STR("Transfer-Encoding: chunked\r\n"));
    if (body != REPLY_SIZED)
        return;
    buf_put_str(head, STR("Content-Length: "));
    buf_put_u64(head, len);
    buf_put_str(head, STR("\r\n"));
}

bool reply_head(struct http_request *request, const struct http_reply *reply, enum reply_body body,
                struct str *ret_head)
{
    struct http_server *server = request->server;
    struct buf *head = &server->reply_head;
    buf_clear(head);
    buf_put_str(head, STR("HTTP/1.1 "));
    buf_put_u64(head, (uint64_t)reply->status);
    buf_put_char(head, ' ');
    buf_put_cstr(head, reason_of(reply->status));
    buf_put_str(head, STR("\r\nDate: "));
    buf_put(head, date_now(server), HTTP_DATE_LEN);
    buf_put_str(head, STR("\r\n"));
    if (reply->content_type)
        put(head, "Content-Type", str_from(reply->content_type));
    put(head, HEADER_REQUEST_ID, http_request_id(request));
    put_for_readers(head, request);
    request->last |= server->quiesced || request->early || body == REPLY_TO_THE_END;
    if (request->last)
        buf_put_str(head, STR("Connection: close\r\n"));
    put_list(head, request->extra, ARRAY_LEN(request->extra));
    put_list(head, reply->headers, ARRAY_LEN(reply->headers));
    put_length(head, body, reply->body.len);
    buf_put_str(head, STR("\r\n"));
    *ret_head = buf_str(head);
    return buf_ok(head);
}

void http_reply(struct http_request *request, const struct http_reply *reply)
{
    request_check(request);
    struct str head;
    request->early |= request->state == REQUEST_HEAD;
    request_set_state(request, REQUEST_ANSWERED);
    if (request->failed || !reply_head(request, reply, REPLY_SIZED, &head)) {
        request->failed = true;
        return;
    }
    bool to_head = request->known_method && request->method == HTTP_HEAD;
    struct str body = to_head ? STR_NULL : reply->body;
    report_answer(request, reply->status, body.len); // first: who has the answer finds it counted
    io_send(request->connection, head, body);
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
