// SPDX-License-Identifier: Apache-2.0
// lib/base/json: the writer.
#include "lib/base/json.h"
#include "tests/unit/check_main.h"

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

// Many plain bytes are passed at once: none that is not may hide among them.
START_TEST(json__strings_are_escaped_wherever_it_is)
{
    for (unsigned byte = 0; byte < 256; byte++)
        for (size_t at = 0; at < 20; at++) {
            char text[20], expected[64];
            struct buf one, all;
            memset(text, 'x', sizeof(text));
            text[at] = (char)byte;
            buf_init(&one, 100);
            buf_init(&all, 100);
            ck_assert(json_put_string(&one, str_slice(text + at, 1)));
            ck_assert(json_put_string(&all, str_slice(text, sizeof(text))));
            snprintf(expected, sizeof(expected), "\"%.*s%.*s%.*s\"", (int)at, "xxxxxxxxxxxxxxxxxxxx",
                     (int)one.len - 2, one.ptr + 1, (int)(sizeof(text) - 1 - at), "xxxxxxxxxxxxxxxxxxxx");
            ck_assert_view_eq(buf_str(&all), expected);
            buf_release(&one);
            buf_release(&all);
        }
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

CHECK_MAIN("json", json__strings_are_escaped, json__strings_are_escaped_wherever_it_is, json__utf8_is_told,
           json__writer_places_commas, json__writer_nests_to_its_depth)
