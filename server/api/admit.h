// SPDX-License-Identifier: Apache-2.0
// Rates and quotas of requests, judged and charged before the body is read.
//
// A request with a valid token counts with the token, one that came without (where a project is open to
// such) with its address, and so does an attempt that is refused for its token. What is over its limit is
// answered 429, or, if the client can wait without knowing it (a keep-alive one that does not ask before it
// sends its body), admitted for a little later: the caller parks it until then. The answer carries RateLimit
// and RateLimit-Policy where there is a limit.
#ifndef VOX_API_ADMIT_H
#define VOX_API_ADMIT_H

#include "server/api/auth.h"

struct admission {
    int64_t due_at; // monotonic microseconds: the request may go on then; 0: at once
};

// Charges an ingest request of a client that auth let in. False: it was answered.
MUST_CHECK bool admit_request(const struct auth *auth, struct admission *ret_admission);
// Charges a request that reads, with a token: by the same rate, whatever is left of a quota of events. False:
// it was answered.
MUST_CHECK bool admit_read(const struct auth *auth, struct admission *ret_admission);
// Of a signed request of such a client, before its body: would it be let in, and did not too many signatures
// fail for its token from its address? Charges nothing: that is for admit_request() once the signature is
// verified, so that nobody without a key uses up the rate of who has one. False: it was answered.
MUST_CHECK bool admit_signed(const struct auth *auth);
// Charges a signature that failed to token and address together. False: it was answered.
MUST_CHECK bool admit_forged(const struct auth *auth);
// Charges an attempt that auth is about to refuse, or to look into. False: it was answered.
MUST_CHECK bool admit_attempt(struct api *api, struct http_request *request);
// Charges one event of a batch of an admitted request. PROBLEM_NONE: it may go on after `*ret_wait_us`, which
// is 0 unless it `may_wait`. rate_limited, quota_exceeded: `*ret_wait_us` is for Retry-After.
MUST_CHECK enum problem admit_event(const struct auth *auth, bool may_wait, int64_t *ret_wait_us);
// Right before an event of this client, described, is given to the writer: has its token a quota by now? Then
// the event is marked as counted.
void admit_begin(const struct auth *auth, struct event *event);
// The writer did not take it, or it came back: in `done`, before anybody is told. Once for each begin; any
// thread.
void admit_end(struct api *api, const struct event *event);

#endif
