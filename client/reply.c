// SPDX-License-Identifier: Apache-2.0
// The reply that a transport fills.
#include "client/transport.h"
#include "lib/spool/answer.h"

void http_reply_init(struct http_reply *reply)
{
    *reply = (struct http_reply){.retry_after_s = -1};
    buf_init(&reply->body, ANSWER_BODY_BYTES);
}

void http_reply_release(struct http_reply *reply)
{
    buf_release(&reply->body);
}

void http_reply_clear(struct http_reply *reply)
{
    struct buf body = reply->body;
    buf_clear(&body);
    *reply = (struct http_reply){.retry_after_s = -1, .body = body};
}
