// SPDX-License-Identifier: Apache-2.0
// Verifies and makes signatures.
#include "lib/wire/signature.h"
#include "lib/wire/crypto.h"

#include <sodium.h>

static void mac_update(EVP_MAC_CTX **mac, struct str bytes)
{
    if (*mac && bytes.len && EVP_MAC_update(*mac, (const unsigned char *)bytes.ptr, bytes.len) != 1) {
        EVP_MAC_CTX_free(*mac);
        *mac = NULL;
    }
}

static bool mac_finish(EVP_MAC_CTX *mac, uint8_t ret_mac[static SHA256_LEN])
{
    size_t len;
    return mac && EVP_MAC_final(mac, ret_mac, &len, SHA256_LEN) == 1 && len == SHA256_LEN;
}

// What stands before the body in what is signed, piece by piece.
static void put_head(void (*put)(void *context, struct str bytes), void *context, bool vox, struct str id,
                     struct str at)
{
    if (!vox) {
        put(context, id);
        put(context, STR("."));
    }
    put(context, at);
    put(context, vox ? STR("\n") : STR("."));
}

struct signature_verifier {
    const struct signature *signature;
    const struct signing_key *keys[SIGNATURE_KEYS_MAX];
    size_t key_count;
    EVP_MAC_CTX *macs[SIGNATURE_KEYS_MAX]; // NULL: not an HMAC key
    EVP_MD_CTX *named;                     // of a keyless event's id
    bool keeps;                            // for Ed25519
    bool failed;                           // memory
    struct buf kept;
};

static void feed(void *context, struct str bytes)
{
    struct signature_verifier *v = context;
    for (size_t i = 0; i < v->key_count; i++) {
        bool had = v->macs[i] != NULL;
        mac_update(&v->macs[i], bytes);
        v->failed = v->failed || (had && !v->macs[i]);
    }
    if (v->named && bytes.len && EVP_DigestUpdate(v->named, bytes.ptr, bytes.len) != 1)
        v->failed = true;
    if (v->keeps)
        buf_put_str(&v->kept, bytes);
}

static void begin_named(struct signature_verifier *v, struct str name)
{
    const EVP_MD *sha256 = crypto_sha256();
    v->named = EVP_MD_CTX_new();
    v->failed = v->failed || !v->named || !sha256 || EVP_DigestInit_ex(v->named, sha256, NULL) != 1 ||
                EVP_DigestUpdate(v->named, name.ptr, name.len) != 1 ||
                EVP_DigestUpdate(v->named, "\n", 1) != 1;
}

struct signature_verifier *signature_verifier_new(const struct signature *signature,
                                                  const struct signing_key *const *keys, size_t count,
                                                  size_t body_ceiling, struct str name)
{
    struct signature_verifier *v = calloc(1, sizeof(*v));
    if (!v)
        return NULL;
    v->signature = signature;
    buf_init(&v->kept, body_ceiling + LIMIT_EVENT_ID_TEXT + 64);
    for (size_t i = 0; i < count && v->key_count < SIGNATURE_KEYS_MAX; i++) {
        bool mac = keys[i]->kind == SIGNING_HMAC;
        if ((mac ? signature->mac_count : signature->signed_count) == 0)
            continue;
        if (mac) {
            v->macs[v->key_count] = crypto_hmac_new(keys[i]->bytes, keys[i]->len);
            v->failed = v->failed || !v->macs[v->key_count];
        }
        v->keeps = v->keeps || !mac;
        v->keys[v->key_count++] = keys[i];
    }
    if (name.ptr)
        begin_named(v, name);
    put_head(feed, v, signature->form == SIGNATURE_VOX, signature->id, signature->at_text);
    if (!v->failed)
        return v;
    signature_verifier_free(v);
    return NULL;
}

void signature_verifier_update(struct signature_verifier *v, struct str bytes)
{
    feed(v, bytes);
}

// The same work whichever of the signatures is the right one.
static bool matches_mac(const struct signature *s, const uint8_t mac[static SHA256_LEN])
{
    bool same = false;
    for (unsigned i = 0; i < s->mac_count; i++)
        same |= sodium_memcmp(s->macs[i], mac, SHA256_LEN) == 0;
    return same;
}

static bool matches_public(const struct signature_verifier *v, const struct signing_key *key)
{
    const struct signature *s = v->signature;
    bool same = false;
    for (unsigned i = 0; i < s->signed_count; i++)
        same |= crypto_sign_verify_detached(s->ed25519[i], (const unsigned char *)v->kept.ptr, v->kept.len,
                                            key->bytes) == 0;
    return same;
}

enum problem signature_verifier_finish(struct signature_verifier *v, struct uuid *ret_id)
{
    bool same = false;
    uint8_t digest[SHA256_LEN];
    if (v->failed || (v->keeps && !buf_ok(&v->kept)))
        return PROBLEM_overloaded;
    for (size_t i = 0; i < v->key_count; i++) {
        if (v->keys[i]->kind == SIGNING_ED25519) {
            same |= matches_public(v, v->keys[i]);
            continue;
        }
        if (!mac_finish(v->macs[i], digest))
            return PROBLEM_overloaded;
        same |= matches_mac(v->signature, digest);
        sodium_memzero(digest, sizeof(digest));
    }
    if (!same)
        return PROBLEM_signature_invalid;
    if (v->named) {
        if (EVP_DigestFinal_ex(v->named, digest, NULL) != 1)
            return PROBLEM_overloaded;
        *ret_id = uuid_v8(digest);
    }
    return PROBLEM_NONE;
}

void signature_verifier_free(struct signature_verifier *v)
{
    if (!v)
        return;
    for (size_t i = 0; i < v->key_count; i++)
        EVP_MAC_CTX_free(v->macs[i]);
    EVP_MD_CTX_free(v->named);
    buf_release(&v->kept);
    free(v);
}

static void feed_mac(void *context, struct str bytes)
{
    mac_update(context, bytes);
}

static bool make_mac(const struct signing_key *key, bool vox, struct str id, int64_t at, struct str body,
                     uint8_t ret_mac[static SHA256_LEN])
{
    char seconds[24];
    BUG_ON(key->kind != SIGNING_HMAC);
    snprintf(seconds, sizeof(seconds), "%lld", (long long)at);
    EVP_MAC_CTX *mac = crypto_hmac_new(key->bytes, key->len);
    put_head(feed_mac, &mac, vox, id, str_from(seconds));
    feed_mac(&mac, body);
    bool ok = mac_finish(mac, ret_mac);
    EVP_MAC_CTX_free(mac);
    return ok;
}

bool signature_make_vox(const struct signing_key *key, struct str kid, int64_t at, struct str body,
                        char ret_text[static SIGNATURE_VOX_TEXT_MAX])
{
    uint8_t mac[SHA256_LEN];
    char hex[SHA256_HEX_LEN + 1];
    if (!make_mac(key, true, STR_NULL, at, body, mac))
        return false;
    sha256_hex(mac, hex);
    snprintf(ret_text, SIGNATURE_VOX_TEXT_MAX, "t=%lld,kid=%.*s,v1=%s", (long long)at, STR_FMT(kid), hex);
    return true;
}

bool signature_make_webhook(const struct signing_key *key, struct str id, int64_t at, struct str body,
                            char ret_text[static SIGNATURE_WEBHOOK_TEXT_MAX])
{
    uint8_t mac[SHA256_LEN];
    if (!make_mac(key, false, id, at, body, mac))
        return false;
    memcpy(ret_text, "v1,", 3);
    sodium_bin2base64(ret_text + 3, SIGNATURE_WEBHOOK_TEXT_MAX - 3, mac, sizeof(mac),
                      sodium_base64_VARIANT_ORIGINAL);
    return true;
}
