// SPDX-License-Identifier: Apache-2.0
// Seals with libsodium.
#include "server/gate/seal.h"

#include "lib/wire/base64.h"

#include <sodium.h>

#define PREFIX    "vmk_"
#define VERSION   1
#define NONCE_LEN crypto_aead_xchacha20poly1305_ietf_NPUBBYTES
#define TAG_LEN   crypto_aead_xchacha20poly1305_ietf_ABYTES

struct master_key {
    uint8_t bytes[crypto_aead_xchacha20poly1305_ietf_KEYBYTES];
};

struct master_key *master_key_new(struct str text, struct err *err)
{
    size_t len = 0;
    struct master_key *key = sodium_malloc(sizeof(*key));
    if (!key) {
        (void)err_set(err, "no memory for the master key");
        return NULL;
    }
    if (str_starts(text, STR(PREFIX)) &&
        base64_read(str_skip(text, sizeof(PREFIX) - 1), key->bytes, sizeof(key->bytes), &len) &&
        len == sizeof(key->bytes)) {
        sodium_mprotect_readonly(key);
        return key;
    }
    sodium_free(key);
    (void)err_set(err,
                  "the master key is not of the form that vox-sink master-key create FILE makes (vmk_…)");
    return NULL;
}

void master_key_free(struct master_key *key)
{
    sodium_free(key);
}

void master_key_generate(char ret_text[static MASTER_KEY_TEXT_LEN + 1])
{
    const size_t prefix = sizeof(PREFIX) - 1;
    uint8_t bytes[crypto_aead_xchacha20poly1305_ietf_KEYBYTES];
    randombytes_buf(bytes, sizeof(bytes));
    memcpy(ret_text, PREFIX, prefix);
    sodium_bin2base64(ret_text + prefix, MASTER_KEY_TEXT_LEN + 1 - prefix, bytes, sizeof(bytes),
                      sodium_base64_VARIANT_ORIGINAL);
    sodium_memzero(bytes, sizeof(bytes));
}

void master_key_check(const struct master_key *key, uint8_t ret_check[static MASTER_KEY_CHECK_LEN])
{
    static const unsigned char text[] = "vox-sink master key check 1";
    crypto_generichash(ret_check, MASTER_KEY_CHECK_LEN, text, sizeof(text) - 1, key->bytes,
                       sizeof(key->bytes));
}

// What a sealed secret is bound to; both parts are of fixed length.
struct bound {
    uint8_t version;
    char kid[SIGNING_KID_LEN];
    char token_id[TOKEN_KEY_ID_LEN];
};

static struct bound bound_to(struct str token_id, const struct signing_key *key)
{
    struct bound bound = {.version = VERSION};
    BUG_ON(token_id.len != TOKEN_KEY_ID_LEN);
    memcpy(bound.kid, key->kid, SIGNING_KID_LEN);
    memcpy(bound.token_id, token_id.ptr, TOKEN_KEY_ID_LEN);
    return bound;
}

size_t seal_secret(const struct master_key *master, struct str token_id, const struct signing_key *key,
                   uint8_t ret_sealed[static SEALED_MAX])
{
    const struct bound bound = bound_to(token_id, key);
    unsigned long long len;
    BUG_ON(key->kind != SIGNING_HMAC || key->len > SIGNING_SECRET_MAX);
    ret_sealed[0] = VERSION;
    randombytes_buf(ret_sealed + 1, NONCE_LEN);
    crypto_aead_xchacha20poly1305_ietf_encrypt(ret_sealed + 1 + NONCE_LEN, &len, key->bytes, key->len,
                                               (const unsigned char *)&bound, sizeof(bound), NULL,
                                               ret_sealed + 1, master->bytes);
    return 1 + NONCE_LEN + (size_t)len;
}

bool seal_open(const struct master_key *master, struct str token_id, struct str sealed,
               struct signing_key *key)
{
    const struct bound bound = bound_to(token_id, key);
    const unsigned char *bytes = (const unsigned char *)sealed.ptr;
    unsigned long long len;
    if (sealed.len < 1 + NONCE_LEN + TAG_LEN + SIGNING_SECRET_MIN || sealed.len > SEALED_MAX ||
        bytes[0] != VERSION)
        return false;
    if (crypto_aead_xchacha20poly1305_ietf_decrypt(key->bytes, &len, NULL, bytes + 1 + NONCE_LEN,
                                                   sealed.len - 1 - NONCE_LEN, (const unsigned char *)&bound,
                                                   sizeof(bound), bytes + 1, master->bytes) != 0)
        return false;
    key->len = (size_t)len;
    return true;
}
