// SPDX-License-Identifier: Apache-2.0
// Rows of the store made into what the gate and the judge use.
#include "server/catalog/load.h"

#include "lib/base/log.h"
#include "server/store/admin.h"
#include "server/store/catalog.h"
#include "server/store/tokens.h"

#include <sodium.h>

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
        .quarantine = str_eq(row->on_invalid, STR("quarantine")),
        .expires_at = row->expires_at,
        .rate_milli = row->rate_milli,
        .burst = row->burst,
        .quota_events = row->quota_events,
        .quota_bytes = row->quota_bytes,
        .used_on = row->used_on,
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
    if (!signature_policy_parse(row->signature, &token.signature))
        token.signature = SIGNATURE_REQUIRED; // a stricter word of a later sink
    return token;
}

static bool keys_same(const struct token *a, const struct token *b)
{
    bool same = a->key_count == b->key_count;
    for (size_t i = 0; same && i < a->key_count; i++)
        same = memcmp(a->keys[i].key.kid, b->keys[i].key.kid, SIGNING_KID_LEN) == 0 &&
               a->keys[i].not_after == b->keys[i].not_after && a->keys[i].key.len == b->keys[i].key.len;
    return same;
}

// What was used of a quota is no change: it would make every load of a busy sink one.
static bool token_same(const struct token *a, const struct token *b)
{
    return a->id == b->id && a->project_id == b->project_id && a->scopes == b->scopes &&
           a->max_class == b->max_class && a->revoked == b->revoked && a->quarantine == b->quarantine &&
           a->expires_at == b->expires_at && a->rate_milli == b->rate_milli && a->burst == b->burst &&
           a->quota_events == b->quota_events && a->quota_bytes == b->quota_bytes &&
           a->signature == b->signature && (a->contracts.ptr == NULL) == (b->contracts.ptr == NULL) &&
           str_eq(a->contracts, b->contracts) && keys_same(a, b) && memcmp(a->hash, b->hash, SHA256_LEN) == 0;
}

// What a load reads, and what it makes the table of.
struct reading {
    struct arena arena;
    struct token_row *rows;
    size_t count;
    struct token_key_row *key_rows;
    size_t key_count;
    struct token *tokens;
    struct gate_key *keys;
    char *text;
};

// Tokens first: a key without its token is left out, a token made later is read by the next load.
static bool read_rows(struct reading *r, struct db *db, struct err *err)
{
    return store_token_list(db, &r->arena, &r->rows, &r->count, err) &&
           store_token_key_list(db, true, &r->arena, &r->key_rows, &r->key_count, err);
}

static bool take_memory(struct reading *r, struct err *err)
{
    size_t bytes = 1;
    for (size_t i = 0; i < r->count; i++)
        bytes += r->rows[i].contracts.len;
    r->tokens = calloc(r->count + 1, sizeof(*r->tokens));
    r->text = malloc(bytes);
    r->keys = r->key_count ? sodium_allocarray(r->key_count, sizeof(*r->keys)) : NULL;
    return (r->tokens && r->text && (r->keys || !r->key_count)) ||
           err_set(err, "out of memory for %zu tokens", r->count);
}

static const struct gate_key *known_key(const struct token *before, struct str kid)
{
    for (size_t i = 0; before && i < before->key_count; i++)
        if (before->keys[i].key.len && str_eq(kid, str_slice(before->keys[i].key.kid, SIGNING_KID_LEN)))
            return &before->keys[i];
    return NULL;
}

static struct gate_key *fill_key(struct gate_key *k, const struct token_key_row *row,
                                 const struct token *before, const struct master_key *master)
{
    const struct gate_key *known = known_key(before, row->kid);
    BUG_ON(row->kid.len != SIGNING_KID_LEN); // a check constraint of the table
    memset(k, 0, sizeof(*k));
    k->not_after = row->not_after;
    k->key.kind = row->is_public ? SIGNING_ED25519 : SIGNING_HMAC;
    memcpy(k->key.kid, row->kid.ptr, SIGNING_KID_LEN);
    if (row->is_public) {
        memcpy(k->key.bytes, row->public_key, SIGNING_PUBLIC_LEN);
        k->key.len = SIGNING_PUBLIC_LEN;
    } else if (known) {
        k->key = known->key;
    } else if (!master || !seal_open(master, row->token, row->sealed, &k->key)) {
        k->key.len = 0;
    }
    return k;
}

// Where the token's keys begin, or would: the rows are in the order of tokens.
static size_t first_key(const struct reading *r, int32_t token_id)
{
    size_t low = 0, high = r->key_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (r->key_rows[middle].token_id < token_id)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool may_sign(const struct token *token, int64_t now_us)
{
    return token->signature != SIGNATURE_OFF && !token->revoked && token->expires_at > now_us;
}

// Counts those that do not open.
static size_t give_keys(struct reading *r, struct token *token, const struct token *before,
                        const struct master_key *master)
{
    size_t locked = 0;
    for (size_t i = first_key(r, token->id); i < r->key_count && r->key_rows[i].token_id == token->id; i++) {
        struct gate_key *k = fill_key(&r->keys[i], &r->key_rows[i], before, master);
        if (token->key_count++ == 0)
            token->keys = k;
        locked += k->key.len == 0;
    }
    return locked;
}

static void give_contracts(struct token *token, struct str contracts, char **text)
{
    if (!contracts.ptr)
        return;
    memcpy(*text, contracts.ptr, contracts.len);
    token->contracts = str_slice(*text, contracts.len);
    *text += contracts.len;
}

static void fill(struct reading *r, const struct token_table *old, const struct master_key *master,
                 bool *ret_changed, size_t *ret_locked)
{
    bool changed = !old || token_table_count(old) != r->count;
    char *text = r->text;
    int64_t now_us = clock_wall_us(clock_system());
    *ret_locked = 0;
    for (size_t i = 0; i < r->count; i++) {
        BUG_ON(r->rows[i].key_id.len != TOKEN_KEY_ID_LEN); // a check constraint of the table
        const struct token *before = old ? token_table_find(old, r->rows[i].key_id) : NULL;
        struct token *token = &r->tokens[i];
        *token = token_from_row(&r->rows[i], before);
        give_contracts(token, r->rows[i].contracts, &text);
        size_t locked = give_keys(r, token, before, master);
        if (may_sign(token, now_us))
            *ret_locked += locked;
        changed = changed || !before || !token_same(before, token);
    }
    *ret_changed = changed;
}

bool load_tokens(struct db *db, const struct token_table *old, const struct master_key *master,
                 struct token_table **ret_tokens, bool *ret_changed, size_t *ret_locked, struct err *err)
{
    struct reading r = {0};
    struct token_table *table = NULL;
    bool changed;
    size_t locked;
    arena_init(&r.arena, 64 * 1024, LOAD_CEILING);
    bool ok = read_rows(&r, db, err) && take_memory(&r, err);
    if (ok) {
        fill(&r, old, master, &changed, &locked);
        table = token_table_new_with(r.tokens, r.count, r.keys, r.text);
        ok = table || err_set(err, "out of memory for %zu tokens", r.count);
    }
    if (ok) {
        *ret_tokens = table;
        *ret_changed = changed;
        *ret_locked = locked;
    } else {
        sodium_free(r.keys);
        free(r.text);
    }
    free(r.tokens);
    arena_release(&r.arena);
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

bool load_clock(struct db *db, const struct clock *clock, int64_t before, int64_t *ret_offset,
                struct err *err)
{
    int64_t asked = clock_mono_us(clock), told;
    if (!store_clock(db, &told, err))
        return false;
    int64_t least = told - clock_mono_us(clock), most = told - asked;
    *ret_offset = MAX(least, MIN(most, before));
    return true;
}
