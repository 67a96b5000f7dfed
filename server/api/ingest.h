// SPDX-License-Identifier: Apache-2.0
// What an ingest request says beside its body, read from its headers.
#ifndef VOX_API_INGEST_H
#define VOX_API_INGEST_H

#include "server/api/api.h"

#include "lib/wire/coding.h"
#include "lib/wire/identity.h"

struct request_identity {
    bool has_key; // Idempotency-Key
    struct uuid key;
    struct str webhook_id; // absent where not sent
    struct str foreign_id; // after resolve: the webhook-id, trimmed, where it is no UUID
    bool has_time;
    int64_t time;      // wall microseconds
    struct str pin_id; // absent: recognised by content
    unsigned pin_version;
    struct str client;
    bool has_signed; // the caller's: a signature that names a request without an id
    struct uuid signed_id;
};

// `type`, optionally with charset=utf-8 and nothing else.
bool media_is(struct str value, struct str type);
// Content-Type application/json in UTF-8, and a content encoding that can be decoded.
MUST_CHECK enum problem request_media(const struct http_request *request, enum coding *ret_coding);
// All of the above but the id's final form. Strings live as long as the request.
MUST_CHECK enum problem request_identity_read(const struct http_request *request, int64_t now_us,
                                              struct request_identity *ret_identity);
// The event's id: the key, else the webhook-id (two that differ are refused), else the signature's, else a
// fresh UUIDv7.
MUST_CHECK enum problem request_identity_resolve(struct request_identity *identity, int32_t project_id,
                                                 int64_t now_us, struct uuid *ret_id);
// The body, decoded into `decoded` where it is encoded; the caller may change it.
MUST_CHECK enum problem request_event_text(struct http_request *request, enum coding coding,
                                           struct buf *decoded, char **ret_text, size_t *ret_len);
// While a token is not known, a body up to this size is read before the refusal: a token made a moment ago
// works.
#define STRANGER_BODY_BYTES (64 * 1024)
// May a client whose token is not known yet send its body? Not if it waits to be asked, or the body is long.
bool stranger_may_send(const struct http_request *request, size_t max);
// The longest prefix of at most `max` bytes that ends between two UTF-8 characters.
size_t utf8_cut(struct str text, size_t max);

#endif
