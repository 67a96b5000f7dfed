// SPDX-License-Identifier: Apache-2.0
// Keys that requests are signed with, and their text.
//
// A shared secret (HMAC-SHA256) is `whsec_` and 24 to 64 bytes in base64; a public key (Ed25519) is `whpk_`
// and 32 bytes in base64: both as Standard Webhooks 1.0 spells them. The bytes that the base64 stands for are
// the key. A kid names a key in public: 10 characters of base62. Base64 is read strictly: padded, and no
// spare bits set. Secrets belong into locked memory; the caller wipes with sodium_memzero().
#ifndef VOX_WIRE_SIGNING_KEY_H
#define VOX_WIRE_SIGNING_KEY_H

#include "lib/base/str.h"

#define SIGNING_SECRET_MIN      24
#define SIGNING_SECRET_MAX      64
#define SIGNING_SECRET_NEW      32 // bytes of a secret that we make
#define SIGNING_SECRET_TEXT_MAX 96 // with its NUL
#define SIGNING_PUBLIC_LEN      32
#define SIGNING_PUBLIC_TEXT_LEN 49 // "whpk_" and 44, without NUL
#define SIGNING_KID_LEN         10

enum signing_kind { SIGNING_HMAC, SIGNING_ED25519 };

struct signing_key {
    enum signing_kind kind;
    char kid[SIGNING_KID_LEN];
    size_t len;
    uint8_t bytes[SIGNING_SECRET_MAX]; // the secret, or the public key
};

// The kid is left zero by both.
MUST_CHECK bool signing_secret_parse(struct str text, struct signing_key *ret_key);
// "whpk_…", its base64 alone, or a PEM "PUBLIC KEY" of Ed25519, with white space around.
MUST_CHECK bool signing_public_parse(struct str text, struct signing_key *ret_key);
// Fresh random secret.
void signing_secret_generate(struct signing_key *ret_key);
void signing_secret_format(const struct signing_key *key, char ret_text[static SIGNING_SECRET_TEXT_MAX]);
void signing_public_format(const struct signing_key *key, char ret_text[static SIGNING_PUBLIC_TEXT_LEN + 1]);
// Ten random characters, no NUL.
void signing_kid_generate(char ret_kid[static SIGNING_KID_LEN]);
// The form alone.
bool signing_kid_is(struct str text);

#endif
