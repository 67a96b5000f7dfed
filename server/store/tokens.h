// SPDX-License-Identifier: Apache-2.0
// Changes of tokens and of their signing keys, one transaction each. Every change notifies the sinks.
//
// A secret comes sealed and with the check value of the master key that sealed it: what is sealed under
// another key than the database's is refused, and the first to come decides which that is. Errors are
// sentences for people, and name no secret.
#ifndef VOX_STORE_TOKENS_H
#define VOX_STORE_TOKENS_H

#include "server/store/admin.h"

#define TOKEN_KEY_CHECK_LEN  32
#define TOKEN_KEY_PUBLIC_LEN 32
#define TOKEN_KEYS_ACTIVE    2 // of one token

struct token_key_row {
    int32_t token_id;
    struct str token; // the token's key id
    struct str kid;
    bool is_public; // Ed25519; else HMAC
    uint8_t public_key[TOKEN_KEY_PUBLIC_LEN];
    struct str sealed;
    uint8_t key_check[TOKEN_KEY_CHECK_LEN]; // of what sealed it; not read back
    int64_t created_at;
    int64_t not_after; // wall microseconds: retired or ended; INT64_MAX: never
};

// Creates the project too (class S1) where it does not exist. `row` gives project (name), key_id, hash,
// scopes, label, expires_at, limits, contracts, signature and on_invalid (absent: off, reject). `key` (may be
// NULL): its first key.
MUST_CHECK bool store_token_create(struct db *db, const struct token_row *row,
                                   const struct token_key_row *key, struct err *err);
// `*ret_found` false if no token has that key id. Revoking twice is no error.
MUST_CHECK bool store_token_revoke(struct db *db, struct str key_id, bool *ret_found, struct err *err);

// What store_token_set() changes, or-ed.
enum token_field {
    TOKEN_LABEL = 1,
    TOKEN_CONTRACTS = 2,
    TOKEN_RATE = 4,
    TOKEN_BURST = 8,
    TOKEN_QUOTA_EVENTS = 16,
    TOKEN_QUOTA_BYTES = 32,
    TOKEN_SIGNATURE = 64,
    TOKEN_ON_INVALID = 128,
    TOKEN_EXPIRES = 256
};
// Of the token row->key_id. `key` (may be NULL) is added if the token has no active one; `*ret_added` says
// so.
MUST_CHECK bool store_token_set(struct db *db, const struct token_row *row, unsigned fields,
                                const struct token_key_row *key, bool *ret_added, struct err *err);
// A new token fresh->key_id with fresh->hash, everything else as the token `old` has it, a lifetime as long
// as was meant for it before any rotation; the old one ends after `overlap_us`. `keys` are the new one's,
// with kids of their own.
MUST_CHECK bool store_token_rotate(struct db *db, struct str old, const struct token_row *fresh,
                                   int64_t overlap_us, const struct token_key_row *keys, size_t key_count,
                                   struct err *err);

// Adds a key to the token key->token; refused where TOKEN_KEYS_ACTIVE are.
MUST_CHECK bool store_token_key_add(struct db *db, const struct token_key_row *key, struct err *err);
// Ends the key `kid` in `after_us`; 0: now. Refused for the last active key of a token that requires
// signatures.
MUST_CHECK bool store_token_key_retire(struct db *db, struct str kid, int64_t after_us, struct err *err);
// Rows in `arena`, by token and age; with `active` those that still verify.
MUST_CHECK bool store_token_key_list(struct db *db, bool active, struct arena *arena,
                                     struct token_key_row **ret_rows, size_t *ret_count, struct err *err);

// The check value of the master key that secrets are sealed under; `*ret_found` false: nothing was sealed
// yet.
MUST_CHECK bool store_master_key_check(struct db *db, uint8_t ret_check[static TOKEN_KEY_CHECK_LEN],
                                       bool *ret_found, struct err *err);
// Seals every secret anew: `reseal` is given each row and puts what it makes of row->sealed there, in
// `arena`. Rows of keys that have ended go. `old_check` NULL: the old key is lost, so all secrets end.
MUST_CHECK bool store_master_key_rotate(struct db *db, const uint8_t *old_check,
                                        const uint8_t new_check[static TOKEN_KEY_CHECK_LEN],
                                        bool (*reseal)(void *context, struct token_key_row *row,
                                                       struct arena *arena, struct err *err),
                                        void *context, size_t *ret_count, struct err *err);

#endif
