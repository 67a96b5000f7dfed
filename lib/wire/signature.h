// SPDX-License-Identifier: Apache-2.0
// Signatures of requests, read, verified and made, in the two forms of docs/PROTOCOL.md:
//
//   Vox                    X-Vox-Telemetry-Signature: t=<unix seconds>,kid=<key id>,v1=<64 hex>[,v1=…]
//                          HMAC-SHA256 over "<t>\n" and the raw body
//   Standard Webhooks 1.0  webhook-id, webhook-timestamp, webhook-signature: "v1,<base64>" (HMAC-SHA256) and
//                          "v1a,<base64>" (Ed25519), separated by spaces, over "<id>.<timestamp>." and the
//                          raw body
//
// Reading a request: signature_parse() with its headers, signature_fresh(), then a verifier with the keys
// that may have signed: signature_verifier_init(), signature_verifier_update() with the raw body in pieces as
// it arrives, signature_verifier_finish(), signature_verifier_release(). Any one signature that any one key
// made is enough.
//
// Everything is read strictly, one spelling for each value, so that no bit of what is signed or signs can
// change unnoticed: decimal seconds without sign or leading zero, lower-case hex, canonical base64. Of
// signatures, misspelt ones counted, the first LIMIT_SIGNATURES are read, and of these by Ed25519 the first
// LIMIT_SIGNATURES_PUBLIC verified; others are passed over. So is what is misspelt, as long as something is
// left to verify; and unknown schemes, which do not count.
//
// Threads: one at a time for each verifier. Memory: Ed25519 cannot be verified in pieces, so a verifier that
// may need it keeps the body, up to the ceiling given.
#ifndef VOX_WIRE_SIGNATURE_H
#define VOX_WIRE_SIGNATURE_H

#include "lib/base/buf.h"
#include "lib/base/clock.h"
#include "lib/base/uuid.h"
#include "lib/wire/crypto.h"
#include "lib/wire/event_text.h"
#include "lib/wire/limits.h"
#include "lib/wire/problem.h"
#include "lib/wire/signing_key.h"

#define SIGNATURE_ED25519_LEN 64
#define SIGNATURE_KEYS_MAX    2 // of one token that are active

enum signature_form { SIGNATURE_VOX, SIGNATURE_WEBHOOKS };

// As the request has them, trimmed; absent where not sent.
struct signature_headers {
    struct str vox;               // X-Vox-Telemetry-Signature
    struct str webhook_id;        // webhook-id
    struct str webhook_timestamp; // webhook-timestamp
    struct str webhook_signature; // webhook-signature
};

struct signature {
    enum signature_form form;
    int64_t at;         // unix seconds
    struct str at_text; // as sent
    struct str kid;     // VOX
    struct str id;      // WEBHOOKS
    unsigned mac_count;
    uint8_t macs[LIMIT_SIGNATURES][SHA256_LEN];
    unsigned signed_count;
    uint8_t ed25519[LIMIT_SIGNATURES_PUBLIC][SIGNATURE_ED25519_LEN];
};

// Is one of the two forms there at all? A webhook-id alone is an event's id and no signature.
bool signature_is_present(const struct signature_headers *headers);
// signature_malformed if the time, the key id or the event's id is missing or misspelt, if all signatures
// are, or if both forms are there; signature_invalid if there are only unknown schemes. The views point into
// the headers.
MUST_CHECK enum problem signature_parse(const struct signature_headers *headers,
                                        struct signature *ret_signature);
// signature_stale if its time is more than LIMIT_SIGNATURE_SKEW_SEC from now, either way.
MUST_CHECK enum problem signature_fresh(const struct signature *signature, int64_t now_us);

// The functions' own; here so that a request can hold it in its memory.
struct signature_verifier {
    const struct signature *signature;
    const struct signing_key *keys[SIGNATURE_KEYS_MAX];
    size_t key_count;
    struct sha256_state macs[SIGNATURE_KEYS_MAX]; // of the HMAC keys
    bool names;
    struct sha256_state named; // of a keyless event's id
    bool keeps;                // for Ed25519
    struct buf kept;
    bool hashed;                   // the HMACs are looked at
    bool made[SIGNATURE_KEYS_MAX]; // by which of the keys; of public ones the first that fits
    bool same;                     // by any
    size_t tried;                  // of the pairs of key and Ed25519 signature
};

// The signature and the keys are used until it is released. `body_ceiling`: of a body kept for Ed25519; what
// is longer is not verified. `name` is the kid that a keyless event's id is made of; absent: none.
void signature_verifier_init(struct signature_verifier *verifier, const struct signature *signature,
                             const struct signing_key *const *keys, size_t count, size_t body_ceiling,
                             struct str name);
void signature_verifier_update(struct signature_verifier *verifier, struct str bytes);
// Does a part of the work, at most one verification by Ed25519, which takes about 3 ms for each MiB of body.
// True: nothing is left. For whom that is too long at once: others' turn, then again.
bool signature_verifier_step(struct signature_verifier *verifier);
// Does what is left. signature_invalid if no key made any of the signatures; overloaded if memory ran out.
// Once. Where a `name` was given `*ret_id` is the UUIDv8 of SHA-256(name "\n" t "\n" raw body), the same for
// each replay.
MUST_CHECK enum problem signature_verifier_finish(struct signature_verifier *verifier, struct uuid *ret_id);
void signature_verifier_release(struct signature_verifier *verifier);
// After signature_verifier_finish() found none wrong, released or not: the keys that made one of the
// signatures, all that are secret and at most one that is public. Returns how many.
size_t signature_verifier_makers(const struct signature_verifier *verifier,
                                 const struct signing_key *ret_keys[static SIGNATURE_KEYS_MAX]);

// Header values for a request of our own, NUL-terminated; `key` is a secret.
#define SIGNATURE_VOX_TEXT_MAX     128
#define SIGNATURE_WEBHOOK_TEXT_MAX 64
void signature_make_vox(const struct signing_key *key, struct str kid, int64_t at, struct str body,
                        char ret_text[static SIGNATURE_VOX_TEXT_MAX]);
void signature_make_webhook(const struct signing_key *key, struct str id, int64_t at, struct str body,
                            char ret_text[static SIGNATURE_WEBHOOK_TEXT_MAX]);

#endif
