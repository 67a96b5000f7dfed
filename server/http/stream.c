// SPDX-License-Identifier: Apache-2.0
// Bodies that are given away as they come, answers that are made as they go, and parking in both.
#include "server/http/internal.h"

// What the library asks for at a time; its pool gives about half of it.
#define STREAM_BLOCK 4096

void request_give_piece(struct http_request *request, const char *data, size_t size)
{
    request->route->on_body(request, str_slice(data, size), request->server->config.app);
    BUG_ON(request->state != REQUEST_BODY && request->state != REQUEST_PARKED);
}

void request_suspend_parked(struct http_request *request)
{
    if (request->state != REQUEST_PARKED)
        return;
    request->server->parked++;
    connection_await_us(request->connection);
    MHD_suspend_connection(request->mhd);
}

static void resume(struct http_request *request)
{
    request->server->parked--;
    MHD_resume_connection(request->mhd);
}

// The library would not call us before the next bytes, which may never come: the handler is called from here.
static void go_on_in_body(struct http_request *request)
{
    request->woken = false;
    request_set_state(request, REQUEST_BODY);
    request->resume(request, request->server->config.app);
    if (request->state == REQUEST_PARKED)
        return; // still suspended
    connection_await_body(request->connection, request->began_at + request->held_us, request->received);
    resume(request);
}

void request_go_on(struct http_request *request)
{
    request_check(request);
    BUG_ON(request->state != REQUEST_PARKED || request->woken);
    request->woken = true;
    request->held_us += MAX(clock_mono_us(request->server->config.clock) - request->parked_at, (int64_t)0);
    if (request->parked_in == REQUEST_BODY) {
        go_on_in_body(request);
        return;
    }
    if (request->parked_in == REQUEST_STREAM) {
        request->woken = false;
        request_set_state(request, REQUEST_STREAM);
    }
    resume(request);
}

static ssize_t end_stream(struct http_request *request)
{
    request_set_state(request, REQUEST_ANSWERED);
    report_answer(request, request->status, request->produced);
    return MHD_CONTENT_READER_END_OF_STREAM;
}

static ssize_t on_produce(void *cls, uint64_t at, char *bytes, size_t cap)
{
    struct http_request *request = cls;
    (void)at;
    request_check(request);
    request->server->progress++;
    if (request->state != REQUEST_STREAM)
        return 0; // the library asks once more although it was told
    ssize_t len = request->producer(request, bytes, cap, request->server->config.app);
    if (len == HTTP_STREAM_END)
        return end_stream(request);
    BUG_ON(len < 0 || (size_t)len > cap || (len == 0) != (request->state == REQUEST_PARKED));
    request->produced += (uint64_t)len;
    if (len == 0)
        request_suspend_parked(request);
    else
        connection_await_answer(request->connection, request->began_at + request->held_us,
                                request->received + request->produced);
    return len;
}

void http_reply_stream(struct http_request *request, const struct http_reply *reply, http_producer *producer)
{
    request_check(request);
    request->producer = producer;
    request->status = reply->status;
    request_set_state(request, REQUEST_STREAM);
    struct MHD_Response *response =
        MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, STREAM_BLOCK, on_produce, request, NULL);
    request->failed = !response || !reply_queue(request, reply, response);
    if (!request->failed)
        connection_await_answer(request->connection, request->began_at + request->held_us, request->received);
}
