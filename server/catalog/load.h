// SPDX-License-Identifier: Apache-2.0
// The catalog's reads: contracts told to the database, tokens and the open project taken from it.
#ifndef VOX_CATALOG_LOAD_H
#define VOX_CATALOG_LOAD_H

#include "server/catalog/catalog.h"
#include "server/store/db.h"

// The numbers that one connection's database has for the contracts of a set. Zeroed: none yet.
struct told {
    struct contract_set *set; // a reference
    int32_t *ids;             // by contract index
};

// Looks the set up and, if `may_write`, tells the database what it lacks. `told` stays as it was on failure.
MUST_CHECK bool told_fill(struct told *told, struct db *db, struct contract_set *set, bool may_write,
                          struct err *err);
// A copy of the numbers, malloc'ed; NULL if they are another set's.
MUST_CHECK bool told_copy(const struct told *told, const struct contract_set *set, int32_t **ret_ids,
                          struct err *err);
void told_clear(struct told *told);

// `old` may be NULL; `*ret_changed` says whether the new table differs from it. `*ret_locked` counts the
// signing keys that do not open under `master` (may be NULL), of tokens in use that have signatures on. A
// secret that the old table has is taken from there: a kid's secret never changes, and so a new master key
// harms nobody.
MUST_CHECK bool load_tokens(struct db *db, const struct token_table *old, const struct master_key *master,
                            struct token_table **ret_tokens, bool *ret_changed, size_t *ret_locked,
                            struct err *err);
// The database's wall clock less the monotonic one of `clock`, in microseconds. One answer tells it to a
// round trip; `before`, what was held so far, is kept as far as it agrees.
MUST_CHECK bool load_clock(struct db *db, const struct clock *clock, int64_t before, int64_t *ret_offset,
                           struct err *err);
// `*ret_found` false: no project of that name yet.
MUST_CHECK bool load_open_project(struct db *db, const char *name, struct token *ret_token, bool *ret_found,
                                  struct err *err);

#endif
