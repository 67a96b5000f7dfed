// SPDX-License-Identifier: Apache-2.0
// Projects, and tokens as they are: what the commands show and the catalog loads. Every change notifies the
// sinks; those of tokens are in tokens.h.
#ifndef VOX_STORE_ADMIN_H
#define VOX_STORE_ADMIN_H

#include "lib/base/arena.h"
#include "lib/wire/event_text.h"
#include "server/store/db.h"

struct project_row {
    int32_t id;
    struct str name;
    int16_t max_class; // 0..2
    int64_t created_at;
    int64_t tokens; // neither revoked nor expired
};

struct token_row {
    int32_t id;
    int32_t project_id;
    struct str project;
    struct str key_id;
    uint8_t hash[SHA256_LEN];
    struct str scopes; // "ingest,read"
    int16_t max_class; // the project's
    struct str label;  // absent where null
    int64_t created_at;
    int64_t expires_at; // wall microseconds, INT64_MAX: never
    bool revoked;
    // Limits of its own; 0: the sink's default.
    int64_t rate_milli; // requests in 1,000 seconds
    int64_t burst;
    int64_t quota_events; // a day
    int64_t quota_bytes;
    int32_t used_on;     // the database's day, since 1970-01-01
    int64_t used_events; // on it, where the token has a quota
    int64_t used_bytes;
    int64_t last_used_at;  // wall microseconds, INT64_MAX: never
    struct str contracts;  // "model-call,tool-run.v2"; absent: all
    struct str signature;  // "off", "optional", "required"
    struct str on_invalid; // "reject", "quarantine"
};

// False with `err` if the name exists (create) or does not (set), or the database fails.
MUST_CHECK bool store_project_create(struct db *db, struct str name, int16_t max_class, struct err *err);
MUST_CHECK bool store_project_set(struct db *db, struct str name, int16_t max_class, struct err *err);
// Whether there is one of that name.
MUST_CHECK bool store_project_exists(struct db *db, struct str name, bool *ret_exists, struct err *err);
// Rows in `arena`, by name.
MUST_CHECK bool store_project_list(struct db *db, struct arena *arena, struct project_row **ret_rows,
                                   size_t *ret_count, struct err *err);

struct token_use {
    int32_t token_id;
    int64_t at; // wall microseconds
};

// Writes down when tokens were last used; no sink is notified. Of one that stands there twice
// any counts.
MUST_CHECK bool store_token_note_use(struct db *db, const struct token_use *uses, size_t count,
                                     struct err *err);
// All tokens, revoked and expired too, by project and id.
MUST_CHECK bool store_token_list(struct db *db, struct arena *arena, struct token_row **ret_rows,
                                 size_t *ret_count, struct err *err);

#endif
