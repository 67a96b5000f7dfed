// SPDX-License-Identifier: Apache-2.0
// Answers that are made as they go, and parking.
#include "server/http/internal.h"

// In BODY: the handler may park again, or say that the body is to go on.
static void go_on_in_body(struct http_request *request, http_handler *resume)
{
    resume(request, request->server->config.app);
    if (request->state == REQUEST_BODY)
        connection_await_body(request->connection, request->began_at + request->held_us, request->received);
}

void request_go_on(struct http_request *request)
{
    request_check(request);
    BUG_ON(request->state != REQUEST_PARKED);
    struct http_connection *connection = request->connection;
    http_handler *resume = request->resume;
    request->server->parked--;
    request->held_us += MAX(clock_mono_us(request->server->config.clock) - request->parked_at, (int64_t)0);
    request_set_state(request, request->parked_in);
    if (!connection->gone && request->state == REQUEST_BODY)
        go_on_in_body(request, resume);
    else if (!connection->gone && request->state == REQUEST_TURN)
        serve_turn(request, resume);
    connection_go_on(connection);
}

void http_park(struct http_request *request, http_handler *resume)
{
    request_check(request);
    request->parked_in = request->state;
    request->parked_at = clock_mono_us(request->server->config.clock);
    request_set_state(request, REQUEST_PARKED);
    request->resume = resume;
    request->server->parked++;
    connection_await_us(request->connection);
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

static bool is_chunked(const struct http_request *request)
{
    return !request->head.is_1_0;
}

static void end_stream(struct http_request *request)
{
    if (is_chunked(request))
        buf_put_str(&request->connection->output, STR("0\r\n\r\n"));
    request_set_state(request, REQUEST_ANSWERED);
    report_answer(request, request->status, request->produced);
}

// Before a chunk's bytes, whose number is known when they are there.
#define SIZE_ROOM (sizeof("00000000\r\n") - 1)

void request_produce(struct http_request *request)
{
    struct http_connection *connection = request->connection;
    struct buf *output = &connection->output;
    size_t room = is_chunked(request) ? SIZE_ROOM : 0;
    if (!buf_reserve(output, room + HTTP_STREAM_BLOCK + strlen("\r\n"))) {
        request->failed = true;
        return;
    }
    char *block = output->ptr + output->len + room;
    ssize_t len = request->producer(request, block, HTTP_STREAM_BLOCK, request->server->config.app);
    if (len == HTTP_STREAM_END) {
        end_stream(request);
        return;
    }
    BUG_ON(len < 0 || (size_t)len > HTTP_STREAM_BLOCK || (len == 0) != (request->state == REQUEST_PARKED));
    if (len == 0)
        return;
    if (room > 0) {
        char size[SIZE_ROOM + 1];
        snprintf(size, sizeof(size), "%zx\r\n", (size_t)len);
        buf_put_cstr(output, size);
        memmove(output->ptr + output->len, block, (size_t)len);
    }
    output->len += (size_t)len;
    if (room > 0)
        buf_put_str(output, STR("\r\n"));
    request->produced += (uint64_t)len;
    connection_await_answer(connection, request->began_at + request->held_us,
                            request->received + request->produced);
}

void http_reply_stream(struct http_request *request, const struct http_reply *reply, http_producer *producer)
{
    request_check(request);
    struct http_connection *connection = request->connection;
    struct str head;
    request->producer = producer;
    request->status = reply->status;
    request_set_state(request, REQUEST_STREAM);
    request->failed |=
        !reply_head(request, reply, is_chunked(request) ? REPLY_CHUNKED : REPLY_TO_THE_END, &head);
    if (request->failed)
        return;
    if (request->known_method && request->method == HTTP_HEAD) {
        request_set_state(request, REQUEST_ANSWERED);
        report_answer(request, request->status, 0);
    } else {
        connection_await_answer(connection, request->began_at + request->held_us, request->received);
    }
    io_send(connection, head, STR_NULL);
}
