// SPDX-License-Identifier: Apache-2.0
// The master key, and secrets sealed under it.
//
// Its text is `vmk_` and 32 bytes in base64. All sinks of a database have the same one; the database has
// never seen it, only master_key_check(), a keyed hash by which a sink with another key is told so. A sealed
// secret is a byte 1, a nonce of 24 random bytes, and XChaCha20-Poly1305 of the secret, bound to the kid and
// to the token's key id: a row moved to another token does not open. Keys live in locked memory and are wiped
// by their free. Threads: a master key is read-only once made.
#ifndef VOX_GATE_SEAL_H
#define VOX_GATE_SEAL_H

#include "lib/base/err.h"
#include "lib/wire/signing_key.h"
#include "lib/wire/token.h"

#define MASTER_KEY_TEXT_LEN  48 // without NUL
#define MASTER_KEY_CHECK_LEN 32
#define SEALED_MAX           (1 + 24 + SIGNING_SECRET_MAX + 16)

struct master_key;

// NULL with `err` if the text is none, or memory is out.
MUST_CHECK struct master_key *master_key_new(struct str text, struct err *err);
void master_key_free(struct master_key *key); // NULL is allowed
// Text of a fresh one, NUL-terminated. The caller wipes it.
void master_key_generate(char ret_text[static MASTER_KEY_TEXT_LEN + 1]);
void master_key_check(const struct master_key *key, uint8_t ret_check[static MASTER_KEY_CHECK_LEN]);

// `token_id` is the token's key id; `key` has its kid. Returns the bytes written.
size_t seal_secret(const struct master_key *master, struct str token_id, const struct signing_key *key,
                   uint8_t ret_sealed[static SEALED_MAX]);
// Fills bytes and length of `key`, whose kid is set. False if it was sealed otherwise.
MUST_CHECK bool seal_open(const struct master_key *master, struct str token_id, struct str sealed,
                          struct signing_key *key);

#endif
