// SPDX-License-Identifier: Apache-2.0
// lib/json: from text to a tree.
#include "lib/base/json.h"
#include "lib/json/parse.h"
#include "tests/unit/check_main.h"

#include <pthread.h>

START_TEST(json_parse__names_the_fault)
{
    static const struct {
        const char *text;
        size_t len;
        enum json_fault fault;
    } rows[] = {
#define ROW(literal, fault) {literal, sizeof(literal) - 1, JSON_FAULT_##fault}
        ROW("{}", NONE),
        ROW(" [1, 2.5, \"x\", null, true, {\"a\": []}] ", NONE),
        ROW("1", NONE),
        ROW("\"\\ud83d\\ude00\"", NONE),
        ROW("[9223372036854775807]", NONE),
        ROW("[9223372036854775808]", NONE),
        ROW("[-9223372036854775809, 1]", NONE),
        ROW("", SYNTAX),
        ROW(" ", SYNTAX),
        ROW("{", SYNTAX),
        ROW("{}x", SYNTAX),
        ROW("{}{}", SYNTAX),
        ROW("[1,]", SYNTAX),
        ROW("01", SYNTAX),
        ROW("+1", SYNTAX),
        ROW("1.", SYNTAX),
        ROW(".5", SYNTAX),
        ROW("NaN", SYNTAX),
        ROW("/**/1", SYNTAX),
        ROW("'a'", SYNTAX),
        ROW("\"\\x\"", SYNTAX),
        ROW("\"\\u12\"", SYNTAX),
        ROW("\"a\nb\"", SYNTAX),
        ROW("\"open", SYNTAX),
        ROW("\xef\xbb\xbf{}", SYNTAX),
        ROW("{\"a\":\0}", SYNTAX),
        ROW("{\"a\":1,\"a\":1}", DUPLICATE),
        ROW("{\"a\":1,\"\\u0061\":2}", DUPLICATE),
        ROW("\"a\0b\"", STRING),
        ROW("\"\\u0000\"", STRING),
        ROW("{\"\\u0000\":1}", STRING),
        ROW("\"\\ud800\"", STRING),
        ROW("\"\\udc00\"", STRING),
        ROW("\"\\ud800\\u0041\"", STRING),
        ROW("\"\xff\"", STRING),
        ROW("\"\xc0\x80\"", STRING),
        ROW("\"\xed\xa0\x80\"", STRING),
        ROW("\"\xf4\x90\x80\x80\"", STRING),
        ROW("[1e309]", NUMBER),
        ROW("[-1e309]", NUMBER),
        ROW("[9223372036854775808, 1e309]", NUMBER),
#undef ROW
    };
    struct json_doc doc;
    json_doc_init(&doc, NULL, 1 << 20);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        size_t offset = 999;
        enum json_fault fault = json_doc_parse(&doc, str_slice(rows[i].text, rows[i].len), &offset);
        ck_assert_msg(fault == rows[i].fault, "%s gives %d", rows[i].text, (int)fault);
        ck_assert_int_eq(doc.root != NULL, fault == JSON_FAULT_NONE);
        ck_assert_uint_le(offset, rows[i].len);
    }
    ck_assert_int_eq(json_doc_parse(&doc, STR_NULL, NULL), JSON_FAULT_SYNTAX);
    json_doc_release(&doc);
}
END_TEST

START_TEST(json_parse__only_oversize_integers_become_reals)
{
    struct json_doc doc;
    size_t offset;
    json_doc_init(&doc, NULL, 1 << 20);
    ck_assert_int_eq(
        json_doc_parse(&doc,
                       STR("[9007199254740993,-9223372036854775808,9223372036854775808,\"\\\"99999999999999"
                           "999999\",-18446744073709551616,12345678901234567890e0]"),
                       NULL),
        JSON_FAULT_NONE);
    ck_assert_int_eq(json_at(doc.root, 0)->integer, 9007199254740993);
    ck_assert_int_eq(json_at(doc.root, 1)->integer, INT64_MIN);
    ck_assert_double_eq(json_at(doc.root, 2)->real, 0x1p63);
    ck_assert_view_eq(json_text(json_at(doc.root, 3)), "\"99999999999999999999");
    ck_assert_double_eq(json_at(doc.root, 4)->real, -0x1p64);
    ck_assert_int_eq(json_doc_parse(&doc, STR("99999999999999999999"), NULL), JSON_FAULT_NONE);
    ck_assert_int_eq(json_doc_parse(&doc, STR("[99999999999999999999,99999999999999999999,x]"), &offset),
                     JSON_FAULT_SYNTAX);
    ck_assert_uint_eq(offset, 43);
    ck_assert_int_eq(json_doc_parse(&doc, STR("[99999999999999999999,\"open\\"), &offset), JSON_FAULT_SYNTAX);
    ck_assert_int_eq(json_doc_parse(&doc, STR("[099999999999999999999]"), &offset), JSON_FAULT_SYNTAX);
    json_doc_release(&doc);
}
END_TEST

START_TEST(json_parse__offset_is_where_it_stopped)
{
    struct json_doc doc;
    size_t offset;
    json_doc_init(&doc, NULL, 1 << 20);
    ck_assert_int_eq(json_doc_parse(&doc, STR("{\"a\":x}"), &offset), JSON_FAULT_SYNTAX);
    ck_assert_uint_eq(offset, 5);
    ck_assert_int_eq(json_doc_parse(&doc, STR("{\"a\":1} "), &offset), JSON_FAULT_NONE);
    ck_assert_uint_eq(offset, 8);
    json_doc_release(&doc);
}
END_TEST

START_TEST(json_parse__big_integers_are_reals)
{
    struct json_doc doc;
    json_doc_init(&doc, NULL, 1 << 20);
    ck_assert_int_eq(json_doc_parse(&doc, STR("[18446744073709551615,-3]"), NULL), JSON_FAULT_NONE);
    ck_assert(json_is_real(json_at(doc.root, 0)));
    ck_assert_double_eq(json_number(json_at(doc.root, 0)), 18446744073709551616.0);
    ck_assert_double_eq(json_number(json_at(doc.root, 1)), -3.0);
    ck_assert_int_eq(json_doc_parse(&doc, STR("[-9223372036854775808]"), NULL), JSON_FAULT_NONE);
    ck_assert(json_is_integer(json_at(doc.root, 0)));
    ck_assert_int_eq(json_at(doc.root, 0)->integer, INT64_MIN);
    json_doc_release(&doc);
}
END_TEST

START_TEST(json_parse__depth_is_bounded)
{
    static char text[2 * 2049];
    struct json_doc doc;
    json_doc_init(&doc, NULL, 16 << 20);
    for (size_t depth = 2047; depth <= 2049; depth++) {
        memset(text, '[', depth);
        memset(text + depth, ']', depth);
        enum json_fault fault = json_doc_parse(&doc, str_slice(text, 2 * depth), NULL);
        ck_assert_int_eq(fault, depth > 2048 ? JSON_FAULT_DEPTH : JSON_FAULT_NONE);
    }
    json_doc_release(&doc);
}
END_TEST

START_TEST(json_parse__memory_ends_at_every_ceiling)
{
    struct str text = STR("{\"a\":[1,2.5,\"xyz\",null,true,{\"b\":\"\\u00e4\",\"c\":{}}],\"dddddddddd\":-1}");
    bool fitted = false;
    for (size_t ceiling = 0; ceiling < 8192; ceiling += 16) {
        struct json_doc doc;
        json_doc_init(&doc, NULL, ceiling);
        enum json_fault fault = json_doc_parse(&doc, text, NULL);
        ck_assert(fault == JSON_FAULT_MEMORY || fault == JSON_FAULT_NONE);
        ck_assert_msg(!fitted || fault == JSON_FAULT_NONE, "ceiling %zu", ceiling);
        fitted = fault == JSON_FAULT_NONE;
        json_doc_release(&doc);
    }
    ck_assert(fitted);
}
END_TEST

START_TEST(json_parse__documents_are_apart)
{
    struct json_parser parser;
    struct json_doc one, two;
    json_parser_init(&parser);
    json_doc_init(&one, &parser, 1 << 20);
    json_doc_init(&two, &parser, 1 << 20);
    ck_assert_int_eq(json_doc_parse(&one, STR("{\"a\":[1]}"), NULL), JSON_FAULT_NONE);
    ck_assert_int_eq(json_doc_parse(&two, STR("{\"a\":[2]}"), NULL), JSON_FAULT_NONE);
    ck_assert_ptr_eq(json_shape_of(one.root), json_shape_of(two.root));
    ck_assert_uint_ne(json_shape_of(one.root)->id, 0);
    json_doc_reset(&one);
    ck_assert_ptr_null(one.root);
    json_parser_release(&parser);
    ck_assert_int_eq(json_at(json_get(two.root, STR("a")), 0)->integer, 2); // the shapes live on
    json_doc_release(&one);
    json_doc_release(&two);
}
END_TEST

// A tree takes about as much as its text, and a document keeps what one needed.
START_TEST(json_parse__memory_is_as_the_text)
{
    struct json_doc doc;
    json_doc_init(&doc, NULL, 1 << 20);
    ck_assert_int_eq(json_doc_parse(&doc, STR("{\"a\":[1,2,3],\"b\":\"text\"}"), NULL), JSON_FAULT_NONE);
    ck_assert_uint_le(doc.arena.used, 256);
    ck_assert_int_eq(json_doc_parse(&doc, STR("[[],[],[],[],[],[],[],[],[],[],[],[],[],[]]"), NULL),
                     JSON_FAULT_NONE);
    size_t used = doc.arena.used;
    ck_assert_uint_gt(used, 256);
    ck_assert_int_eq(json_doc_parse(&doc, STR("[[],[],[],[],[],[],[],[],[],[],[],[],[],[]]"), NULL),
                     JSON_FAULT_NONE);
    ck_assert_uint_eq(doc.arena.used, used); // in one block
    ck_assert_int_eq(json_doc_parse(&doc, STR("7"), NULL), JSON_FAULT_NONE);
    ck_assert_uint_eq(doc.arena.used, used);
    ck_assert_int_eq(json_integer(doc.root), 7);
    json_doc_release(&doc);
}
END_TEST

static void *parse_often(void *context)
{
    struct json_doc doc;
    bool *ok = context;
    json_doc_init(&doc, NULL, 1 << 20);
    *ok = true;
    for (int i = 0; i < 300; i++) {
        *ok = *ok && json_doc_parse(&doc, STR("{\"a\":[1,{\"b\":\"x\"}]}"), NULL) == JSON_FAULT_NONE;
        *ok = *ok && json_count(json_get(doc.root, STR("a"))) == 2;
    }
    json_doc_release(&doc);
    return NULL;
}

START_TEST(json_parse__threads_parse_apart)
{
    pthread_t threads[4];
    bool ok[ARRAY_LEN(threads)];
    for (size_t i = 0; i < ARRAY_LEN(threads); i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, parse_often, &ok[i]), 0);
    for (size_t i = 0; i < ARRAY_LEN(threads); i++) {
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
        ck_assert(ok[i]);
    }
}
END_TEST

START_TEST(json_parse__every_string_is_read_back)
{
    struct json_doc doc;
    struct buf buf;
    json_doc_init(&doc, NULL, 1 << 20);
    buf_init(&buf, 1000);
    for (unsigned a = 1; a < 256; a++) {
        for (unsigned b = 1; b < 256; b++) {
            char text[] = {(char)a, (char)b, 'x'};
            buf_clear(&buf);
            ck_assert(json_put_string(&buf, str_slice(text, 3)));
            enum json_fault fault = json_doc_parse(&doc, buf_str(&buf), NULL);
            ck_assert_msg(fault == JSON_FAULT_NONE, "%02x %02x", a, b);
        }
    }
    buf_release(&buf);
    json_doc_release(&doc);
}
END_TEST

CHECK_MAIN("json_parse", json_parse__names_the_fault, json_parse__only_oversize_integers_become_reals,
           json_parse__offset_is_where_it_stopped, json_parse__big_integers_are_reals,
           json_parse__depth_is_bounded, json_parse__memory_ends_at_every_ceiling,
           json_parse__documents_are_apart, json_parse__memory_is_as_the_text,
           json_parse__threads_parse_apart, json_parse__every_string_is_read_back)
