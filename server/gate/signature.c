// SPDX-License-Identifier: Apache-2.0
// A token's policy and its keys against what a request sends.
#include "server/gate/signature.h"

static bool is_named(const struct token *token, const struct signing_key *key, const struct signature *s)
{
    return s->form != SIGNATURE_VOX || str_eq(s->kid, str_slice(token->key_id, TOKEN_KEY_ID_LEN)) ||
           str_eq(s->kid, str_slice(key->kid, SIGNING_KID_LEN));
}

static void choose_keys(const struct token *token, int64_t now_us, struct gate_signature *g)
{
    for (size_t i = 0; i < token->key_count && g->key_count < SIGNATURE_KEYS_MAX; i++) {
        const struct gate_key *k = &token->keys[i];
        if (k->not_after <= now_us || !is_named(token, &k->key, &g->signature))
            continue;
        if (k->key.len == 0)
            g->locked = true;
        else
            g->keys[g->key_count++] = &k->key;
    }
}

enum problem gate_signature_failed(const struct gate_signature *g, enum problem problem)
{
    return problem == PROBLEM_signature_invalid && g->locked ? PROBLEM_not_ready : problem;
}

enum problem gate_signature(const struct token *token, const struct signature_headers *headers,
                            int64_t now_us, struct gate_signature *ret_signature)
{
    struct gate_signature g = {.name = str_slice(token->key_id, TOKEN_KEY_ID_LEN)};
    g.present = signature_is_present(headers);
    if (token->signature == SIGNATURE_OFF || (token->signature == SIGNATURE_OPTIONAL && !g.present)) {
        *ret_signature = g;
        return PROBLEM_NONE;
    }
    if (!g.present)
        return PROBLEM_signature_missing;
    enum problem problem = signature_parse(headers, &g.signature);
    if (!problem)
        problem = signature_fresh(&g.signature, now_us);
    if (problem)
        return problem;
    choose_keys(token, now_us, &g);
    if (g.key_count == 0)
        return gate_signature_failed(&g, PROBLEM_signature_invalid);
    g.wanted = true;
    *ret_signature = g;
    return PROBLEM_NONE;
}

static bool has_active(const struct token *token, const char kid[static SIGNING_KID_LEN], int64_t now_us)
{
    for (size_t i = 0; i < token->key_count; i++) {
        const struct gate_key *k = &token->keys[i];
        if (k->not_after > now_us && memcmp(k->key.kid, kid, SIGNING_KID_LEN) == 0)
            return true;
    }
    return false;
}

bool gate_key_counts(const struct token *token, const struct signing_key *const *keys, size_t count,
                     int64_t now_us)
{
    for (size_t i = 0; i < count; i++)
        if (has_active(token, keys[i]->kid, now_us))
            return true;
    return false;
}

void gate_verifier_init(struct signature_verifier *verifier, const struct gate_signature *g,
                        size_t body_ceiling)
{
    struct str name = g->signature.form == SIGNATURE_VOX ? g->name : STR_NULL;
    signature_verifier_init(verifier, &g->signature, g->keys, g->key_count, body_ceiling, name);
}
