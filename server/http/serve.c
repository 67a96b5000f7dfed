// SPDX-License-Identifier: Apache-2.0
// From bytes to a handler's turn: judge the head, take the body.
#include "server/http/internal.h"

#include "server/http/target.h"

// What is wrong with the head whatever the route; answers it and returns false.
static bool judge_head(struct http_request *request)
{
    struct str why = STR_NULL;
    enum problem problem = head_parse(buf_str(&request->head_text), &request->head, &why);
    request->known_method = route_method(request->head.method, &request->method);
    if (!problem)
        problem = framing_judge(&request->head, &request->framing, &why);
    if (!problem && request->known_method)
        problem = framing_judge_target(request->head.target, &why);
    request->last |= !request->framing.keeps_alive;
    if (problem)
        http_reply_problem(request, problem, why, NULL, 0);
    return !problem;
}

// As sent where an escape is none, which only a method may have that we do not know; absent where there is no
// memory.
static struct str decoded(struct http_request *request, struct str path)
{
    if (str_find(path, '%') == path.len)
        return path;
    char *bytes = arena_alloc(&request->arena, path.len);
    size_t len = 0;
    if (!bytes)
        return STR_NULL;
    return target_decode(path, false, bytes, &len) ? str_slice(bytes, len) : path;
}

static bool find_route(struct http_request *request)
{
    const struct http_config *config = &request->server->config;
    enum problem problem = PROBLEM_method_not_allowed;
    request->query = request->head.target;
    struct str path = decoded(request, str_cut(&request->query, '?'));
    if (!path.ptr) {
        request->failed = true;
        return false;
    }
    // A method that we do not know finds no route, but the methods that the path has.
    enum http_place place =
        request->server->listeners->has_admin ? request->connection->place : HTTP_EVERYWHERE;
    struct route_match match = route_find(config->routes, config->route_count, place,
                                          request->known_method ? request->method : HTTP_METHOD_COUNT, path);
    request->route = match.route;
    request->arg = match.arg;
    request->allowed = match.allowed;
    if (request->known_method && !match.allowed)
        problem = PROBLEM_route_unknown;
    else if (match.route && request->framing.length > match.route->body_max)
        problem = PROBLEM_body_too_large;
    else if (match.route)
        return true;
    http_reply_problem(request, problem, STR_NULL, NULL, 0);
    return false;
}

static bool has_body(const struct http_request *request)
{
    return request->framing.length > 0 || request->framing.chunked;
}

static void end_body(struct http_request *request)
{
    request_set_state(request, REQUEST_TURN);
    serve_turn(request, request->route->on_request);
}

// `comes`: something of the body is there already, so that nobody waits for a word.
static void begin_body(struct http_request *request, bool comes)
{
    request_set_state(request, REQUEST_BODY);
    request->body.ceiling = request->route->body_max;
    if (!has_body(request)) {
        end_body(request);
        return;
    }
    connection_await_body(request->connection, request->began_at, 0);
    if (request->framing.expects_continue && !comes)
        io_send(request->connection, STR("HTTP/1.1 100 Continue\r\n\r\n"), STR_NULL);
}

static void take_head(struct http_request *request, bool comes)
{
    connection_await_us(request->connection);
    if (!judge_head(request) || !find_route(request))
        return;
    if (request->route->on_head)
        request->route->on_head(request, request->server->config.app);
    if (request->state == REQUEST_HEAD && !request->failed)
        begin_body(request, comes);
}

static struct http_request *begin_request(struct http_connection *connection)
{
    struct http_request *request = request_new(connection);
    connection->head_seen = 0;
    connection->request = request;
    connection->gone |= !request; // no memory
    return request;
}

static size_t await_rest(struct http_connection *connection, struct str bytes)
{
    if (bytes.len > HTTP_HEAD_RAW) {
        struct http_request *request = begin_request(connection);
        if (request)
            http_reply_problem(request, PROBLEM_head_too_large, STR_NULL, NULL, 0);
        return bytes.len;
    }
    if (connection->head_seen == 0)
        connection_await_head(connection);
    connection->head_seen = bytes.len;
    return 0;
}

size_t serve_head(struct http_connection *connection, struct str bytes)
{
    size_t len = head_end(bytes, connection->head_seen);
    if (len == 0)
        return await_rest(connection, bytes);
    struct http_request *request = begin_request(connection);
    if (!request)
        return bytes.len;
    if (len > HTTP_HEAD_RAW) {
        http_reply_problem(request, PROBLEM_head_too_large, STR_NULL, NULL, 0);
    } else {
        request->failed = !buf_put(&request->head_text, bytes.ptr, len);
        if (!request->failed)
            take_head(request, bytes.len > len);
    }
    return len;
}

static void gather(struct http_request *request, struct str piece)
{
    struct buf *body = &request->body;
    if (request->received > request->route->body_max) {
        request->too_large = true; // only a chunked one can get here
        buf_recycle(body, 0);
        bodies_drop(request->connection);
        return;
    }
    if (request->received == piece.len) // the first
        (void)buf_reserve(body, (size_t)MAX(MIN(request->framing.length, HTTP_RESERVE_BYTES), piece.len));
    if (!request->shed)
        buf_put_str(body, piece);
    if (!bodies_hold(request->connection, body->cap))
        request->shed = true;
    if (request->shed)
        buf_recycle(body, 0);
}

static void take_piece(struct http_request *request, struct str piece)
{
    request->received += piece.len;
    // A client that overshoots a little reads its 413; more is not worth it.
    if (request->received / 2 > request->route->body_max) {
        request->connection->gone = true;
        return;
    }
    connection_await_body(request->connection, request->began_at + request->held_us, request->received);
    if (!request->route->on_body) {
        gather(request, piece);
        return;
    }
    request->route->on_body(request, piece, request->server->config.app);
    BUG_ON(request->state != REQUEST_BODY && request->state != REQUEST_PARKED);
}

static size_t take_sized(struct http_request *request, struct str bytes)
{
    size_t len = (size_t)MIN(request->framing.length - request->received, (uint64_t)bytes.len);
    if (len > 0)
        take_piece(request, str_slice(bytes.ptr, len));
    if (request->state == REQUEST_BODY && request->received == request->framing.length)
        end_body(request);
    return len;
}

// What a handler was given in part cannot be taken back: such a connection is cut.
static void refuse_chunks(struct http_request *request, struct str why)
{
    request->broken = why;
    if (request->route->on_body)
        request->connection->gone = true;
    else
        end_body(request);
}

static size_t take_chunks(struct http_request *request, struct str bytes)
{
    struct str rest = bytes;
    while (request->state == REQUEST_BODY && !request->connection->gone) {
        struct str piece = STR_NULL, why = STR_NULL;
        switch (chunked_take(&request->chunked, &rest, &piece, &why)) {
        case CHUNKED_PIECE:
            take_piece(request, piece);
            break;
        case CHUNKED_END:
            end_body(request);
            break;
        case CHUNKED_BAD:
            refuse_chunks(request, why);
            return bytes.len;
        case CHUNKED_MORE:
        default:
            return bytes.len;
        }
    }
    return bytes.len - rest.len;
}

size_t serve_body(struct http_request *request, struct str bytes)
{
    return request->framing.chunked ? take_chunks(request, bytes) : take_sized(request, bytes);
}

void serve_turn(struct http_request *request, http_handler *handler)
{
    bodies_drop(request->connection);
    connection_await_us(request->connection);
    if (request->broken.ptr) {
        request->early = request->last = true;
        http_reply_problem(request, PROBLEM_http_malformed, request->broken, NULL, 0);
    } else if (request->too_large) {
        http_reply_problem(request, PROBLEM_body_too_large, STR_NULL, NULL, 0);
    } else if (request->shed || !buf_ok(&request->body)) {
        http_reply_problem(request, PROBLEM_overloaded, STR_NULL, NULL, 0);
    } else {
        handler(request, request->server->config.app);
    }
    if (request->state == REQUEST_TURN)
        BUG("a handler neither answered nor parked");
}
