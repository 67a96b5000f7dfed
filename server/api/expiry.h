// SPDX-License-Identifier: Apache-2.0
// When an event must be gone, by its contract's retention.
#ifndef VOX_API_EXPIRY_H
#define VOX_API_EXPIRY_H

#include "lib/contracts/contracts.h"
#include "server/core/event.h"

// Fills expiry_kind, expiry_days, expiry_date. expiry_refused: the event's own expiry is past or no RFC 3339
// time or date.
MUST_CHECK enum problem expiry_of(const struct contract *contract, const json_t *event, int64_t now_us,
                                  struct event *ret_event);

#endif
