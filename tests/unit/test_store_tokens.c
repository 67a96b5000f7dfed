// SPDX-License-Identifier: Apache-2.0
// Changes of tokens and of their signing keys against a real PostgreSQL.
#include "server/store/tokens.h"
#include "test_store_cluster.h"

#include "check_main.h"

#define KEY_A "aaaaaaaaaa"
#define KEY_B "bbbbbbbbbb"

static char *url;
static struct db *db;
static struct arena arena;
static struct err err;

static void begin(void)
{
    const struct token_row row = {.project = STR("first"),
                                  .key_id = STR(KEY_A),
                                  .hash = {1},
                                  .scopes = STR("ingest"),
                                  .expires_at = INT64_MAX,
                                  .rate_milli = 1500,
                                  .burst = 7,
                                  .quota_events = 10,
                                  .quota_bytes = 20,
                                  .contracts = STR("a,b.v1"),
                                  .signature = STR("optional"),
                                  .on_invalid = STR("quarantine")};
    url = cluster_database();
    db = cluster_open(url, DB_OWNER);
    arena_init(&arena, 1024, 1 << 20);
    ck_assert_msg(store_token_create(db, &row, NULL, &err), "%s", err.text);
}

static void end(void)
{
    ck_assert(db_is_good(db));
    arena_release(&arena);
    db_close(db);
    free(url);
}

static const struct token_row *find(const char *key_id)
{
    struct token_row *rows;
    size_t count;
    ck_assert_msg(store_token_list(db, &arena, &rows, &count, &err), "%s", err.text);
    for (size_t i = 0; i < count; i++)
        if (str_eq(rows[i].key_id, str_from(key_id)))
            return &rows[i];
    return NULL;
}

static struct token_key_row secret(const char *kid, uint8_t check)
{
    static const uint8_t sealed[73] = {1};
    struct token_key_row row = {
        .token = STR(KEY_A), .kid = str_from(kid), .sealed = str_slice(sealed, sizeof(sealed))};
    memset(row.key_check, check, sizeof(row.key_check));
    return row;
}

static size_t keys(bool active, struct token_key_row **ret_rows)
{
    size_t count;
    ck_assert_msg(store_token_key_list(db, active, &arena, ret_rows, &count, &err), "%s", err.text);
    return count;
}

START_TEST(store_tokens__are_set_field_by_field)
{
    bool added;
    begin();
    const struct token_row *row = find(KEY_A);
    ck_assert_int_eq(row->rate_milli, 1500);
    ck_assert_view_eq(row->contracts, "a,b.v1");
    ck_assert_view_eq(row->signature, "optional");
    ck_assert_view_eq(row->on_invalid, "quarantine");
    ck_assert(row->last_used_at == INT64_MAX);
    struct token_row change = {
        .key_id = STR(KEY_A), .label = STR("new"), .expires_at = INT64_MAX, .burst = 3};
    ck_assert_msg(store_token_set(db, &change, TOKEN_LABEL | TOKEN_RATE, NULL, &added, &err), "%s", err.text);
    row = find(KEY_A);
    ck_assert_view_eq(row->label, "new");
    ck_assert_int_eq(row->rate_milli, 0);
    ck_assert_int_eq(row->burst, 7);
    ck_assert_view_eq(row->contracts, "a,b.v1");
    ck_assert(
        store_token_set(db, &change, TOKEN_BURST | TOKEN_CONTRACTS | TOKEN_QUOTA_BYTES, NULL, &added, &err));
    row = find(KEY_A);
    ck_assert_int_eq(row->burst, 3);
    ck_assert_ptr_null(row->contracts.ptr);
    ck_assert_int_eq(row->quota_events, 10);
    ck_assert_int_eq(row->quota_bytes, 0);
    change.key_id = STR("zzzzzzzzzz");
    ck_assert(!store_token_set(db, &change, TOKEN_LABEL, NULL, &added, &err));
    ck_assert_ptr_nonnull(strstr(err.text, "zzzzzzzzzz"));
    end();
}
END_TEST

START_TEST(store_tokens__first_key_comes_with_the_policy)
{
    bool added;
    struct token_key_row *rows, first = secret("1111111111", 1), second = secret("2222222222", 1);
    begin();
    const struct token_row change = {.key_id = STR(KEY_A), .signature = STR("required")};
    ck_assert_msg(store_token_set(db, &change, TOKEN_SIGNATURE, &first, &added, &err), "%s", err.text);
    ck_assert(added);
    ck_assert(store_token_set(db, &change, TOKEN_SIGNATURE, &second, &added, &err));
    ck_assert(!added);
    ck_assert_uint_eq(keys(true, &rows), 1);
    ck_assert_view_eq(rows[0].kid, "1111111111");
    ck_assert_view_eq(rows[0].token, KEY_A);
    ck_assert_uint_eq(rows[0].sealed.len, 73);
    ck_assert(rows[0].not_after == INT64_MAX);
    // The last key of a token that requires signatures stays.
    ck_assert(!store_token_key_retire(db, STR("1111111111"), 0, &err));
    ck_assert_ptr_nonnull(strstr(err.text, "no other key"));
    ck_assert(!store_token_key_retire(db, STR("9999999999"), 0, &err));
    end();
}
END_TEST

START_TEST(store_tokens__two_keys_are_active_at_most)
{
    struct token_key_row *rows, one = secret("1111111111", 1), other = secret("3333333333", 2);
    struct token_key_row public = {
        .token = STR(KEY_A), .kid = STR("2222222222"), .is_public = true, .public_key = {9}};
    begin();
    ck_assert_msg(store_token_key_add(db, &one, &err), "%s", err.text);
    ck_assert(!store_token_key_add(db, &other, &err)); // sealed under another master key
    ck_assert_ptr_nonnull(strstr(err.text, "another master key"));
    ck_assert_msg(store_token_key_add(db, &public, &err), "%s", err.text);
    other = secret("3333333333", 1);
    ck_assert(!store_token_key_add(db, &other, &err));
    ck_assert_ptr_nonnull(strstr(err.text, "2 active"));
    ck_assert(store_token_key_retire(db, STR("1111111111"), USEC_PER_DAY, &err)); // tomorrow
    ck_assert_uint_eq(keys(true, &rows), 2);
    ck_assert(rows[0].not_after != INT64_MAX);
    ck_assert(rows[1].is_public);
    ck_assert_int_eq(rows[1].public_key[0], 9);
    ck_assert(store_token_key_retire(db, STR("1111111111"), 0, &err));
    ck_assert_uint_eq(keys(true, &rows), 1);
    ck_assert_uint_eq(keys(false, &rows), 2);
    ck_assert_msg(store_token_key_add(db, &other, &err), "%s", err.text);
    other.kid = STR("2222222222"); // there already
    ck_assert(store_token_key_retire(db, STR("3333333333"), 0, &err));
    ck_assert(!store_token_key_add(db, &other, &err));
    ck_assert_ptr_nonnull(strstr(err.text, "kid"));
    other.token = STR("zzzzzzzzzz");
    ck_assert(!store_token_key_add(db, &other, &err));
    end();
}
END_TEST

START_TEST(store_tokens__rotation_keeps_what_a_token_may)
{
    struct token_key_row *rows, key = secret("1111111111", 1);
    begin();
    const struct token_row change = {.key_id = STR(KEY_A),
                                     .expires_at = clock_wall_us(clock_system()) + USEC_PER_DAY};
    bool added, found;
    ck_assert(store_token_set(db, &change, TOKEN_EXPIRES, NULL, &added, &err));
    const struct token_row fresh = {.key_id = STR(KEY_B), .hash = {2}};
    ck_assert_msg(store_token_rotate(db, STR(KEY_A), &fresh, 3600 * USEC_PER_SEC, &key, 1, &err), "%s",
                  err.text);
    const struct token_row *old = find(KEY_A), *new = find(KEY_B);
    ck_assert_int_lt(old->expires_at, change.expires_at);
    ck_assert_int_ge(new->expires_at, change.expires_at);
    ck_assert_int_eq(new->rate_milli, 1500);
    ck_assert_view_eq(new->contracts, "a,b.v1");
    ck_assert_view_eq(new->signature, "optional");
    ck_assert_int_eq(new->hash[0], 2);
    ck_assert_uint_eq(keys(true, &rows), 1);
    ck_assert_view_eq(rows[0].token, KEY_B);
    // Rotated again during its overlap: the lifetime that was meant, not what the first rotation left of it.
    const struct token_row again = {.key_id = STR("dddddddddd"), .hash = {4}};
    ck_assert(store_token_rotate(db, STR(KEY_A), &again, 1800 * USEC_PER_SEC, NULL, 0, &err));
    ck_assert_int_ge(find("dddddddddd")->expires_at, change.expires_at);
    ck_assert_int_lt(find(KEY_A)->expires_at, old->expires_at);
    // What is revoked, or was never there, is not rotated, and nothing of it is done.
    ck_assert(store_token_revoke(db, STR(KEY_A), &found, &err) && found);
    const struct token_row third = {.key_id = STR("cccccccccc"), .hash = {3}};
    ck_assert(!store_token_rotate(db, STR(KEY_A), &third, 0, NULL, 0, &err));
    ck_assert(!store_token_rotate(db, STR("zzzzzzzzzz"), &third, 0, NULL, 0, &err));
    ck_assert_ptr_null(find("cccccccccc"));
    end();
}
END_TEST

START_TEST(store_tokens__second_rotation_of_an_endless_one_is_endless)
{
    const struct token_row first = {.key_id = STR(KEY_B), .hash = {2}},
                           second = {.key_id = STR("cccccccccc"), .hash = {3}},
                           third = {.key_id = STR("dddddddddd"), .hash = {4}};
    const struct token_row change = {.key_id = STR(KEY_A),
                                     .expires_at = clock_wall_us(clock_system()) + USEC_PER_DAY};
    bool added;
    begin();
    ck_assert(store_token_rotate(db, STR(KEY_A), &first, 3600 * USEC_PER_SEC, NULL, 0, &err));
    ck_assert(find(KEY_A)->expires_at != INT64_MAX);
    ck_assert(find(KEY_B)->expires_at == INT64_MAX);
    ck_assert_msg(store_token_rotate(db, STR(KEY_A), &second, 3600 * USEC_PER_SEC, NULL, 0, &err), "%s",
                  err.text);
    ck_assert(find("cccccccccc")->expires_at == INT64_MAX);
    // An end that the operator sets in between is what is meant from then on.
    ck_assert(store_token_set(db, &change, TOKEN_EXPIRES, NULL, &added, &err));
    ck_assert(store_token_rotate(db, STR(KEY_A), &third, 3600 * USEC_PER_SEC, NULL, 0, &err));
    ck_assert_int_ge(find("dddddddddd")->expires_at, change.expires_at);
    ck_assert_int_lt(find("dddddddddd")->expires_at, change.expires_at + USEC_PER_DAY);
    end();
}
END_TEST

static bool reseal(void *context, struct token_key_row *row, struct arena *into, struct err *ret_err)
{
    int *left = context;
    if ((*left)-- == 0)
        return err_set(ret_err, "enough");
    char *sealed = arena_zalloc(into, 80);
    ck_assert_ptr_nonnull(sealed);
    sealed[0] = 2;
    row->sealed = str_slice(sealed, 80);
    return true;
}

START_TEST(store_tokens__master_key_is_rotated_whole_or_not)
{
    struct token_key_row *rows, one = secret("1111111111", 1), two = secret("2222222222", 1);
    uint8_t from[TOKEN_KEY_CHECK_LEN], to[TOKEN_KEY_CHECK_LEN], check[TOKEN_KEY_CHECK_LEN];
    size_t count;
    bool found;
    int left = 1;
    memset(from, 1, sizeof(from));
    memset(to, 2, sizeof(to));
    begin();
    ck_assert(store_master_key_check(db, check, &found, &err) && !found);
    ck_assert(store_token_key_add(db, &one, &err) && store_token_key_add(db, &two, &err));
    ck_assert(store_master_key_check(db, check, &found, &err) && found);
    ck_assert_mem_eq(check, from, sizeof(check));
    ck_assert(
        !store_master_key_rotate(db, to, from, reseal, &left, &count, &err)); // that was not the old one
    ck_assert(
        !store_master_key_rotate(db, from, to, reseal, &left, &count, &err)); // the second does not open
    ck_assert_str_eq(err.text, "enough");
    ck_assert_uint_eq(keys(true, &rows), 2);
    ck_assert_uint_eq(rows[0].sealed.len, 73);
    ck_assert(store_token_key_retire(db, STR("1111111111"), 0, &err));
    left = 10;
    ck_assert_msg(store_master_key_rotate(db, from, to, reseal, &left, &count, &err), "%s", err.text);
    ck_assert_uint_eq(count, 1);
    ck_assert_uint_eq(keys(false, &rows), 1); // the retired one is gone
    ck_assert_uint_eq(rows[0].sealed.len, 80);
    ck_assert(store_master_key_check(db, check, &found, &err) && found);
    ck_assert_mem_eq(check, to, sizeof(check));
    // Lost: everything sealed ends, whatever the old check was.
    ck_assert(store_master_key_rotate(db, NULL, from, reseal, &left, &count, &err));
    ck_assert_uint_eq(keys(false, &rows), 0);
    end();
}
END_TEST

CHECK_MAIN_WITH(cluster_start, "store_tokens", store_tokens__are_set_field_by_field,
                store_tokens__first_key_comes_with_the_policy, store_tokens__two_keys_are_active_at_most,
                store_tokens__rotation_keeps_what_a_token_may,
                store_tokens__second_rotation_of_an_endless_one_is_endless,
                store_tokens__master_key_is_rotated_whole_or_not)
