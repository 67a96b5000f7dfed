// SPDX-License-Identifier: Apache-2.0
// SHA-256 and HMAC-SHA256 in pieces, by the processor's instructions and without memory of their own.
//
// begin, put as often as there is something, end. These are OpenSSL's low-level functions: its newer
// interface, and libsodium, reach the same code or slower code by way of allocations, look-ups and reference
// counts that cost several times what a short text does. They cannot fail and need no setup; OpenSSL calls
// them deprecated, its releases up to now have them all. The caller wipes an HMAC's state that is not ended.
#ifndef VOX_WIRE_CRYPTO_H
#define VOX_WIRE_CRYPTO_H

#include "lib/base/str.h"

#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/sha.h>

#define HMAC_KEY_MAX SHA256_CBLOCK

struct sha256_state {
    SHA256_CTX context;
};

void sha256_begin(struct sha256_state *ret_state);
void sha256_put(struct sha256_state *state, struct str bytes);
void sha256_end(struct sha256_state *state, uint8_t ret_digest[static SHA256_DIGEST_LENGTH]);

// The key is at most HMAC_KEY_MAX long and the same for both; ending wipes the state.
void hmac_begin(const uint8_t *key, size_t len, struct sha256_state *ret_state);
void hmac_end(struct sha256_state *state, const uint8_t *key, size_t len,
              uint8_t ret_mac[static SHA256_DIGEST_LENGTH]);

#endif
