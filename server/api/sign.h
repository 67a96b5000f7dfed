// SPDX-License-Identifier: Apache-2.0
// The signature of an ingest request, from its head to the last byte of its body.
//
// sign_begin() once the token is known: in on_head, or after a refresh. It answers for everything that the
// head can say. Then sign_body() with the raw body, in one piece or in several, before any content decoding,
// and sign_end() before anything is made of the body. A zeroed struct; sign_release() when the request ends.
// It keeps views of the token's and the snapshot's memory. Threads: one at a time.
#ifndef VOX_API_SIGN_H
#define VOX_API_SIGN_H

#include "server/api/auth.h"
#include "server/gate/signature.h"

struct sign {
    struct gate_signature gate;
    size_t body_max;
    bool has_own_id; // the caller's, before sign_body(): the event is named, no id is made of the signature
    bool begun;      // the verifier is in use
    struct signature_verifier verifier;
    const struct signing_key *makers[SIGNATURE_KEYS_MAX]; // after sign_end(): who signed
    size_t maker_count;
    bool has_id;    // after sign_end(): the request is signed in the Vox form
    struct uuid id; // the same for each replay: the id of an event that has none
};

// `body_max`: of a body that must be kept because it is signed with Ed25519.
MUST_CHECK enum problem sign_begin(struct sign *sign, const struct http_request *request,
                                   const struct token *token, int64_t now_us, size_t body_max);
void sign_body(struct sign *sign, struct str raw);
// A part of what sign_end() has to do. False: let others have their turn, then again.
MUST_CHECK bool sign_step(struct sign *sign);
MUST_CHECK enum problem sign_end(struct sign *sign);
// Answers with a problem of the two above; what failed is charged (admit.h).
void sign_refuse(const struct auth *auth, enum problem problem);
// After auth_renew(): the token's policy and its keys may have changed since. not_ready: the signature counts
// now and was not looked at.
MUST_CHECK enum problem sign_renew(const struct sign *sign, const struct auth *auth);
void sign_release(struct sign *sign);

#endif
