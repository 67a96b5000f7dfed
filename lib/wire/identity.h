// SPDX-License-Identifier: Apache-2.0
// Who an event is: its id from what the request says, its time, its contract pin, its client.
#ifndef VOX_WIRE_IDENTITY_H
#define VOX_WIRE_IDENTITY_H

#include "lib/base/uuid.h"
#include "lib/wire/problem.h"

// Idempotency-Key: a UUID, with or without the double quotes of a structured-field string.
MUST_CHECK enum problem identity_from_key(struct str header, struct uuid *ret_id);
// webhook-id (Standard Webhooks 1.0): a UUID as it stands; any other printable ASCII text of 1 to 256
// characters without a dot becomes UUIDv8 of SHA-256(project id in 4 big-endian bytes, text) and
// `*ret_foreign` is true.
MUST_CHECK enum problem identity_from_webhook(struct str header, int32_t project_id, struct uuid *ret_id,
                                              bool *ret_foreign);
// A line without an id, the line's number counted from 1, of a batch with one: UUIDv8 of SHA-256(project id
// in 4 big-endian bytes, batch id, ".", number). A batch id that is a UUID comes in its canonical text,
// however it was sent. No webhook-id has a dot, so none is the same text.
void identity_of_line(struct str batch_id, int32_t project_id, uint64_t number, struct uuid *ret_id);
// X-Vox-Telemetry-At: strict RFC 3339. Outside [2020-01-01, now + 1 day] `*ret_known` is false: stored as
// null.
MUST_CHECK enum problem identity_time(struct str header, int64_t now_us, int64_t *ret_wall_us,
                                      bool *ret_known);
// "<id>.v<N>": id of [a-z0-9-], N from 1 to 9999 without leading zeros.
MUST_CHECK enum problem identity_contract_pin(struct str header, struct str *ret_id, unsigned *ret_version);
// "product/version" at the start of a User-Agent, cut to LIMIT_CLIENT_TEXT; absent if it has no such form.
struct str identity_client(struct str user_agent);

#endif
