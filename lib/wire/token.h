// SPDX-License-Identifier: Apache-2.0
// Token text: vts_<key id>_<secret>_<crc>.
//
// base62 (0-9A-Za-z): key id 10 characters, public, names the row; secret 32 characters (190 bits); crc 6
// characters, CRC-32 (IEEE 802.3) of everything before its underscore, so that a scanner or a typo is told
// without a look-up. The regular expression for secret scanners:
// vts_[0-9A-Za-z]{10}_[0-9A-Za-z]{32}_[0-9A-Za-z]{6}
#ifndef VOX_WIRE_TOKEN_H
#define VOX_WIRE_TOKEN_H

#include "lib/base/str.h"
#include "lib/wire/event_text.h"

#define TOKEN_KEY_ID_LEN 10
#define TOKEN_SECRET_LEN 32
#define TOKEN_CRC_LEN    6
#define TOKEN_TEXT_LEN   (4 + TOKEN_KEY_ID_LEN + 1 + TOKEN_SECRET_LEN + 1 + TOKEN_CRC_LEN)

// A fresh random token, NUL-terminated. The caller wipes it with sodium_memzero().
void token_generate(char ret_text[static TOKEN_TEXT_LEN + 1]);
// Form and checksum; on success the views point into `text`.
MUST_CHECK bool token_parse(struct str text, struct str *ret_key_id, struct str *ret_secret);
// What is stored in place of the secret: SHA-256 of key id, "_" and secret. The secret is random beyond
// guessing, so a slow password hash would only slow the sink.
void token_hash(struct str key_id, struct str secret, uint8_t ret_hash[static SHA256_LEN]);

#endif
