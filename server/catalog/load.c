// SPDX-License-Identifier: Apache-2.0
// Rows of the store made into what the gate and the judge use.
#include "server/catalog/load.h"

#include "lib/base/log.h"
#include "server/store/admin.h"
#include "server/store/catalog.h"

#define LOAD_CEILING ((size_t)256 * 1024 * 1024) // about a million tokens

// What contract_row.days says of a retention (store/catalog.h).
static int32_t retention_days(const struct retention *retention)
{
    switch (retention->kind) {
    case RETENTION_DAYS:
    case RETENTION_WITH_PARENT:
        return retention->days;
    case RETENTION_EXPIRES_LT_NOW:
        return -1;
    case RETENTION_KEEP_FOREVER:
    case RETENTION_MANUAL:
        return 0;
    default:
        BUG("unknown retention kind");
    }
}

bool load_contract_ids(struct db *db, const struct contract_set *contracts, int32_t **ret_ids,
                       struct err *err)
{
    size_t count = contract_set_count(contracts);
    struct contract_row *rows = calloc(count + 1, sizeof(*rows));
    int32_t *ids = calloc(count + 1, sizeof(*ids));
    if (!rows || !ids) {
        free(rows);
        free(ids);
        return err_set(err, "out of memory for the contracts");
    }
    for (size_t i = 0; i < count; i++) {
        const struct contract *c = contract_set_at(contracts, i);
        rows[i] = (struct contract_row){.name = c->name,
                                        .id = c->id,
                                        .version = (int32_t)c->version,
                                        .class_ = (int16_t)c->class_,
                                        .days = retention_days(&c->retention)};
        memcpy(rows[i].schema_sha256, c->schema_sha256, SHA256_LEN);
    }
    bool ok = store_contracts_sync(db, rows, count, err);
    for (size_t i = 0; ok && i < count; i++)
        ids[i] = rows[i].ret_id;
    free(rows);
    if (ok)
        *ret_ids = ids;
    else
        free(ids);
    return ok;
}

static struct token token_from_row(const struct token_row *row)
{
    struct token token = {
        .id = row->id,
        .project_id = row->project_id,
        .max_class = row->max_class,
        .revoked = row->revoked,
        .expires_at = row->expires_at,
    };
    BUG_ON(row->key_id.len != TOKEN_KEY_ID_LEN); // a check constraint of the table
    memcpy(token.key_id, row->key_id.ptr, TOKEN_KEY_ID_LEN);
    memcpy(token.hash, row->hash, SHA256_LEN);
    if (!scopes_parse(row->scopes, &token.scopes))
        log_warn("a token's scopes are not known to this sink; it opens nothing",
                 LOG_STR("key_id", row->key_id));
    return token;
}

bool load_tokens(struct db *db, struct token_table **ret_tokens, struct err *err)
{
    struct arena arena;
    struct token_row *rows;
    size_t count;
    arena_init(&arena, 64 * 1024, LOAD_CEILING);
    bool ok = store_token_list(db, &arena, &rows, &count, err);
    if (ok) {
        struct token *tokens = calloc(count + 1, sizeof(*tokens));
        for (size_t i = 0; tokens && i < count; i++)
            tokens[i] = token_from_row(&rows[i]);
        struct token_table *table = tokens ? token_table_new(tokens, count) : NULL;
        free(tokens);
        ok = table ? true : err_set(err, "out of memory for %zu tokens", count);
        if (ok)
            *ret_tokens = table;
    }
    arena_release(&arena);
    return ok;
}

bool load_open_project(struct db *db, const char *name, struct token *ret_token, bool *ret_found,
                       struct err *err)
{
    struct arena arena;
    struct project_row *rows;
    size_t count;
    arena_init(&arena, 16 * 1024, LOAD_CEILING);
    bool ok = store_project_list(db, &arena, &rows, &count, err);
    *ret_found = false;
    for (size_t i = 0; ok && i < count; i++) {
        if (!str_eq(rows[i].name, str_from(name)))
            continue;
        *ret_found = true;
        *ret_token = (struct token){.project_id = rows[i].id,
                                    .max_class = rows[i].max_class,
                                    .scopes = SCOPE_INGEST,
                                    .expires_at = INT64_MAX};
    }
    arena_release(&arena);
    return ok;
}
