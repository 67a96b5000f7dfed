// SPDX-License-Identifier: Apache-2.0
// Text of signing keys.
#include "lib/wire/signing_key.h"
#include "lib/wire/base64.h"

#include <sodium.h>

#define SECRET_PREFIX "whsec_"
#define PUBLIC_PREFIX "whpk_"
#define PEM_BEGIN     "-----BEGIN PUBLIC KEY-----"
#define PEM_END       "-----END PUBLIC KEY-----"

// SubjectPublicKeyInfo of Ed25519 (RFC 8410) up to the key itself.
static const uint8_t spki[] = {0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00};

bool signing_secret_parse(struct str text, struct signing_key *ret_key)
{
    struct signing_key key = {.kind = SIGNING_HMAC};
    bool ok =
        str_starts(text, STR(SECRET_PREFIX)) &&
        base64_read(str_skip(text, sizeof(SECRET_PREFIX) - 1), key.bytes, sizeof(key.bytes), &key.len) &&
        key.len >= SIGNING_SECRET_MIN;
    if (ok)
        *ret_key = key;
    sodium_memzero(&key, sizeof(key));
    return ok;
}

// The base64 lines between PEM's two marks are one line of 60 characters for so short a key.
static bool from_pem(struct str text, struct signing_key *key)
{
    uint8_t der[sizeof(spki) + SIGNING_PUBLIC_LEN];
    size_t len;
    struct str inner = str_skip(text, sizeof(PEM_BEGIN) - 1);
    if (!str_ends(inner, STR(PEM_END)))
        return false;
    inner.len -= sizeof(PEM_END) - 1;
    if (!base64_read(str_trim(inner), der, sizeof(der), &len) || len != sizeof(der) ||
        memcmp(der, spki, sizeof(spki)) != 0)
        return false;
    memcpy(key->bytes, der + sizeof(spki), SIGNING_PUBLIC_LEN);
    key->len = SIGNING_PUBLIC_LEN;
    return true;
}

bool signing_public_parse(struct str text, struct signing_key *ret_key)
{
    struct signing_key key = {.kind = SIGNING_ED25519};
    text = str_trim(text);
    bool ok;
    if (str_starts(text, STR(PEM_BEGIN))) {
        ok = from_pem(text, &key);
    } else {
        if (str_starts(text, STR(PUBLIC_PREFIX)))
            text = str_skip(text, sizeof(PUBLIC_PREFIX) - 1);
        ok = base64_read(text, key.bytes, SIGNING_PUBLIC_LEN, &key.len) && key.len == SIGNING_PUBLIC_LEN;
    }
    if (ok)
        *ret_key = key;
    return ok;
}

void signing_secret_generate(struct signing_key *ret_key)
{
    memset(ret_key, 0, sizeof(*ret_key));
    ret_key->kind = SIGNING_HMAC;
    ret_key->len = SIGNING_SECRET_NEW;
    randombytes_buf(ret_key->bytes, ret_key->len);
}

void signing_secret_format(const struct signing_key *key, char ret_text[static SIGNING_SECRET_TEXT_MAX])
{
    const size_t prefix = sizeof(SECRET_PREFIX) - 1;
    BUG_ON(key->kind != SIGNING_HMAC || key->len > SIGNING_SECRET_MAX);
    memcpy(ret_text, SECRET_PREFIX, prefix);
    sodium_bin2base64(ret_text + prefix, SIGNING_SECRET_TEXT_MAX - prefix, key->bytes, key->len,
                      sodium_base64_VARIANT_ORIGINAL);
}

void signing_public_format(const struct signing_key *key, char ret_text[static SIGNING_PUBLIC_TEXT_LEN + 1])
{
    const size_t prefix = sizeof(PUBLIC_PREFIX) - 1;
    BUG_ON(key->kind != SIGNING_ED25519 || key->len != SIGNING_PUBLIC_LEN);
    memcpy(ret_text, PUBLIC_PREFIX, prefix);
    sodium_bin2base64(ret_text + prefix, SIGNING_PUBLIC_TEXT_LEN + 1 - prefix, key->bytes, key->len,
                      sodium_base64_VARIANT_ORIGINAL);
}

void signing_kid_generate(char ret_kid[static SIGNING_KID_LEN])
{
    static const char base62[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    for (size_t i = 0; i < SIGNING_KID_LEN; i++)
        ret_kid[i] = base62[randombytes_uniform(62)];
}

bool signing_kid_is(struct str text)
{
    for (size_t i = 0; i < text.len; i++)
        if (!char_is_digit(text.ptr[i]) && !char_is_alpha(text.ptr[i]))
            return false;
    return text.len == SIGNING_KID_LEN;
}
