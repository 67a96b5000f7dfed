// SPDX-License-Identifier: Apache-2.0
// lib/json against jansson, on cases by hand, made texts, and made texts with a byte changed.
#include "lib/base/buf.h"
#include "lib/json/parse.h"
#include "tests/unit/check_main.h"
#include "tests/unit/json_peer.h"

static uint32_t random_state = 11;

static uint32_t dice(uint32_t sides)
{
    random_state = random_state * 1664525u + 1013904223u;
    return (random_state >> 9) % sides;
}

// 'y': must be taken; 'n': must be refused; 'i': either, as long as both do the same.
START_TEST(json_peer__cases)
{
    static const struct {
        char kind;
        const char *text;
        size_t len;
    } rows[] = {
#define ROW(kind, literal) {kind, literal, sizeof(literal) - 1}
        ROW('y', "[]"),
        ROW('y', "\t\n\r [ ] "),
        ROW('y', "[[],[[]],{}]"),
        ROW('y', "{\"\":0}"),
        ROW('y', "{\"a\":{\"a\":{\"a\":1}}}"),
        ROW('y', "[{\"a\":1,\"b\":2},{\"a\":1,\"b\":2},{\"b\":1,\"a\":2},{\"a\":1}]"),
        ROW('y', "0"),
        ROW('y', "-0"),
        ROW('y', "-0.0"),
        ROW('y', "[0e1,0E-1,1e+2,12.5e-3,0.1,-2.25]"),
        ROW('y', "[123456789012345678,1234567890123456789,-9223372036854775808]"),
        ROW('y', "[9007199254740993.0,0.30000000000000004,2.2250738585072014e-308,4.9e-324,1e-400]"),
        ROW('y', "[100000000000000000000000,1]"),
        ROW('y', "[1.7976931348623157e308]"),
        ROW('y', "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0041\\u00e9\\u20ac\\ud83d\\ude00\""),
        ROW('y', "\"plain text of more than sixteen bytes, and an escape \\n behind it\""),
        ROW('y', "\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80 \x7f\""),
        ROW('y', "{\"\\u0061\\n\":1,\"a\\nb\":2,\"\xc3\xa9\":3}"),
        ROW('y', "[true,false,null]"),
        ROW('y', "\"\xef\xbf\xbf\xf4\x8f\xbf\xbf\""),
        ROW('n', ""),
        ROW('n', "["),
        ROW('n', "]"),
        ROW('n', "[1"),
        ROW('n', "[1,"),
        ROW('n', "[,1]"),
        ROW('n', "[1,,2]"),
        ROW('n', "[1 2]"),
        ROW('n', "[1}"),
        ROW('n', "{\"a\":1]"),
        ROW('n', "{\"a\"}"),
        ROW('n', "{\"a\":}"),
        ROW('n', "{\"a\" 1}"),
        ROW('n', "{a:1}"),
        ROW('n', "{1:1}"),
        ROW('n', "{,}"),
        ROW('n', "{\"a\":1,}"),
        ROW('n', "{\"a\":1,\"b\":2,\"a\":3}"),
        ROW('n', "[{\"a\":1,\"b\":2},{\"a\":1,\"b\":2,\"b\":3}]"),
        ROW('n', "{\"\\u0061\":1,\"a\":1}"),
        ROW('n', "{\"a\\\"\":1,\"a\\u0022\":1}"),
        ROW('n', "[{\"a\\\"\":1},{\"a\"\":1}]"),
        ROW('n', "tru"),
        ROW('n', "truee"),
        ROW('n', "True"),
        ROW('n', "nul"),
        ROW('n', "[-]"),
        ROW('n', "[--1]"),
        ROW('n', "[-01]"),
        ROW('n', "[00]"),
        ROW('n', "[1.]"),
        ROW('n', "[1.e1]"),
        ROW('n', "[1e]"),
        ROW('n', "[1e+]"),
        ROW('n', "[1e1.5]"),
        ROW('n', "[0x1]"),
        ROW('n', "[Infinity]"),
        ROW('n', "[1e309]"),
        ROW('n', "\"\\a\""),
        ROW('n', "\"\\u00g0\""),
        ROW('n', "\"\\u\""),
        ROW('n', "\"\\ud83d\""),
        ROW('n', "\"\\ud83d\\n\""),
        ROW('n', "\"\\ud83d\\ud83d\""),
        ROW('n', "\"\\ude00\\ud83d\""),
        ROW('n', "\"\\u0000\""),
        ROW('n', "\"\x01\""),
        ROW('n', "\"\x1f\""),
        ROW('n', "\"sixteen bytes of text \n\""),
        ROW('n', "\"\x80\""),
        ROW('n', "\"\xc3\""),
        ROW('n', "\"\xc3\x28\""),
        ROW('n', "\"\xe2\x82\""),
        ROW('n', "\"\xf8\x88\x80\x80\x80\""),
        ROW('n', "[1]\0"),
        ROW('n', "[1]x"),
        ROW('n', "\xef\xbb\xbf[]"),
        ROW('n', "[1]\xc2\xa0"),
        ROW('n', "[\x0b]"),
        ROW('i', "\"\xed\xa0\xbd\xed\xb8\x80\""),
        ROW('i', "[1e-99999999999999999999]"),
        ROW('i', "[0e99999999999999999999]"),
#undef ROW
    };
    struct json_parser parser;
    json_parser_init(&parser);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        bool taken = json_peer_check(&parser, str_slice(rows[i].text, rows[i].len));
        ck_assert_msg(rows[i].kind == 'i' || taken == (rows[i].kind == 'y'), "%s", rows[i].text);
    }
    json_parser_release(&parser);
}
END_TEST

static void put_space(struct buf *out)
{
    static const char *const spaces[] = {"", "", "", " ", "\n  ", "\t", "\r\n"};
    buf_put_cstr(out, spaces[dice(ARRAY_LEN(spaces))]);
}

static void put_text(struct buf *out)
{
    static const char *const parts[] = {"a",
                                        "b",
                                        "key",
                                        "\\n",
                                        "\\u0041",
                                        "\\ud83d\\ude00",
                                        "\xc3\xa9",
                                        "/",
                                        "some longer stretch of plain text",
                                        "\\\"",
                                        "\xe2\x82\xac",
                                        "0"};
    buf_put_char(out, '"');
    for (uint32_t i = dice(4); i; i--)
        buf_put_cstr(out, parts[dice(ARRAY_LEN(parts))]);
    buf_put_char(out, '"');
}

static void put_made(struct buf *out, unsigned depth)
{
    static const char *const scalars[] = {"0",
                                          "-1",
                                          "12345678901234567890",
                                          "1.5",
                                          "-0.001e-3",
                                          "1e22",
                                          "true",
                                          "false",
                                          "null",
                                          "123456",
                                          "3.14159265358979323846",
                                          "-9223372036854775808",
                                          "1e-7",
                                          "0.1"};
    uint32_t what = depth ? dice(5) : dice(2), count = dice(dice(8) ? 6 : 40);
    bool object = what == 2;
    if (what == 0) {
        put_text(out);
    } else if (what == 1) {
        buf_put_cstr(out, scalars[dice(ARRAY_LEN(scalars))]);
    } else {
        buf_put_char(out, object ? '{' : '[');
        put_space(out);
        for (uint32_t i = 0; i < count; i++) {
            buf_put_cstr(out, i ? "," : "");
            put_space(out);
            if (object) {
                if (dice(3))
                    buf_putf(out, "\"m%u\"", i);
                else
                    put_text(out); // now and then twice
                put_space(out);
                buf_put_char(out, ':');
                put_space(out);
            }
            put_made(out, depth - 1);
            put_space(out);
        }
        buf_put_char(out, object ? '}' : ']');
    }
}

START_TEST(json_peer__made_texts)
{
    static const char bytes[] = "\"\\{}[],:0e.-tu \n\x80\xc3\x01";
    struct json_parser parser;
    struct buf text;
    unsigned taken = 0, refused = 0;
    json_parser_init(&parser);
    buf_init(&text, (size_t)1 << 24);
    for (unsigned round = 0; round < 4000; round++) {
        buf_clear(&text);
        put_made(&text, 5);
        // To the byte, so that a sanitizer sees a step too far.
        char *copy = malloc(text.len);
        ck_assert_ptr_nonnull(copy);
        for (unsigned n = 0; n < 4; n++) {
            memcpy(copy, text.ptr, text.len);
            for (unsigned changes = n ? 1 + dice(2) : 0; changes; changes--)
                copy[dice((uint32_t)text.len)] = bytes[dice(sizeof(bytes))];
            bool ok = json_peer_check(&parser, str_slice(copy, text.len));
            taken += ok;
            refused += !ok;
        }
        free(copy);
    }
    ck_assert_uint_gt(taken, 1000);
    ck_assert_uint_gt(refused, 1000);
    buf_release(&text);
    json_parser_release(&parser);
}
END_TEST

CHECK_MAIN("json_peer", json_peer__cases, json_peer__made_texts)
