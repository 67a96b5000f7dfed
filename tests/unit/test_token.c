// SPDX-License-Identifier: Apache-2.0
// lib/wire/token.
#include "lib/wire/crc.h"
#include "lib/wire/token.h"
#include "tests/unit/check_main.h"

#include <sodium.h>
#include <zlib.h>

// The checksum was made by another program: zlib's CRC-32 in base62.
#define KNOWN_KEY    "0123456789"
#define KNOWN_SECRET "abcdefghijklmnopqrstuvwxyzABCDEF"
#define KNOWN        "vts_" KNOWN_KEY "_" KNOWN_SECRET "_0VE6C6"

static void setup(void)
{
    BUG_ON(sodium_init() < 0);
}

START_TEST(token__known_text_is_read)
{
    struct str key, secret;
    ck_assert_uint_eq(sizeof(KNOWN) - 1, TOKEN_TEXT_LEN);
    ck_assert(token_parse(STR(KNOWN), &key, &secret));
    ck_assert_view_eq(key, KNOWN_KEY);
    ck_assert_view_eq(secret, KNOWN_SECRET);
}
END_TEST

START_TEST(token__generated_is_read)
{
    char text[TOKEN_TEXT_LEN + 1], other[TOKEN_TEXT_LEN + 1];
    struct str key, secret;
    for (int i = 0; i < 200; i++) {
        token_generate(text);
        ck_assert_uint_eq(strlen(text), TOKEN_TEXT_LEN);
        ck_assert(token_parse(str_from(text), &key, &secret));
        ck_assert_ptr_eq(key.ptr, text + 4);
        ck_assert_uint_eq(key.len, TOKEN_KEY_ID_LEN);
        ck_assert_uint_eq(secret.len, TOKEN_SECRET_LEN);
    }
    token_generate(other);
    ck_assert_str_ne(text, other);
}
END_TEST

START_TEST(token__every_changed_character_is_noticed)
{
    struct str key = STR("unset"), secret = STR("unset");
    for (size_t i = 0; i < TOKEN_TEXT_LEN; i++) {
        for (unsigned c = 0; c < 256; c++) {
            char text[] = KNOWN;
            if (text[i] == (char)c)
                continue;
            text[i] = (char)c;
            ck_assert_msg(!token_parse(str_slice(text, TOKEN_TEXT_LEN), &key, &secret), "%zu: %u", i, c);
        }
    }
    ck_assert_view_eq(key, "unset");
}
END_TEST

START_TEST(token__other_lengths_are_refused)
{
    char text[TOKEN_TEXT_LEN + 10] = KNOWN;
    struct str key, secret;
    for (size_t len = 0; len <= sizeof(text); len++)
        if (len != TOKEN_TEXT_LEN)
            ck_assert_msg(!token_parse(str_slice(text, len), &key, &secret), "%zu", len);
    ck_assert(!token_parse(STR_NULL, &key, &secret));
}
END_TEST

START_TEST(token__hash_is_of_key_and_secret)
{
    uint8_t hash[SHA256_LEN], want[SHA256_LEN];
    token_hash(STR(KNOWN_KEY), STR(KNOWN_SECRET), hash);
    sha256(STR(KNOWN_KEY "_" KNOWN_SECRET), want);
    ck_assert_mem_eq(hash, want, SHA256_LEN);
}
END_TEST

START_TEST(crc__is_zlibs)
{
    unsigned char bytes[80];
    randombytes_buf(bytes, sizeof(bytes));
    ck_assert_uint_eq(crc_of(STR("123456789")), 0xcbf43926);
    for (unsigned len = 0; len <= 70; len++)
        for (unsigned at = 0; at < 4; at++)
            ck_assert_uint_eq(crc_of(str_slice(bytes + at, len)), crc32(0, bytes + at, len));
}
END_TEST

CHECK_MAIN_WITH(setup, "token", token__known_text_is_read, token__generated_is_read,
                token__every_changed_character_is_noticed, token__other_lengths_are_refused,
                token__hash_is_of_key_and_secret, crc__is_zlibs)
