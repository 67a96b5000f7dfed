// SPDX-License-Identifier: Apache-2.0
// When an event must be gone, by its contract's retention.
#ifndef VOX_API_EXPIRY_H
#define VOX_API_EXPIRY_H

#include "lib/contracts/contracts.h"
#include "server/core/event.h"

// Fills expiry_kind, expiry_days, expiry_date. An event's own expiry is a date (today is not past yet) or an
// RFC 3339 time; absent or null it is none. expiry_refused: it is anything else. One that is past sets
// unless_known: the event may have been stored while it was not.
MUST_CHECK enum problem expiry_of(const struct contract *contract, const struct json *event, int64_t now_us,
                                  struct event *ret_event);

#endif
