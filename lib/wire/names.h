// SPDX-License-Identifier: Apache-2.0
// Paths, header names and media types of the wire contract (docs/PROTOCOL.md).
#ifndef VOX_WIRE_NAMES_H
#define VOX_WIRE_NAMES_H

#define PATH_EVENTS       "/v1/events"
#define PATH_BATCH        "/v1/batch"
#define PATH_RECEIPTS     "/v1/receipts/"
#define PATH_CONTRACTS    "/v1/contracts"
#define PATH_ADMIN_EVENTS "/v1/admin/events"

#define HEADER_IDEMPOTENCY_KEY "Idempotency-Key"
#define HEADER_EVENT_AT        "X-Vox-Telemetry-At"
#define HEADER_CONTRACT        "X-Vox-Telemetry-Contract"
#define HEADER_SIGNATURE       "X-Vox-Telemetry-Signature"
#define HEADER_WEBHOOK_ID      "webhook-id"
#define HEADER_WEBHOOK_AT      "webhook-timestamp"
#define HEADER_WEBHOOK_SIGN    "webhook-signature"
#define HEADER_REQUEST_ID      "X-Request-Id"

#define MEDIA_JSON    "application/json"
#define MEDIA_NDJSON  "application/x-ndjson"
#define MEDIA_BATCH   "application/vnd.vox.telemetry.batch+ndjson"
#define MEDIA_PROBLEM "application/problem+json"
#define MEDIA_METRICS "text/plain; version=0.0.4; charset=utf-8"

#define LINK_BATCH "</v1/batch>; rel=\"batch\""

#endif
