// SPDX-License-Identifier: Apache-2.0
// Tokens read from a real PostgreSQL into a table: their keys opened, kept, or left locked.
#include "server/catalog/load.h"

#include "server/store/tokens.h"
#include "test_store_cluster.h"

#include "check_main.h"

#include <sodium.h>

#define KEY_A "aaaaaaaaaa"
#define KEY_B "bbbbbbbbbb"

static char *url;
static struct db *db;
static struct master_key *master;
static struct err err;

static struct master_key *fresh_master(void)
{
    char text[MASTER_KEY_TEXT_LEN + 1];
    master_key_generate(text);
    struct master_key *key = master_key_new(str_from(text), &err);
    ck_assert_ptr_nonnull(key);
    return key;
}

static void make_token(const char *key_id, const char *kid, struct signing_key *ret_key)
{
    uint8_t sealed[SEALED_MAX];
    signing_secret_generate(ret_key);
    memcpy(ret_key->kid, kid, SIGNING_KID_LEN);
    struct token_key_row key = {
        .kid = str_from(kid),
        .sealed = str_slice(sealed, seal_secret(master, str_from(key_id), ret_key, sealed))};
    master_key_check(master, key.key_check);
    const struct token_row row = {.project = STR("first"),
                                  .key_id = str_from(key_id),
                                  .scopes = STR("ingest"),
                                  .expires_at = INT64_MAX,
                                  .contracts = STR("a,b"),
                                  .signature = STR("required")};
    ck_assert_msg(store_token_create(db, &row, &key, &err), "%s", err.text);
}

static struct token_table *load(const struct token_table *old, const struct master_key *with, bool changed,
                                size_t locked)
{
    struct token_table *table;
    bool is_changed;
    size_t is_locked;
    ck_assert_msg(load_tokens(db, old, with, &table, &is_changed, &is_locked, &err), "%s", err.text);
    ck_assert(is_changed == changed);
    ck_assert_uint_eq(is_locked, locked);
    return table;
}

static void begin(void)
{
    url = cluster_database();
    db = cluster_open(url, DB_OWNER);
    master = fresh_master();
}

static void end(void)
{
    master_key_free(master);
    db_close(db);
    free(url);
}

START_TEST(load_tokens__opens_keys)
{
    struct signing_key a, b;
    begin();
    make_token(KEY_B, "2222222222", &b);
    make_token(KEY_A, "1111111111", &a);
    struct token_table *table = load(NULL, master, true, 0), *again = load(table, master, false, 0);
    const struct token *one = token_table_find(again, STR(KEY_A)), *two = token_table_find(again, STR(KEY_B));
    ck_assert_uint_eq(one->key_count, 1);
    ck_assert_mem_eq(&one->keys[0].key, &a, sizeof(a));
    ck_assert_uint_eq(two->key_count, 1);
    ck_assert_mem_eq(&two->keys[0].key, &b, sizeof(b));
    ck_assert_int_eq(one->signature, SIGNATURE_REQUIRED);
    ck_assert_view_eq(one->contracts, "a,b");
    token_table_free(table);
    token_table_free(again);
    end();
}
END_TEST

START_TEST(load_tokens__leaves_locked_what_does_not_open)
{
    struct signing_key a;
    struct master_key *other = fresh_master();
    begin();
    make_token(KEY_A, "1111111111", &a);
    struct token_table *none = load(NULL, NULL, true, 1), *wrong = load(none, other, false, 1);
    const struct token *token = token_table_find(wrong, STR(KEY_A));
    ck_assert_uint_eq(token->key_count, 1);
    ck_assert_uint_eq(token->keys[0].key.len, 0);
    // With the right key it opens, which is a change; and stays open when the key does not fit any more.
    struct token_table *right = load(wrong, master, true, 0), *kept = load(right, other, false, 0);
    ck_assert_mem_eq(&token_table_find(kept, STR(KEY_A))->keys[0].key, &a, sizeof(a));
    // Of a token that nobody signs for, or is out of use, no key is missed.
    static const char *const unused[] = {"signature = 'off'", "signature = 'optional', revoked_at = now()",
                                         "revoked_at = NULL, expires_at = now()"};
    for (size_t i = 0; i < ARRAY_LEN(unused); i++) {
        char sql[128];
        snprintf(sql, sizeof(sql), "UPDATE telemetry.tokens SET %s", unused[i]);
        cluster_sql(url, sql);
        token_table_free(load(NULL, NULL, true, 0));
    }
    token_table_free(none);
    token_table_free(wrong);
    token_table_free(right);
    token_table_free(kept);
    master_key_free(other);
    end();
}
END_TEST

START_TEST(load_tokens__sees_changes)
{
    struct signing_key a;
    begin();
    make_token(KEY_A, "1111111111", &a);
    struct token_table *table = load(NULL, master, true, 0);
    static const char *const changes[] = {
        "UPDATE telemetry.tokens SET signature = 'optional'", "UPDATE telemetry.tokens SET contracts = '{a}'",
        "UPDATE telemetry.tokens SET contracts = NULL",
        "UPDATE telemetry.token_keys SET not_after = now() + interval '1 day'",
        "UPDATE telemetry.token_keys SET retired_at = now()"};
    for (size_t i = 0; i < ARRAY_LEN(changes); i++) {
        cluster_sql(url, changes[i]);
        struct token_table *next = load(table, master, true, 0);
        token_table_free(table);
        table = next;
    }
    ck_assert_uint_eq(token_table_find(table, STR(KEY_A))->key_count, 0);
    cluster_sql(url, "UPDATE telemetry.tokens SET last_used_at = now()");
    token_table_free(load(table, master, false, 0));
    token_table_free(table);
    end();
}
END_TEST

static void setup(void)
{
    BUG_ON(sodium_init() < 0);
    cluster_start();
}

CHECK_MAIN_WITH(setup, "catalog_load", load_tokens__opens_keys, load_tokens__leaves_locked_what_does_not_open,
                load_tokens__sees_changes)
