// SPDX-License-Identifier: Apache-2.0
// From an Authorization header to a token, or to the one answer for all that is not good.
#include "server/gate/gate.h"

#include "lib/wire/limits.h"

#include <sodium.h>

struct token_table {
    struct gate_key *keys; // in locked memory
    char *text;
    size_t count;
    struct token rows[]; // by key_id
};

static int by_key_id(const void *a, const void *b)
{
    const struct token *x = a, *y = b;
    return memcmp(x->key_id, y->key_id, TOKEN_KEY_ID_LEN);
}

struct token_table *token_table_new(const struct token *rows, size_t count)
{
    return token_table_new_with(rows, count, NULL, NULL);
}

struct token_table *token_table_new_with(const struct token *rows, size_t count, struct gate_key *keys,
                                         char *text)
{
    struct token_table *table = malloc(sizeof(*table) + count * sizeof(*rows));
    if (!table)
        return NULL;
    table->keys = keys;
    table->text = text;
    table->count = count;
    if (count) {
        memcpy(table->rows, rows, count * sizeof(*rows));
        qsort(table->rows, count, sizeof(*rows), by_key_id);
    }
    return table;
}

void token_table_free(struct token_table *table)
{
    if (!table)
        return;
    sodium_free(table->keys);
    free(table->text);
    free(table);
}

size_t token_table_count(const struct token_table *table)
{
    return table->count;
}

const struct token *token_table_find(const struct token_table *table, struct str key_id)
{
    if (key_id.len != TOKEN_KEY_ID_LEN)
        return NULL;
    size_t low = 0, high = table->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = memcmp(table->rows[middle].key_id, key_id.ptr, TOKEN_KEY_ID_LEN);
        if (order == 0)
            return &table->rows[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

// RFC 6750 section 2.1: "Bearer", any case, one or more spaces, then the token and nothing else.
static enum problem bearer_of(struct str header, struct str *ret_token)
{
    const struct str scheme = STR("bearer");
    if (header.len < scheme.len || !str_eq_nocase(str_slice(header.ptr, scheme.len), scheme))
        return PROBLEM_authorization_malformed;
    struct str rest = str_skip(header, scheme.len);
    if (!rest.len || rest.ptr[0] != ' ')
        return PROBLEM_authorization_malformed;
    rest = str_trim(rest);
    if (!rest.len || rest.len > LIMIT_TOKEN_TEXT)
        return rest.len ? PROBLEM_token_invalid : PROBLEM_authorization_malformed;
    *ret_token = rest;
    return PROBLEM_NONE;
}

// What has a token's form has no other characters; of the rest it says whether it is one bearer.
static bool is_bearer(struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (!char_is_alpha(c) && !char_is_digit(c) && !memchr("-._~+/=", c, 7))
            return false;
    }
    return true;
}

enum problem gate_check(const struct token_table *table, struct str authorization, unsigned header_count,
                        unsigned needed_scopes, int64_t now_us, const struct token **ret_token,
                        bool *ret_known_form)
{
    static const struct token
        nobody; // compared against when the key id is unknown, so that the work is the same
    struct str text, key_id, secret;
    *ret_known_form = false;
    if (header_count == 0)
        return PROBLEM_token_missing;
    if (header_count > 1)
        return PROBLEM_authorization_malformed;
    enum problem problem = bearer_of(authorization, &text);
    if (problem)
        return problem;
    if (!token_parse(text, &key_id, &secret))
        return is_bearer(text) ? PROBLEM_token_invalid : PROBLEM_authorization_malformed;
    *ret_known_form = true;

    uint8_t hash[SHA256_LEN];
    token_hash(key_id, secret, hash);
    const struct token *found = token_table_find(table, key_id);
    const struct token *token = found ? found : &nobody;
    bool same = crypto_verify_32(hash, token->hash) == 0;
    sodium_memzero(hash, sizeof(hash));
    if (!found || !same || token->revoked || token->expires_at <= now_us)
        return PROBLEM_token_invalid;
    if (!(token->scopes & needed_scopes))
        return PROBLEM_scope_insufficient;
    *ret_token = token;
    return PROBLEM_NONE;
}

bool token_allows(const struct token *token, struct str id, struct str name)
{
    for (struct str rest = token->contracts; rest.ptr;) {
        struct str allowed = str_cut(&rest, ',');
        if (str_eq(allowed, id) || str_eq(allowed, name))
            return true;
    }
    return !token->contracts.ptr;
}

bool signature_policy_parse(struct str text, enum signature_policy *ret_policy)
{
    static const char *const names[] = {
        [SIGNATURE_OFF] = "off", [SIGNATURE_OPTIONAL] = "optional", [SIGNATURE_REQUIRED] = "required"};
    for (unsigned i = 0; i < ARRAY_LEN(names); i++)
        if (str_eq(text, str_from(names[i]))) {
            *ret_policy = (enum signature_policy)i;
            return true;
        }
    return false;
}

static const struct {
    const char *name;
    unsigned scope;
} scope_names[] = {{"ingest", SCOPE_INGEST}, {"read", SCOPE_READ}, {"admin", SCOPE_ADMIN}};

bool scopes_parse(struct str text, unsigned *ret_scopes)
{
    unsigned scopes = 0;
    if (!text.len)
        return false;
    for (struct str rest = text; rest.ptr;) {
        struct str name = str_cut(&rest, ',');
        unsigned scope = 0;
        for (size_t i = 0; i < ARRAY_LEN(scope_names); i++)
            if (str_eq(name, str_from(scope_names[i].name)))
                scope = scope_names[i].scope;
        if (!scope)
            return false;
        scopes |= scope;
    }
    *ret_scopes = scopes;
    return true;
}

const char *scopes_name(unsigned scopes)
{
    static const char *const names[] = {"",      "ingest",       "read",       "ingest,read",
                                        "admin", "ingest,admin", "read,admin", "ingest,read,admin"};
    BUG_ON(scopes >= ARRAY_LEN(names));
    return names[scopes];
}
