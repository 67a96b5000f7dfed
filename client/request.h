// SPDX-License-Identifier: Apache-2.0
// An event, or a batch, as the request that posts it: the headers, and what a person may see of them.
#ifndef VOX_CLIENT_REQUEST_H
#define VOX_CLIENT_REQUEST_H

#include "client/settings.h"
#include "client/transport.h"
#include "lib/base/clock.h"
#include "lib/spool/spool.h"
#include "lib/wire/signature.h"

struct event_sender {
    const char *url;
    bool loopback;
    struct str token; // may be empty
    const char *user_agent;
    const struct signing_key *key; // NULL: requests are not signed
};

#define EVENT_HEADERS_MAX 12
struct event_request {
    struct http_request http; // points into this struct, the sender and the entry
    struct http_header rows[EVENT_HEADERS_MAX];
    struct buf bearer;
    char quoted[UUID_TEXT_LEN + 3];
    char at[RFC3339_LEN + 1];
    char masked[TOKEN_MASK_BYTES + 8];
    const struct signing_key *key;
    char id[UUID_TEXT_LEN + 1];
    char signed_at[24];
    char signature[SIGNATURE_WEBHOOK_TEXT_MAX];
};

// Nothing is held after a failure. Release wipes the copy of the token.
MUST_CHECK bool event_request_make(struct event_request *request, const struct event_sender *sender,
                                   const struct spool_entry *entry, struct err *err);
// A batch's body instead, of lines of their own ids; `id` names the batch where it is signed. The body is
// zstd if `compressed`.
struct batch_body {
    struct str bytes;
    bool compressed;
    struct uuid id;
};
MUST_CHECK bool batch_request_make(struct event_request *request, const struct event_sender *sender,
                                   const char *url, const struct batch_body *body, struct err *err);
// A GET of the sink's own; not signed.
MUST_CHECK bool receipt_request_make(struct event_request *request, const struct event_sender *sender,
                                     const char *url, struct err *err);
// Before each attempt: the signature is of its time. Standard Webhooks 1.0; does nothing without a key.
void event_request_sign(struct event_request *request, int64_t wall_us);
void event_request_release(struct event_request *request);

#endif
