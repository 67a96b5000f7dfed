// SPDX-License-Identifier: Apache-2.0
// The gate's second question: is the request signed as its token demands?
//
// gate_signature() looks at the headers alone, before any body; what it leaves open is answered by a verifier
// over the raw body (lib/wire/signature.h), begun by gate_verifier_init(). The keys belong to the token's
// table, which must outlive both.
#ifndef VOX_GATE_SIGNATURE_H
#define VOX_GATE_SIGNATURE_H

#include "lib/wire/signature.h"
#include "server/gate/gate.h"

struct gate_signature {
    bool present; // signature headers are there
    bool wanted;  // and count
    bool locked;  // a key of the token cannot be opened here: who fails may be right all the same
    struct str name;
    struct signature signature;
    const struct signing_key *keys[SIGNATURE_KEYS_MAX];
    size_t key_count;
};

// PROBLEM_NONE with `wanted` false: nothing to verify.
MUST_CHECK enum problem gate_signature(const struct token *token, const struct signature_headers *headers,
                                       int64_t now_us, struct gate_signature *ret_signature);
// `signature` must outlive it.
void gate_verifier_init(struct signature_verifier *verifier, const struct gate_signature *signature,
                        size_t body_ceiling);
// Later: does any of these keys, by their kids, still count with the token?
bool gate_key_counts(const struct token *token, const struct signing_key *const *keys, size_t count,
                     int64_t now_us);
// What a verifier's failure means, given that a key may be missing here.
enum problem gate_signature_failed(const struct gate_signature *signature, enum problem problem);

#endif
