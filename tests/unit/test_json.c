// SPDX-License-Identifier: Apache-2.0
// lib/base/json: parsing into arenas, and the writer.
#include "lib/base/json.h"
#include "tests/unit/check_main.h"

#include <pthread.h>

START_TEST(json__names_the_fault)
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
    json_doc_init(&doc, 1 << 20);
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

START_TEST(json__only_oversize_integers_become_reals)
{
    struct json_doc doc;
    size_t offset;
    json_doc_init(&doc, 1 << 20);
    ck_assert_int_eq(
        json_doc_parse(&doc,
                       STR("[9007199254740993,-9223372036854775808,9223372036854775808,\"\\\"99999999999999"
                           "999999\",-18446744073709551616,12345678901234567890e0]"),
                       NULL),
        JSON_FAULT_NONE);
    ck_assert_int_eq(json_integer_value(json_array_get(doc.root, 0)), 9007199254740993);
    ck_assert_int_eq(json_integer_value(json_array_get(doc.root, 1)), INT64_MIN);
    ck_assert_double_eq(json_real_value(json_array_get(doc.root, 2)), 0x1p63);
    ck_assert_str_eq(json_string_value(json_array_get(doc.root, 3)), "\"99999999999999999999");
    ck_assert_double_eq(json_real_value(json_array_get(doc.root, 4)), -0x1p64);
    ck_assert_int_eq(json_doc_parse(&doc, STR("99999999999999999999"), NULL), JSON_FAULT_NONE);
    ck_assert_int_eq(json_doc_parse(&doc, STR("[99999999999999999999,99999999999999999999,x]"), &offset),
                     JSON_FAULT_SYNTAX);
    ck_assert_uint_eq(offset, 44);
    ck_assert_int_eq(json_doc_parse(&doc, STR("[99999999999999999999,\"open\\"), &offset), JSON_FAULT_SYNTAX);
    ck_assert_int_eq(json_doc_parse(&doc, STR("[099999999999999999999]"), &offset), JSON_FAULT_SYNTAX);
    json_doc_release(&doc);
}
END_TEST

START_TEST(json__offset_is_where_it_stopped)
{
    struct json_doc doc;
    size_t offset;
    json_doc_init(&doc, 1 << 20);
    ck_assert_int_eq(json_doc_parse(&doc, STR("{\"a\":x}"), &offset), JSON_FAULT_SYNTAX);
    ck_assert_uint_eq(offset, 6);
    ck_assert_int_eq(json_doc_parse(&doc, STR("{\"a\":1} "), &offset), JSON_FAULT_NONE);
    ck_assert_uint_eq(offset, 8);
    json_doc_release(&doc);
}
END_TEST

START_TEST(json__big_integers_are_reals)
{
    struct json_doc doc;
    json_doc_init(&doc, 1 << 20);
    ck_assert_int_eq(json_doc_parse(&doc, STR("[18446744073709551615,-3]"), NULL), JSON_FAULT_NONE);
    ck_assert(json_is_real(json_array_get(doc.root, 0)));
    ck_assert_double_eq(json_number_value(json_array_get(doc.root, 0)), 18446744073709551616.0);
    ck_assert_double_eq(json_number_value(json_array_get(doc.root, 1)), -3.0);
    ck_assert_int_eq(json_doc_parse(&doc, STR("[-9223372036854775808]"), NULL), JSON_FAULT_NONE);
    ck_assert(json_is_integer(json_array_get(doc.root, 0)));
    ck_assert_int_eq(json_integer_value(json_array_get(doc.root, 0)), INT64_MIN);
    json_doc_release(&doc);
}
END_TEST

START_TEST(json__depth_is_bounded)
{
    static char text[2 * 2049];
    struct json_doc doc;
    json_doc_init(&doc, 16 << 20);
    for (size_t depth = 2047; depth <= 2049; depth++) {
        memset(text, '[', depth);
        memset(text + depth, ']', depth);
        enum json_fault fault = json_doc_parse(&doc, str_slice(text, 2 * depth), NULL);
        ck_assert_int_eq(fault, depth > 2048 ? JSON_FAULT_DEPTH : JSON_FAULT_NONE);
    }
    json_doc_release(&doc);
}
END_TEST

START_TEST(json__memory_ends_at_every_ceiling)
{
    struct str text = STR("{\"a\":[1,2.5,\"xyz\",null,true,{\"b\":\"\\u00e4\",\"c\":{}}],\"dddddddddd\":-1}");
    bool fitted = false;
    for (size_t ceiling = 0; ceiling < 8192; ceiling += 16) {
        struct json_doc doc;
        json_doc_init(&doc, ceiling);
        enum json_fault fault = json_doc_parse(&doc, text, NULL);
        ck_assert(fault == JSON_FAULT_MEMORY || fault == JSON_FAULT_NONE);
        ck_assert_msg(!fitted || fault == JSON_FAULT_NONE, "ceiling %zu", ceiling);
        fitted = fault == JSON_FAULT_NONE;
        // The heap is untouched by a parse that ran out.
        json_t *heap = json_loads("[1,{\"a\":\"b\"}]", 0, NULL);
        ck_assert_ptr_nonnull(heap);
        json_decref(heap);
        json_doc_release(&doc);
    }
    ck_assert(fitted);
}
END_TEST

START_TEST(json__documents_and_heap_trees_mix)
{
    struct json_doc one, two;
    json_doc_init(&one, 1 << 20);
    json_doc_init(&two, 1 << 20);
    json_t *heap = json_loads("{\"a\":[1]}", 0, NULL);
    ck_assert_int_eq(json_doc_parse(&one, STR("{\"a\":[1]}"), NULL), JSON_FAULT_NONE);
    ck_assert_int_eq(json_doc_parse(&two, STR("{\"a\":[2]}"), NULL), JSON_FAULT_NONE);
    ck_assert(json_equal(one.root, heap));
    ck_assert(!json_equal(two.root, heap));
    char *text = json_dumps(one.root, JSON_COMPACT);
    ck_assert_str_eq(text, "{\"a\":[1]}");
    free(text);
    json_doc_reset(&one);
    ck_assert_ptr_null(one.root);
    ck_assert_int_eq(json_integer_value(json_array_get(json_object_get(two.root, "a"), 0)), 2);
    json_decref(heap);
    json_doc_release(&one);
    json_doc_release(&two);
}
END_TEST

static void *parse_often(void *context)
{
    struct json_doc doc;
    bool *ok = context;
    json_doc_init(&doc, 1 << 20);
    *ok = true;
    for (int i = 0; i < 300; i++) {
        json_t *heap = json_loads("{\"a\":[1,{\"b\":\"x\"}]}", 0, NULL);
        *ok = *ok && json_doc_parse(&doc, STR("{\"a\":[1,{\"b\":\"x\"}]}"), NULL) == JSON_FAULT_NONE;
        *ok = *ok && json_equal(heap, doc.root);
        json_decref(heap);
    }
    json_doc_release(&doc);
    return NULL;
}

START_TEST(json__threads_parse_apart)
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

START_TEST(json__strings_are_escaped)
{
    static const struct {
        const char *text;
        size_t len;
        const char *json;
    } rows[] = {
#define ROW(literal, json) {literal, sizeof(literal) - 1, json}
        ROW("", "\"\""),
        ROW("plain \xc3\xa4 \xe2\x82\xac \xf0\x9f\x98\x80",
            "\"plain \xc3\xa4 \xe2\x82\xac \xf0\x9f\x98\x80\""),
        ROW("\"\\/", "\"\\\"\\\\/\""),
        ROW("\b\t\n\f\r", "\"\\b\\t\\n\\f\\r\""),
        ROW("a\0b\x1f", "\"a\\u0000b\\u001f\""),
        ROW("\x7f\xc2\x80\xc2\x9f\xc2\xa0", "\"\\u007f\\u0080\\u009f\xc2\xa0\""),
        ROW("\xe2\x80\xa8\xe2\x80\xa9\xe2\x80\xaa", "\"\\u2028\\u2029\xe2\x80\xaa\""),
        ROW("a\xff"
            "b",
            "\"a\xef\xbf\xbd"
            "b\""),
        ROW("\xc3", "\"\xef\xbf\xbd\""),
        ROW("\xe2\x82", "\"\xef\xbf\xbd\xef\xbf\xbd\""),
        ROW("\xed\xa0\x80", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""),
        ROW("\xf4\x90\x80\x80", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""),
        ROW("\xe0\x80\x80", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""),
#undef ROW
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct buf buf;
        buf_init(&buf, 1000);
        ck_assert(json_put_string(&buf, str_slice(rows[i].text, rows[i].len)));
        ck_assert_view_eq(buf_str(&buf), rows[i].json);
        buf_release(&buf);
    }
}
END_TEST

START_TEST(json__every_string_is_read_back)
{
    struct json_doc doc;
    struct buf buf;
    json_doc_init(&doc, 1 << 20);
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

START_TEST(json__utf8_is_told)
{
    static const struct str good[] = {{"", 0},
                                      {"a\0b", 3},
                                      {"\xc3\xa4", 2},
                                      {"\xe2\x82\xac", 3},
                                      {"\xf4\x8f\xbf\xbf", 4},
                                      {"\xef\xbf\xbf", 3}};
    static const struct str bad[] = {{"a\x80", 2},        {"\xc3", 1},         {"\xc0\x80", 2},
                                     {"\xe0\x9f\xbf", 3}, {"\xed\xa0\x80", 3}, {"\xf4\x90\x80\x80", 4},
                                     {"\xff", 1},         {"\xe2\x82", 2}};
    for (size_t i = 0; i < ARRAY_LEN(good); i++)
        ck_assert_msg(json_is_utf8(good[i]), "good %zu", i);
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        ck_assert_msg(!json_is_utf8(bad[i]), "bad %zu", i);
}
END_TEST

START_TEST(json__writer_places_commas)
{
    struct buf buf;
    struct json_writer w;
    buf_init(&buf, 1000);
    json_writer_init(&w, &buf);
    json_begin_object(&w);
    json_str(&w, "s", STR("x"));
    json_str(&w, "absent", STR_NULL);
    json_i64(&w, "min", INT64_MIN);
    json_u64(&w, "max", UINT64_MAX);
    json_bool(&w, "b", true);
    json_key(&w, "list");
    json_begin_array(&w);
    json_value_i64(&w, 0);
    json_value_null(&w);
    json_begin_object(&w);
    json_end_object(&w);
    json_begin_array(&w);
    json_end_array(&w);
    json_value_raw(&w, STR("{\"raw\":1}"));
    json_value_bool(&w, false);
    json_end_array(&w);
    json_key(&w, "o");
    json_begin_object(&w);
    json_str(&w, "p", STR(""));
    json_end_object(&w);
    json_u64(&w, "last", 10);
    json_end_object(&w);
    ck_assert_view_eq(buf_str(&buf), "{\"s\":\"x\",\"absent\":null,\"min\":-9223372036854775808,"
                                     "\"max\":18446744073709551615,\"b\":true,\"list\":[0,null,{},[],"
                                     "{\"raw\":1},false],\"o\":{\"p\":\"\"},\"last\":10}");
    buf_release(&buf);
}
END_TEST

START_TEST(json__writer_nests_to_its_depth)
{
    struct buf buf;
    struct json_writer w;
    buf_init(&buf, 1000);
    json_writer_init(&w, &buf);
    for (int i = 0; i < 32; i++)
        json_begin_array(&w);
    for (int i = 0; i < 32; i++)
        json_end_array(&w);
    json_value_i64(&w, 1); // several texts may follow one another
    ck_assert_uint_eq(buf.len, 65);
    buf_release(&buf);
}
END_TEST

CHECK_MAIN_WITH(json_setup, "json", json__names_the_fault, json__offset_is_where_it_stopped,
                json__only_oversize_integers_become_reals, json__big_integers_are_reals,
                json__depth_is_bounded, json__memory_ends_at_every_ceiling,
                json__documents_and_heap_trees_mix, json__threads_parse_apart, json__strings_are_escaped,
                json__every_string_is_read_back, json__utf8_is_told, json__writer_places_commas,
                json__writer_nests_to_its_depth)
