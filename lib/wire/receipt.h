// SPDX-License-Identifier: Apache-2.0
// The receipt: what a 2xx says was stored, written by the sink and read by the uploader.
#ifndef VOX_WIRE_RECEIPT_H
#define VOX_WIRE_RECEIPT_H

#include "lib/base/buf.h"
#include "lib/base/uuid.h"
#include "lib/wire/event_text.h"

struct receipt {
    struct uuid event_id;
    struct str id;       // the client's own id where it is not a UUID, else absent
    struct str contract; // "model-call.v1"
    int64_t received_at; // wall microseconds, the database's clock
    uint8_t sha256[SHA256_LEN];
    bool duplicate;
    bool quarantined; // said only by a receipt that is asked for again: else the status says it
};

// {"event_id":"…","contract":"…","received_at":"…Z","sha256":"…","duplicate":false} (and "id" where present,
// and "quarantined":true)
void receipt_write(struct buf *buf, const struct receipt *receipt);
// Reads the members a client decides by from a parsed body; strings point into the tree. False unless every
// one is there and well-formed; unknown members are ignored.
MUST_CHECK bool receipt_read(const struct json *body, struct receipt *ret_receipt);

#endif
