// SPDX-License-Identifier: Apache-2.0
// The gate: does this bearer token let this request in?
//
// A token_table is an immutable snapshot of all tokens, made by the catalog from rows and looked up by the
// public key id. gate_check() parses the Authorization header (RFC 6750), checks the checksum before anything
// else, compares the secret's hash in constant time, and tells unknown, revoked and expired apart to nobody:
// all are token_invalid. Threads: a table is read-only and may be shared.
#ifndef VOX_GATE_GATE_H
#define VOX_GATE_GATE_H

#include "lib/base/err.h"
#include "lib/wire/problem.h"
#include "lib/wire/signing_key.h"
#include "lib/wire/token.h"

enum scope { SCOPE_INGEST = 1 << 0, SCOPE_READ = 1 << 1, SCOPE_ADMIN = 1 << 2 };

enum signature_policy { SIGNATURE_OFF, SIGNATURE_OPTIONAL, SIGNATURE_REQUIRED };

struct gate_key {
    struct signing_key key; // len 0: it cannot be opened here
    int64_t not_after;      // wall microseconds; INT64_MAX: no end
};

struct token {
    int32_t id;
    int32_t project_id;
    char key_id[TOKEN_KEY_ID_LEN];
    uint8_t hash[SHA256_LEN];
    unsigned scopes;   // enum scope, or-ed
    int16_t max_class; // the project's ceiling, 0..2
    bool revoked;
    bool quarantine;    // events that fail their schema are kept aside, not refused
    int64_t expires_at; // wall microseconds; INT64_MAX: never
    // Limits of its own; 0: the sink's default.
    int64_t rate_milli; // requests in 1,000 seconds
    int64_t burst;
    int64_t quota_events; // a day
    int64_t quota_bytes;
    // What of the quota of the day `used_on` (since 1970-01-01, the database's) was used, by all sinks, when
    // the table was made.
    int32_t used_on;
    int64_t used_events;
    int64_t used_bytes;
    enum signature_policy signature;
    struct str contracts; // "model-call,tool-run.v2": what it may send; absent: all
    const struct gate_key *keys;
    size_t key_count;
};

struct token_table;

// Copies the rows. NULL when memory is out.
MUST_CHECK struct token_table *token_table_new(const struct token *rows, size_t count);
// As above, and frees with the table what the rows point into: `keys` of sodium_malloc(), `text` of malloc();
// both may be NULL. On failure they are the caller's still.
MUST_CHECK struct token_table *token_table_new_with(const struct token *rows, size_t count,
                                                    struct gate_key *keys, char *text);
void token_table_free(struct token_table *table);
const struct token *token_table_find(const struct token_table *table, struct str key_id);
size_t token_table_count(const struct token_table *table);

// Any one of `needed_scopes` (or-ed) is enough. `header_count` is how many Authorization headers the request
// has. On PROBLEM_NONE `*ret_token` points into the table. `*ret_known_form` says whether a well-formed token
// was presented: only then can a refresh of the table help.
MUST_CHECK enum problem gate_check(const struct token_table *table, struct str authorization,
                                   unsigned header_count, unsigned needed_scopes, int64_t now_us,
                                   const struct token **ret_token, bool *ret_known_form);

// May the token send events of this contract ("model-call", "model-call.v1")?
bool token_allows(const struct token *token, struct str id, struct str name);

// "off", "optional" or "required".
MUST_CHECK bool signature_policy_parse(struct str text, enum signature_policy *ret_policy);

// "ingest,read" to flags; false on an unknown or empty name.
MUST_CHECK bool scopes_parse(struct str text, unsigned *ret_scopes);
// The flags as text, "ingest,read"; static.
const char *scopes_name(unsigned scopes);

#endif
