// SPDX-License-Identifier: Apache-2.0
// server/gate/seal and signature: what opens where, and what a token's policy and keys make of headers.
#include "server/gate/seal.h"
#include "server/gate/signature.h"
#include "tests/unit/check_main.h"

#include <sodium.h>

#define TOKEN_A "aaaaaaaaaa"
#define TOKEN_B "bbbbbbbbbb"
#define AT      1790000000
#define NOW_US  (AT * USEC_PER_SEC)
#define BODY    "{\"a\":1}"

static struct master_key *fresh_master(void)
{
    char text[MASTER_KEY_TEXT_LEN + 1];
    struct err err;
    master_key_generate(text);
    ck_assert_uint_eq(strlen(text), MASTER_KEY_TEXT_LEN);
    struct master_key *key = master_key_new(str_from(text), &err);
    ck_assert_ptr_nonnull(key);
    return key;
}

static struct signing_key fresh_secret(const char *kid)
{
    struct signing_key key;
    signing_secret_generate(&key);
    memcpy(key.kid, kid, SIGNING_KID_LEN);
    return key;
}

static bool opens(const struct master_key *master, const char *token, const char *kid, struct str sealed,
                  const struct signing_key *wanted)
{
    struct signing_key key = {.kind = SIGNING_HMAC};
    memcpy(key.kid, kid, SIGNING_KID_LEN);
    if (!seal_open(master, str_from(token), sealed, &key))
        return false;
    ck_assert_mem_eq(&key, wanted, sizeof(key));
    return true;
}

START_TEST(seal__opens_where_it_was_sealed)
{
    struct master_key *one = fresh_master(), *two = fresh_master();
    struct signing_key key = fresh_secret("kkkkkkkkkk");
    uint8_t sealed[SEALED_MAX], again[SEALED_MAX];
    size_t len = seal_secret(one, STR(TOKEN_A), &key, sealed);
    struct str text = str_slice(sealed, len);
    ck_assert_uint_eq(len, 1 + 24 + SIGNING_SECRET_NEW + 16);
    ck_assert(opens(one, TOKEN_A, "kkkkkkkkkk", text, &key));
    ck_assert(!opens(two, TOKEN_A, "kkkkkkkkkk", text, &key));
    ck_assert(!opens(one, TOKEN_B, "kkkkkkkkkk", text, &key));
    ck_assert(!opens(one, TOKEN_A, "kkkkkkkkkj", text, &key));
    ck_assert(!opens(one, TOKEN_A, "kkkkkkkkkk", str_slice(sealed, len - 1), &key));
    ck_assert(!opens(one, TOKEN_A, "kkkkkkkkkk", str_slice(sealed, 0), &key));
    for (size_t bit = 0; bit < 8 * len; bit++) {
        sealed[bit / 8] ^= (uint8_t)(1 << bit % 8);
        ck_assert_msg(!opens(one, TOKEN_A, "kkkkkkkkkk", text, &key), "bit %zu", bit);
        sealed[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    // Never the same text twice.
    ck_assert_uint_eq(seal_secret(one, STR(TOKEN_A), &key, again), len);
    ck_assert_mem_ne(sealed, again, len);
    master_key_free(one);
    master_key_free(two);
}
END_TEST

START_TEST(seal__check_value_tells_keys_apart)
{
    struct master_key *one = fresh_master(), *two = fresh_master();
    uint8_t a[MASTER_KEY_CHECK_LEN], b[MASTER_KEY_CHECK_LEN];
    master_key_check(one, a);
    master_key_check(one, b);
    ck_assert_mem_eq(a, b, sizeof(a));
    master_key_check(two, b);
    ck_assert_mem_ne(a, b, sizeof(a));
    master_key_free(one);
    master_key_free(two);
}
END_TEST

START_TEST(seal__other_texts_are_no_master_key)
{
    static const char *const texts[] = {"",
                                        "vmk_",
                                        "vmk_AAAA",
                                        "whsec_AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA=",
                                        "AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA=",
                                        "vmk_AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyAA",
                                        "vmk_AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA= "};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct err err = {""};
        ck_assert_ptr_null(master_key_new(str_from(texts[i]), &err));
        ck_assert_ptr_nonnull(strstr(err.text, "master-key create"));
    }
}
END_TEST

// ---- the gate

static struct gate_key keys[3];

static struct token token_with(enum signature_policy policy, size_t key_count)
{
    struct token token = {.signature = policy, .keys = keys, .key_count = key_count};
    memcpy(token.key_id, TOKEN_A, TOKEN_KEY_ID_LEN);
    return token;
}

static void make_keys(void)
{
    static const char *const kids[] = {"1111111111", "2222222222", "3333333333"};
    for (size_t i = 0; i < ARRAY_LEN(keys); i++)
        keys[i] = (struct gate_key){fresh_secret(kids[i]), INT64_MAX};
}

// Signed with keys[signer], named `kid`, told to the gate at NOW_US.
static enum problem judge(const struct token *token, size_t signer, const char *kid)
{
    char header[SIGNATURE_VOX_TEXT_MAX];
    struct gate_signature g;
    struct uuid id;
    signature_make_vox(&keys[signer].key, str_from(kid), AT, STR(BODY), header);
    const struct signature_headers headers = {.vox = str_from(header)};
    enum problem problem = gate_signature(token, &headers, NOW_US, &g);
    if (problem || !g.wanted)
        return problem;
    struct signature_verifier v;
    gate_verifier_init(&v, &g, 4096);
    signature_verifier_update(&v, STR(BODY));
    problem = gate_signature_failed(&g, signature_verifier_finish(&v, &id));
    signature_verifier_release(&v);
    return problem;
}

START_TEST(gate_signature__keys)
{
    make_keys();
    struct token token = token_with(SIGNATURE_REQUIRED, 2);
    ck_assert_int_eq(judge(&token, 0, TOKEN_A), PROBLEM_NONE);
    ck_assert_int_eq(judge(&token, 1, TOKEN_A), PROBLEM_NONE);
    ck_assert_int_eq(judge(&token, 1, "2222222222"), PROBLEM_NONE);
    ck_assert_int_eq(judge(&token, 1, "1111111111"), PROBLEM_signature_invalid);
    ck_assert_int_eq(judge(&token, 2, TOKEN_A), PROBLEM_signature_invalid);
    ck_assert_int_eq(judge(&token, 2, "3333333333"), PROBLEM_signature_invalid);
    ck_assert_int_eq(judge(&token, 0, TOKEN_B), PROBLEM_signature_invalid);
    keys[0].not_after = NOW_US;
    ck_assert_int_eq(judge(&token, 0, TOKEN_A), PROBLEM_signature_invalid);
    ck_assert_int_eq(judge(&token, 1, TOKEN_A), PROBLEM_NONE);
    // A key that cannot be opened here may be the right one: the client must not be told no.
    keys[1].key.len = 0;
    ck_assert_int_eq(judge(&token, 2, TOKEN_A), PROBLEM_not_ready);
    keys[0].not_after = INT64_MAX;
    ck_assert_int_eq(judge(&token, 0, TOKEN_A), PROBLEM_NONE);
    ck_assert_int_eq(judge(&token, 2, TOKEN_A), PROBLEM_not_ready);
    token.key_count = 0;
    ck_assert_int_eq(judge(&token, 0, TOKEN_A), PROBLEM_signature_invalid);
}
END_TEST

START_TEST(gate_signature__policies)
{
    static const struct {
        enum signature_policy policy;
        struct signature_headers headers;
        enum problem expected;
    } rows[] = {
        {SIGNATURE_OFF, {.vox = {"x", 1}}, PROBLEM_NONE},
        {SIGNATURE_OFF, {{0}}, PROBLEM_NONE},
        {SIGNATURE_OPTIONAL, {{0}}, PROBLEM_NONE},
        {SIGNATURE_OPTIONAL, {.webhook_id = {"msg_1", 5}}, PROBLEM_NONE},
        {SIGNATURE_OPTIONAL, {.vox = {"x", 1}}, PROBLEM_signature_malformed},
        {SIGNATURE_OPTIONAL,
         {.webhook_id = {"msg_1", 5}, .webhook_signature = {"v1,", 3}},
         PROBLEM_signature_malformed},
        {SIGNATURE_REQUIRED, {{0}}, PROBLEM_signature_missing},
        {SIGNATURE_REQUIRED, {.webhook_id = {"msg_1", 5}}, PROBLEM_signature_missing},
        {SIGNATURE_REQUIRED, {.vox = {"", 0}}, PROBLEM_signature_malformed},
    };
    make_keys();
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct token token = token_with(rows[i].policy, 1);
        struct gate_signature g = {.wanted = true};
        enum problem problem = gate_signature(&token, &rows[i].headers, NOW_US, &g);
        ck_assert_msg(problem == rows[i].expected && (problem || !g.wanted), "row %zu", i);
    }
}
END_TEST

START_TEST(gate__contracts)
{
    struct token token = {.contracts = STR_NULL};
    ck_assert(token_allows(&token, STR("model-call"), STR("model-call.v1")));
    token.contracts = STR("tool-run.v2,model-call");
    ck_assert(token_allows(&token, STR("model-call"), STR("model-call.v7")));
    ck_assert(token_allows(&token, STR("tool-run"), STR("tool-run.v2")));
    ck_assert(!token_allows(&token, STR("tool-run"), STR("tool-run.v1")));
    ck_assert(!token_allows(&token, STR("model"), STR("model.v1")));
    token.contracts = STR("");
    ck_assert(!token_allows(&token, STR("model-call"), STR("model-call.v1")));
}
END_TEST

static void setup(void)
{
    BUG_ON(sodium_init() < 0);
}

CHECK_MAIN_WITH(setup, "seal", seal__opens_where_it_was_sealed, seal__check_value_tells_keys_apart,
                seal__other_texts_are_no_master_key, gate_signature__keys, gate_signature__policies,
                gate__contracts)
