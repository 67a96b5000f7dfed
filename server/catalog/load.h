// SPDX-License-Identifier: Apache-2.0
// The catalog's reads: contracts told to the database, tokens and the open project taken from it.
#ifndef VOX_CATALOG_LOAD_H
#define VOX_CATALOG_LOAD_H

#include "server/catalog/catalog.h"
#include "server/store/db.h"

// Numbers for every contract of the set, malloc'ed, by contract index.
MUST_CHECK bool load_contract_ids(struct db *db, const struct contract_set *contracts, int32_t **ret_ids,
                                  struct err *err);
MUST_CHECK bool load_tokens(struct db *db, struct token_table **ret_tokens, struct err *err);
// `*ret_found` false: no project of that name yet.
MUST_CHECK bool load_open_project(struct db *db, const char *name, struct token *ret_token, bool *ret_found,
                                  struct err *err);

#endif
