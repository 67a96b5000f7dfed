// SPDX-License-Identifier: Apache-2.0
// Verifies and makes signatures.
#include "lib/wire/signature.h"

#include <sodium.h>

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

static void feed(void *context, struct str bytes)
{
    struct signature_verifier *v = context;
    for (size_t i = 0; i < v->key_count; i++)
        if (v->keys[i]->kind == SIGNING_HMAC)
            sha256_put(&v->macs[i], bytes);
    if (v->names)
        sha256_put(&v->named, bytes);
    if (v->keeps)
        buf_put_str(&v->kept, bytes);
}

static void begin_named(struct signature_verifier *v, struct str name)
{
    v->names = true;
    sha256_begin(&v->named);
    sha256_put(&v->named, name);
    sha256_put(&v->named, STR("\n"));
}

void signature_verifier_init(struct signature_verifier *v, const struct signature *signature,
                             const struct signing_key *const *keys, size_t count, size_t body_ceiling,
                             struct str name)
{
    v->signature = signature;
    v->key_count = v->tried = 0;
    v->names = v->keeps = v->hashed = v->same = false;
    memset(v->made, 0, sizeof(v->made));
    buf_init(&v->kept, body_ceiling + LIMIT_EVENT_ID_TEXT + 64);
    for (size_t i = 0; i < count && v->key_count < SIGNATURE_KEYS_MAX; i++) {
        bool mac = keys[i]->kind == SIGNING_HMAC;
        if ((mac ? signature->mac_count : signature->signed_count) == 0)
            continue;
        if (mac)
            hmac_begin(keys[i]->bytes, keys[i]->len, &v->macs[v->key_count]);
        v->keeps = v->keeps || !mac;
        v->keys[v->key_count++] = keys[i];
    }
    if (name.ptr)
        begin_named(v, name);
    put_head(feed, v, signature->form == SIGNATURE_VOX, signature->id, signature->at_text);
}

void signature_verifier_update(struct signature_verifier *v, struct str bytes)
{
    feed(v, bytes);
}

// The same work whichever of the signatures and keys is the right one.
static bool matches_secret(struct signature_verifier *v)
{
    const struct signature *s = v->signature;
    uint8_t mac[SHA256_LEN];
    bool same = false;
    for (size_t i = 0; i < v->key_count; i++) {
        const struct signing_key *key = v->keys[i];
        if (key->kind != SIGNING_HMAC)
            continue;
        hmac_end(&v->macs[i], key->bytes, key->len, mac);
        for (unsigned j = 0; j < s->mac_count; j++)
            v->made[i] |= crypto_verify_32(s->macs[j], mac) == 0;
        same |= v->made[i];
    }
    sodium_memzero(mac, sizeof(mac));
    return same;
}

// Nothing of this is secret: the first that fits is enough. Each signature with each key, one pair at a time.
bool signature_verifier_step(struct signature_verifier *v)
{
    const struct signature *s = v->signature;
    const size_t pairs = v->key_count * s->signed_count;
    if (!buf_ok(&v->kept))
        return true;
    if (!v->hashed)
        v->same = matches_secret(v);
    v->hashed = true;
    while (!v->same && v->tried < pairs) {
        const size_t i = v->tried / s->signed_count;
        const struct signing_key *key = v->keys[i];
        const uint8_t *signature = s->ed25519[v->tried++ % s->signed_count];
        if (key->kind != SIGNING_ED25519)
            continue;
        v->same = crypto_sign_verify_detached(signature, (const unsigned char *)v->kept.ptr, v->kept.len,
                                              key->bytes) == 0;
        v->made[i] = v->same;
        break;
    }
    return v->same || v->tried == pairs;
}

enum problem signature_verifier_finish(struct signature_verifier *v, struct uuid *ret_id)
{
    uint8_t digest[SHA256_LEN];
    while (!signature_verifier_step(v))
        ;
    if (!buf_ok(&v->kept))
        return PROBLEM_overloaded;
    if (!v->same)
        return PROBLEM_signature_invalid;
    if (v->names) {
        sha256_end(&v->named, digest);
        *ret_id = uuid_v8(digest);
    }
    return PROBLEM_NONE;
}

size_t signature_verifier_makers(const struct signature_verifier *v,
                                 const struct signing_key *ret_keys[static SIGNATURE_KEYS_MAX])
{
    size_t count = 0;
    for (size_t i = 0; i < v->key_count; i++)
        if (v->made[i])
            ret_keys[count++] = v->keys[i];
    return count;
}

// An HMAC that was ended is wiped already.
void signature_verifier_release(struct signature_verifier *v)
{
    if (!v->hashed)
        sodium_memzero(v->macs, sizeof(v->macs));
    buf_release(&v->kept);
}

static void feed_mac(void *context, struct str bytes)
{
    sha256_put(context, bytes);
}

static void make_mac(const struct signing_key *key, bool vox, struct str id, int64_t at, struct str body,
                     uint8_t ret_mac[static SHA256_LEN])
{
    char seconds[24];
    struct sha256_state mac;
    BUG_ON(key->kind != SIGNING_HMAC);
    snprintf(seconds, sizeof(seconds), "%lld", (long long)at);
    hmac_begin(key->bytes, key->len, &mac);
    put_head(feed_mac, &mac, vox, id, str_from(seconds));
    sha256_put(&mac, body);
    hmac_end(&mac, key->bytes, key->len, ret_mac);
}

void signature_make_vox(const struct signing_key *key, struct str kid, int64_t at, struct str body,
                        char ret_text[static SIGNATURE_VOX_TEXT_MAX])
{
    uint8_t mac[SHA256_LEN];
    char hex[SHA256_HEX_LEN + 1];
    make_mac(key, true, STR_NULL, at, body, mac);
    sha256_hex(mac, hex);
    snprintf(ret_text, SIGNATURE_VOX_TEXT_MAX, "t=%lld,kid=%.*s,v1=%s", (long long)at, STR_FMT(kid), hex);
}

void signature_make_webhook(const struct signing_key *key, struct str id, int64_t at, struct str body,
                            char ret_text[static SIGNATURE_WEBHOOK_TEXT_MAX])
{
    uint8_t mac[SHA256_LEN];
    make_mac(key, false, id, at, body, mac);
    memcpy(ret_text, "v1,", 3);
    sodium_bin2base64(ret_text + 3, SIGNATURE_WEBHOOK_TEXT_MAX - 3, mac, sizeof(mac),
                      sodium_base64_VARIANT_ORIGINAL);
}
