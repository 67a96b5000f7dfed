// SPDX-License-Identifier: Apache-2.0
// Steps on signing keys inside somebody's transaction. For server/store only; tokens.h is for the others.
#ifndef VOX_STORE_TOKEN_KEYS_H
#define VOX_STORE_TOKEN_KEYS_H

#include "server/store/tokens.h"

// Holds the token's row until the transaction ends; refused where TOKEN_KEYS_ACTIVE are.
MUST_CHECK bool token_key_insert(struct db *db, struct str key_id, const struct token_key_row *key,
                                 int64_t deadline, struct err *err);
// Keys of the token that still verify.
MUST_CHECK bool token_key_count(struct db *db, struct str key_id, int64_t deadline, int64_t *ret_active,
                                struct err *err);

#endif
