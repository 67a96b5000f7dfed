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

static void describe(const struct contract_set *contracts, struct contract_row *ret_rows)
{
    for (size_t i = 0; i < contract_set_count(contracts); i++) {
        const struct contract *c = contract_set_at(contracts, i);
        ret_rows[i] = (struct contract_row){.name = c->name,
                                            .id = c->id,
                                            .version = (int32_t)c->version,
                                            .class_ = (int16_t)c->class_,
                                            .days = retention_days(&c->retention)};
        memcpy(ret_rows[i].schema_sha256, c->schema_sha256, SHA256_LEN);
    }
}

// A look comes first: it takes no lock, and nearly always that is all.
static bool agree(struct db *db, struct contract_row *rows, size_t count, bool may_write, struct err *err)
{
    bool same;
    if (!store_contracts_look(db, rows, count, &same, err))
        return false;
    if (!same && !may_write)
        return err_set(err, "the database does not know the contracts");
    return same || store_contracts_sync(db, rows, count, err);
}

bool told_fill(struct told *told, struct db *db, struct contract_set *set, bool may_write, struct err *err)
{
    size_t count = contract_set_count(set);
    struct contract_row *rows = calloc(count + 1, sizeof(*rows));
    int32_t *ids = calloc(count + 1, sizeof(*ids));
    bool ok = rows && ids ? true : err_set(err, "out of memory for the contracts");
    if (ok) {
        describe(set, rows);
        ok = agree(db, rows, count, may_write, err);
    }
    for (size_t i = 0; ok && i < count; i++)
        ids[i] = rows[i].ret_id;
    free(rows);
    if (!ok) {
        free(ids);
        return false;
    }
    told_clear(told);
    *told = (struct told){contract_set_ref(set), ids};
    return true;
}

bool told_copy(const struct told *told, const struct contract_set *set, int32_t **ret_ids, struct err *err)
{
    int32_t *ids = NULL;
    if (told->set == set) {
        size_t bytes = (contract_set_count(set) + 1) * sizeof(*ids);
        ids = malloc(bytes);
        if (!ids)
            return err_set(err, "out of memory for the contracts");
        memcpy(ids, told->ids, bytes);
    }
    *ret_ids = ids;
    return true;
}

void told_clear(struct told *told)
{
    contract_set_unref(told->set);
    free(told->ids);
    *told = (struct told){0};
}

static struct token token_from_row(const struct token_row *row, const struct token *before)
{
    struct token token = {
        .id = row->id,
        .project_id = row->project_id,
        .max_class = row->max_class,
        .revoked = row->revoked,
        .expires_at = row->expires_at,
        .rate_milli = row->rate_milli,
        .burst = row->burst,
        .quota_events = row->quota_events,
        .quota_bytes = row->quota_bytes,
        .used_events = row->used_events,
        .used_bytes = row->used_bytes,
    };
    memcpy(token.key_id, row->key_id.ptr, TOKEN_KEY_ID_LEN);
    memcpy(token.hash, row->hash, SHA256_LEN);
    if (!scopes_parse(row->scopes, &token.scopes)) {
        token.scopes = 0;
        if (!before || before->scopes) // else it was said already
            log_warn("a token's scopes are not known to this sink; it opens nothing",
                     LOG_STR("key_id", row->key_id));
    }
    return token;
}

// What was used of a quota is no change: it would make every load of a busy sink one.
static bool token_same(const struct token *a, const struct token *b)
{
    return a->id == b->id && a->project_id == b->project_id && a->scopes == b->scopes &&
           a->max_class == b->max_class && a->revoked == b->revoked && a->expires_at == b->expires_at &&
           a->rate_milli == b->rate_milli && a->burst == b->burst && a->quota_events == b->quota_events &&
           a->quota_bytes == b->quota_bytes && memcmp(a->hash, b->hash, SHA256_LEN) == 0;
}

static struct token_table *make_table(const struct token_row *rows, size_t count,
                                      const struct token_table *old, bool *ret_changed)
{
    struct token *tokens = calloc(count + 1, sizeof(*tokens));
    bool changed = !old || token_table_count(old) != count;
    for (size_t i = 0; tokens && i < count; i++) {
        BUG_ON(rows[i].key_id.len != TOKEN_KEY_ID_LEN); // a check constraint of the table
        const struct token *before = old ? token_table_find(old, rows[i].key_id) : NULL;
        tokens[i] = token_from_row(&rows[i], before);
        changed = changed || !before || !token_same(before, &tokens[i]);
    }
    struct token_table *table = tokens ? token_table_new(tokens, count) : NULL;
    free(tokens);
    if (table)
        *ret_changed = changed;
    return table;
}

bool load_tokens(struct db *db, const struct token_table *old, struct token_table **ret_tokens,
                 bool *ret_changed, struct err *err)
{
    struct arena arena;
    struct token_row *rows;
    size_t count;
    arena_init(&arena, 64 * 1024, LOAD_CEILING);
    bool ok = store_token_list(db, &arena, &rows, &count, err);
    if (ok) {
        struct token_table *table = make_table(rows, count, old, ret_changed);
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
