// SPDX-License-Identifier: Apache-2.0
// POST /stream of the site: takes its body in pieces and gives it back in pieces, parking now and then.
#include "test_http_site.h"

#define GIVEN_AT_ONCE 700

struct stream {
    struct site *site;
    struct buf body;
    size_t given;
    bool parked;
    unsigned pieces;
};

static void release(void *context)
{
    struct stream *s = context;
    buf_release(&s->body);
    atomic_fetch_add(&s->site->released, 1);
}

void stream_on_head(struct http_request *request, void *app)
{
    struct site *site = app;
    struct stream *s = arena_zalloc(http_request_arena(request), sizeof(*s));
    BUG_ON(!s);
    s->site = site;
    buf_init(&s->body, 3 * SITE_STREAM_MAX);
    http_request_set_context(request, s, release);
    atomic_fetch_add(&site->heads, 1);
}

// Parks twice before it lets the body go on.
static void again(struct http_request *request, void *app)
{
    struct stream *s = http_request_context(request);
    s->parked = !s->parked;
    if (s->parked)
        site_park(request, app, again);
}

void stream_on_body(struct http_request *request, struct str piece, void *app)
{
    struct stream *s = http_request_context(request);
    BUG_ON(piece.len == 0);
    buf_put_str(&s->body, piece);
    if (s->pieces++ % 3 == 0)
        site_park(request, app, again);
}

static ssize_t produce(struct http_request *request, char *bytes, size_t cap, void *app)
{
    struct stream *s = http_request_context(request);
    s->parked = !s->parked;
    if (s->parked) {
        site_park(request, app, NULL);
        return 0;
    }
    size_t len = MIN(MIN(cap, s->body.len - s->given), (size_t)GIVEN_AT_ONCE);
    if (len == 0)
        return HTTP_STREAM_END;
    memcpy(bytes, s->body.ptr + s->given, len);
    s->given += len;
    return (ssize_t)len;
}

static void give(struct http_request *request, void *app)
{
    (void)app;
    http_reply_stream(request, &(struct http_reply){.status = 200, .content_type = "text/plain"}, produce);
}

void stream_on_request(struct http_request *request, void *app)
{
    struct site *site = app;
    atomic_fetch_add(&site->calls, 1);
    site_park(request, app, give);
}
