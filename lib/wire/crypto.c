// SPDX-License-Identifier: Apache-2.0
// HMAC of RFC 2104 upon OpenSSL's SHA-256.
#include "lib/wire/crypto.h"

#include <sodium.h>

#define INNER_PAD 0x36
#define OUTER_PAD 0x5c

void sha256_begin(struct sha256_state *ret_state)
{
    (void)SHA256_Init(&ret_state->context);
}

void sha256_put(struct sha256_state *state, struct str bytes)
{
    if (bytes.len)
        (void)SHA256_Update(&state->context, bytes.ptr, bytes.len);
}

void sha256_end(struct sha256_state *state, uint8_t ret_digest[static SHA256_DIGEST_LENGTH])
{
    (void)SHA256_Final(ret_digest, &state->context);
}

static void begin_keyed(const uint8_t *key, size_t len, uint8_t pad, struct sha256_state *ret_state)
{
    uint8_t block[SHA256_CBLOCK] = {0};
    BUG_ON(len > HMAC_KEY_MAX);
    memcpy(block, key, len);
    for (size_t i = 0; i < sizeof(block); i++)
        block[i] ^= pad;
    sha256_begin(ret_state);
    sha256_put(ret_state, str_slice(block, sizeof(block)));
    sodium_memzero(block, sizeof(block));
}

void hmac_begin(const uint8_t *key, size_t len, struct sha256_state *ret_state)
{
    begin_keyed(key, len, INNER_PAD, ret_state);
}

void hmac_end(struct sha256_state *state, const uint8_t *key, size_t len,
              uint8_t ret_mac[static SHA256_DIGEST_LENGTH])
{
    uint8_t inner[SHA256_DIGEST_LENGTH];
    sha256_end(state, inner);
    begin_keyed(key, len, OUTER_PAD, state);
    sha256_put(state, str_slice(inner, sizeof(inner)));
    sha256_end(state, ret_mac);
    sodium_memzero(inner, sizeof(inner));
    sodium_memzero(state, sizeof(*state));
}
