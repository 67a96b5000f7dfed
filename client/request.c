// SPDX-License-Identifier: Apache-2.0
// Making the headers.
#include "client/request.h"
#include "lib/wire/names.h"

#include <sodium.h>

static void add_header(struct event_request *request, const char *name, const char *value, const char *shown)
{
    BUG_ON(request->http.header_count == EVENT_HEADERS_MAX);
    request->rows[request->http.header_count++] = (struct http_header){name, value, shown};
}

// All at once, so that no outgrown copy of the secret is left behind.
static bool make_bearer(struct event_request *request, struct str token, struct err *err)
{
    char mask[TOKEN_MASK_BYTES];
    struct buf *bearer = &request->bearer;
    if (!buf_reserve(bearer, token.len + 8))
        return err_set(err, "out of memory");
    buf_put_cstr(bearer, "Bearer ");
    buf_put_str(bearer, token);
    buf_put_char(bearer, '\0');
    token_mask(token, mask);
    snprintf(request->masked, sizeof(request->masked), "Bearer %s", mask);
    add_header(request, "Authorization", bearer->ptr, request->masked);
    return true;
}

// What goes with every request, last.
static bool add_sender(struct event_request *request, const struct event_sender *sender, struct err *err)
{
    add_header(request, "User-Agent", sender->user_agent, NULL);
    if (sender->token.len && !make_bearer(request, sender->token, err)) {
        event_request_release(request);
        return false;
    }
    if (sender->key) {
        add_header(request, HEADER_WEBHOOK_ID, request->id, NULL);
        add_header(request, HEADER_WEBHOOK_AT, request->signed_at, NULL);
        add_header(request, HEADER_WEBHOOK_SIGN, request->signature, "v1,(hidden)");
    }
    return true;
}

static void begin(struct event_request *request, const struct event_sender *sender, const char *url,
                  const struct uuid *id, struct str body)
{
    *request = (struct event_request){.http = {.url = url, .loopback = sender->loopback, .body = body},
                                      .key = sender->key};
    request->http.headers = request->rows;
    buf_init(&request->bearer, TOKEN_MAX_BYTES + 16);
    uuid_format(id, request->id);
}

bool event_request_make(struct event_request *request, const struct event_sender *sender,
                        const struct spool_entry *entry, struct err *err)
{
    begin(request, sender, sender->url, &entry->id, entry->text);
    snprintf(request->quoted, sizeof(request->quoted), "\"%s\"", request->id);
    add_header(request, "Content-Type", MEDIA_JSON "; charset=utf-8", NULL);
    add_header(request, "Accept", MEDIA_JSON ", " MEDIA_PROBLEM, NULL);
    add_header(request, HEADER_IDEMPOTENCY_KEY, request->quoted, NULL);
    if (entry->has_time) {
        rfc3339_format(entry->time_us, request->at);
        add_header(request, HEADER_EVENT_AT, request->at, NULL);
    }
    return add_sender(request, sender, err);
}

bool batch_request_make(struct event_request *request, const struct event_sender *sender, const char *url,
                        const struct batch_body *body, struct err *err)
{
    begin(request, sender, url, &body->id, body->bytes);
    add_header(request, "Content-Type", MEDIA_BATCH, NULL);
    if (body->compressed)
        add_header(request, "Content-Encoding", "zstd", NULL);
    add_header(request, "Accept", MEDIA_NDJSON ", " MEDIA_PROBLEM, NULL);
    return add_sender(request, sender, err);
}

bool receipt_request_make(struct event_request *request, const struct event_sender *sender, const char *url,
                          struct err *err)
{
    const struct uuid none = {{0}};
    struct event_sender unsigned_sender = *sender;
    unsigned_sender.key = NULL;
    begin(request, &unsigned_sender, url, &none, STR(""));
    request->http.get = true;
    add_header(request, "Accept", MEDIA_JSON ", " MEDIA_PROBLEM, NULL);
    return add_sender(request, &unsigned_sender, err);
}

void event_request_sign(struct event_request *request, int64_t wall_us)
{
    int64_t at = wall_us / USEC_PER_SEC;
    if (!request->key)
        return;
    snprintf(request->signed_at, sizeof(request->signed_at), "%lld", (long long)at);
    signature_make_webhook(request->key, str_from(request->id), at, request->http.body, request->signature);
}

void event_request_release(struct event_request *request)
{
    if (request->bearer.ptr)
        sodium_memzero(request->bearer.ptr, request->bearer.cap);
    buf_release(&request->bearer);
}
