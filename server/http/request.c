// SPDX-License-Identifier: Apache-2.0
// The life of a request object, and what handlers read from it.
#include "server/http/internal.h"

#include "server/http/target.h"

#define REQUEST_LIVE  0x56585251U
#define REQUEST_SPARE 0x56585253U

void request_check(const struct http_request *request)
{
    BUG_ON(request->magic != REQUEST_LIVE);
}

static struct http_request *take_object(struct http_server *server)
{
    struct http_request *request = server->spare;
    if (request) {
        BUG_ON(request->magic != REQUEST_SPARE);
        server->spare = request->next;
        server->spare_count--;
        return request;
    }
    request = calloc(1, sizeof(*request));
    if (!request)
        return NULL;
    arena_init(&request->arena, HTTP_ARENA_BLOCK, HTTP_ARENA_CEILING);
    buf_init(&request->body, 0);
    buf_init(&request->answer, 0);
    buf_init(&request->head_text, HTTP_HEAD_RAW);
    return request;
}

struct http_request *request_new(struct http_connection *connection)
{
    struct http_server *server = connection->server;
    struct http_request *request = take_object(server);
    if (!request)
        return NULL;
    // Whatever the struct has beyond these memories starts from zero, but for the lines of the head: none is
    // read beyond their count.
    struct arena arena = request->arena;
    struct buf body = request->body, answer = request->answer, head_text = request->head_text;
    memset(request, 0, offsetof(struct http_request, head.headers));
    request->magic = REQUEST_LIVE;
    request->state = REQUEST_HEAD;
    request->server = server;
    request->connection = connection;
    request->began_at = clock_mono_us(server->config.clock);
    request->arena = arena;
    request->body = body;
    request->answer = answer;
    request->head_text = head_text;
    struct uuid id = uuid_v7(clock_wall_us(server->config.clock));
    uuid_format(&id, request->id);
    server->active++;
    return request;
}

static void free_object(struct http_request *request)
{
    arena_release(&request->arena);
    buf_release(&request->body);
    buf_release(&request->answer);
    buf_release(&request->head_text);
    free(request);
}

void request_free(struct http_request *request)
{
    struct http_server *server = request->server;
    request_check(request);
    BUG_ON(request->state == REQUEST_PARKED || server->active == 0);
    if (request->release)
        request->release(request->context);
    server->active--;
    request->magic = REQUEST_SPARE;
    if (server->spare_count >= HTTP_KEEP_REQUESTS) {
        free_object(request);
        return;
    }
    arena_reset(&request->arena);
    if (request->arena.used > HTTP_KEEP_BYTES)
        arena_release(&request->arena);
    buf_recycle(&request->body, HTTP_KEEP_BYTES);
    buf_recycle(&request->answer, HTTP_KEEP_BYTES);
    buf_recycle(&request->head_text, HTTP_HEAD_RAW);
    request->next = server->spare;
    server->spare = request;
    server->spare_count++;
}

void requests_release_spare(struct http_server *server)
{
    while (server->spare) {
        struct http_request *request = server->spare;
        server->spare = request->next;
        free_object(request);
    }
    server->spare_count = 0;
}

void request_set_state(struct http_request *request, enum request_state state)
{
    bool allowed = false;
    switch (request->state) {
    case REQUEST_HEAD:
        allowed = state == REQUEST_BODY || state == REQUEST_ANSWERED;
        break;
    case REQUEST_BODY:
        allowed = state == REQUEST_TURN || state == REQUEST_PARKED;
        break;
    case REQUEST_TURN:
        allowed = state == REQUEST_PARKED || state == REQUEST_STREAM || state == REQUEST_ANSWERED;
        break;
    case REQUEST_PARKED:
        allowed = state == REQUEST_BODY || state == REQUEST_TURN || state == REQUEST_STREAM;
        break;
    case REQUEST_STREAM:
        allowed = state == REQUEST_PARKED || state == REQUEST_ANSWERED;
        break;
    case REQUEST_ANSWERED:
        break;
    default:
        BUG("unknown request state");
    }
    BUG_ON(!allowed);
    request->state = state;
}

struct str http_request_id(const struct http_request *request)
{
    request_check(request);
    return (struct str){request->id, UUID_TEXT_LEN};
}

struct arena *http_request_arena(struct http_request *request)
{
    request_check(request);
    return &request->arena;
}

struct str http_request_body(const struct http_request *request)
{
    request_check(request);
    return buf_str(&request->body);
}

char *http_request_body_mutable(struct http_request *request)
{
    request_check(request);
    return request->body.ptr;
}

struct str http_request_arg(const struct http_request *request)
{
    request_check(request);
    return request->arg;
}

static bool may_have(const struct http_request *request, struct str name)
{
    return request->head.names & head_name_bit(name);
}

struct str http_request_header(const struct http_request *request, const char *name, unsigned *ret_count)
{
    request_check(request);
    const struct head *head = &request->head;
    struct str wanted = str_from(name), value = STR_NULL;
    unsigned count = 0;
    for (size_t i = 0; may_have(request, wanted) && i < head->count; i++)
        if (str_eq_nocase(head->headers[i].name, wanted) && count++ == 0)
            value = head->headers[i].value;
    if (ret_count)
        *ret_count = count;
    return value;
}

struct str http_request_header_at(const struct http_request *request, const char *name, unsigned index)
{
    request_check(request);
    const struct head *head = &request->head;
    struct str wanted = str_from(name);
    for (size_t i = 0; may_have(request, wanted) && i < head->count; i++)
        if (str_eq_nocase(head->headers[i].name, wanted) && index-- == 0)
            return head->headers[i].value;
    return STR_NULL;
}

bool http_request_query(struct http_request *request,
                        bool (*each)(void *context, struct str name, struct str value), void *context)
{
    request_check(request);
    enum target_result result = target_query(request->query, &request->arena, each, context);
    request->failed |= result == TARGET_NO_MEMORY;
    return result == TARGET_WHOLE;
}

int64_t http_request_began_at(const struct http_request *request)
{
    request_check(request);
    return request->began_at;
}

bool http_request_expects_continue(const struct http_request *request)
{
    request_check(request);
    return request->framing.expects_continue;
}

const struct sockaddr *http_request_peer(const struct http_request *request)
{
    request_check(request);
    return &request->connection->peer.any;
}

bool http_request_keeps_alive(const struct http_request *request)
{
    request_check(request);
    return request->framing.keeps_alive;
}

void http_request_set_context(struct http_request *request, void *context, void (*release)(void *context))
{
    request_check(request);
    request->context = context;
    request->release = release;
}

void *http_request_context(const struct http_request *request)
{
    request_check(request);
    return request->context;
}
