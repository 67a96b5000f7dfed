// SPDX-License-Identifier: Apache-2.0
// The library's callbacks about requests: judge the head, take the body, give the handler its turn.
#include "server/http/internal.h"

// Versions from 1.0 refuse themselves what is looked for below, and keep a head in memory in another way.
// Asked of the library that runs, which may be newer than its header was.
static bool library_is_strict(void)
{
    return MHD_get_version()[0] != '0';
}

// A folded line makes the library copy the name elsewhere; otherwise nothing but blanks stands between the
// colon (now NUL) and the value.
static bool was_folded(const char *name, size_t name_len, const char *value)
{
    if (library_is_strict() || !value)
        return false;
    const char *p = name + name_len + 1;
    if ((uintptr_t)value < (uintptr_t)p)
        return true;
    while (p < value && (*p == ' ' || *p == '\t'))
        p++;
    return p != value;
}

// The library takes LF alone for the end of a line, too. It puts NUL over what it takes, so that behind CR LF
// there are two.
static bool is_bare(const char *line_end)
{
    return !library_is_strict() && line_end[1] != '\0';
}

static enum MHD_Result on_header(void *cls, enum MHD_ValueKind kind, const char *name, size_t name_len,
                                 const char *value, size_t value_len)
{
    (void)kind;
    struct http_request *request = cls;
    if (request->header_count == FRAMING_HEADERS_MAX) {
        request->too_many_headers = true;
        return MHD_NO;
    }
    bool folded = was_folded(name, name_len, value);
    request->headers[request->header_count++] = (struct framing_header){
        .name = str_slice(name, name_len),
        .value = value ? str_slice(value, value_len) : STR(""),
        .folded = folded,
        .bare = value && !folded && is_bare(value + value_len),
    };
    request->names |= request_name_bit(str_slice(name, name_len));
    request->head_bytes += name_len + value_len + HTTP_HEAD_LINE_BYTES;
    return MHD_YES;
}

// As the library left it in memory: behind each text the two bytes of its CR LF, then the next line, and CR
// LF again at the end. It passes over what stands behind a NUL, and takes a line that begins with a NUL or a
// colon for the end of the head: what follows would be a request of its own.
static bool is_seamless(const struct http_request *request, const char *url, const char *version)
{
    if (library_is_strict())
        return true;
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(request->mhd, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
    for (const char *p = request->method + strlen(request->method) + 1; p < url; p++)
        if (*p != ' ')
            return false;
    const char *end = version + strlen(version);
    for (size_t i = 0; i < request->header_count; i++) {
        const struct framing_header *header = &request->headers[i];
        if (header->name.ptr != end + 2)
            return false;
        end = header->value.ptr + header->value.len;
    }
    return info && end + 4 == request->method + info->header_size;
}

// The version stands right behind the target, unless a NUL cut the target short.
static bool target_was_cut(const struct http_request *request, const char *url, const char *version)
{
    return !library_is_strict() && url + request->connection->target_len + 1 != version;
}

// What is wrong with the head whatever the route; answers it and returns false.
static bool judge_head(struct http_request *request, bool known_method, const char *url, const char *version)
{
    MHD_get_connection_values_n(request->mhd, MHD_HEADER_KIND, on_header, request);
    request->head_bytes += request->connection->target_len + strlen(request->method);
    request->is_1_0 = strcmp(version, "HTTP/1.0") == 0;
    const struct framing_head head = {str_from(request->method), str_from(version), request->headers,
                                      request->header_count};
    struct str why = STR_NULL;
    enum problem problem = framing_judge(&head, &request->framing, &why);
    if (!problem && known_method) {
        problem = request->connection->target;
        why = request->connection->target_why;
    }
    if (!problem && known_method && target_was_cut(request, url, version)) {
        problem = PROBLEM_http_malformed;
        why = STR("The request line holds a NUL.");
    }
    if (!problem && is_bare(version + strlen(version))) {
        problem = PROBLEM_http_malformed;
        why = STR("The request line ends with LF alone. End each line with CR LF.");
    }
    if (!problem && !request->too_many_headers && !is_seamless(request, url, version)) {
        problem = PROBLEM_http_malformed;
        why = STR(
            "The head holds a NUL, a line without a name, or ends with LF alone. Send text lines that end "
            "with CR LF.");
    }
    if (request->too_many_headers || request->head_bytes > HTTP_HEAD_BYTES) {
        problem = PROBLEM_head_too_large;
        why = STR_NULL; // the table's text says it
    }
    if (problem)
        http_reply_problem(request, problem, why, NULL, 0);
    return !problem;
}

static bool find_route(struct http_request *request, bool known_method, enum http_method method,
                       const char *url)
{
    const struct http_config *config = &request->server->config;
    enum problem problem = PROBLEM_method_not_allowed;
    // A method that we do not know finds no route, but the methods that the path has.
    enum http_place place =
        request->server->listeners->has_admin ? request->connection->place : HTTP_EVERYWHERE;
    struct route_match match = route_find(config->routes, config->route_count, place,
                                          known_method ? method : HTTP_METHOD_COUNT, str_from(url));
    request->route = match.route;
    request->arg = match.arg;
    request->allowed = match.allowed;
    if (known_method && !match.allowed)
        problem = PROBLEM_route_unknown;
    else if (match.route && request->framing.length > match.route->body_max)
        problem = PROBLEM_body_too_large;
    else if (match.route)
        return true;
    http_reply_problem(request, problem, STR_NULL, NULL, 0);
    return false;
}

static void begin_body(struct http_request *request)
{
    request_set_state(request, REQUEST_BODY);
    request->body.ceiling = request->route->body_max;
    connection_await_body(request->connection, request->began_at, 0);
}

static void take_head(struct http_request *request, const char *url, const char *version)
{
    const struct http_config *config = &request->server->config;
    enum http_method method = HTTP_GET;
    bool known_method = route_method(str_from(request->method), &method);
    connection_await_us(request->connection);
    if (!judge_head(request, known_method, url, version) || !find_route(request, known_method, method, url))
        return;
    if (request->route->on_head)
        request->route->on_head(request, config->app);
    if (request->state == REQUEST_HEAD)
        begin_body(request);
}

// False: beyond all patience, the connection has to go.
static bool take_bytes(struct http_request *request, const char *data, size_t size)
{
    size_t body_max = request->route->body_max;
    struct buf *body = &request->body;
    BUG_ON(request->state != REQUEST_BODY);
    if (request->received == 0 && !request->route->on_body)
        (void)buf_reserve(body, (size_t)MIN(request->framing.length, HTTP_RESERVE_BYTES));
    request->received += size;
    connection_await_body(request->connection, request->began_at + request->held_us, request->received);
    if (request->route->on_body) {
        if (request->received / 2 > body_max)
            return false;
        request_give_piece(request, data, size);
        return true;
    }
    if (request->received <= body_max) {
        if (!request->shed)
            buf_put(body, data, size);
        if (!bodies_hold(request->connection, body->cap))
            request->shed = true;
        if (request->shed)
            buf_recycle(body, 0);
        return true;
    }
    // Only a chunked body can get here. A client that overshoots a little reads its 413; more is not worth
    // it.
    request->too_large = true;
    buf_recycle(body, 0);
    bodies_drop(request->connection);
    return request->received / 2 <= body_max;
}

static void take_turn(struct http_request *request)
{
    const struct http_config *config = &request->server->config;
    http_handler *handler = request->route->on_request;
    if (request->state == REQUEST_PARKED) {
        BUG_ON(!request->woken || request->parked_in != REQUEST_TURN);
        request->woken = false;
        handler = request->resume;
    }
    request_set_state(request, REQUEST_TURN);
    bodies_drop(request->connection);
    connection_await_us(request->connection);
    if (request->too_large)
        http_reply_problem(request, PROBLEM_body_too_large, STR_NULL, NULL, 0);
    else if (request->shed || !buf_ok(&request->body))
        http_reply_problem(request, PROBLEM_overloaded, STR_NULL, NULL, 0);
    else
        handler(request, config->app);
    if (request->state == REQUEST_TURN)
        BUG("a handler neither answered nor parked");
}

// What the library is to do next.
static enum MHD_Result outcome(struct http_request *request)
{
    if (request->failed)
        return MHD_NO;
    request_suspend_parked(request);
    return MHD_YES;
}

enum MHD_Result on_request(void *cls, struct MHD_Connection *mhd, const char *url, const char *method,
                           const char *version, const char *data, size_t *size, void **request_slot)
{
    struct http_server *server = cls;
    struct http_request *request = *request_slot;
    server->progress++;
    if (!request) {
        request = request_new(server, mhd);
        if (!request)
            return MHD_NO;
        *request_slot = request;
        request->method = method;
        take_head(request, url, version);
        return outcome(request);
    }
    request_check(request);
    // The library goes on with the chunks that it has although the last one was enough: they stay with it.
    if (*size > 0 && request->state == REQUEST_PARKED)
        return MHD_YES;
    if (*size > 0) {
        bool taken = take_bytes(request, data, *size);
        *size = 0;
        return taken ? outcome(request) : MHD_NO;
    }
    take_turn(request);
    return outcome(request);
}

void on_request_end(void *cls, struct MHD_Connection *mhd, void **request_slot,
                    enum MHD_RequestTerminationCode code)
{
    (void)cls, (void)mhd, (void)code;
    struct http_request *request = *request_slot;
    if (!request)
        return; // the library refused it before we saw it
    request_check(request);
    if (request->state != REQUEST_ANSWERED || request->failed)
        report_aborted(request);
    if (request->early && (request->framing.length > 0 || request->framing.chunked))
        linger_begin(request->server, request->connection->fd);
    bodies_drop(request->connection);
    connection_await_head(request->connection);
    request_free(request);
    *request_slot = NULL;
}

void http_park(struct http_request *request, http_handler *resume)
{
    request_check(request);
    request->parked_in = request->state;
    request->parked_at = clock_mono_us(request->server->config.clock);
    request_set_state(request, REQUEST_PARKED);
    request->resume = resume;
}

void http_park_until(struct http_request *request, http_handler *resume, int64_t at)
{
    http_park(request, resume);
    timers_add(&request->server->timers, at, request);
}

void http_wake(struct http_request *request)
{
    request_check(request);
    wake_push(&request->server->wakes, request);
}
