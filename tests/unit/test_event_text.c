// SPDX-License-Identifier: Apache-2.0
// lib/wire/event_text.
#include "lib/wire/event_text.h"
#include "lib/wire/limits.h"
#include "tests/unit/check_main.h"

// The minified text is copied to `buf`.
static enum problem scan(struct str text, struct buf *buf)
{
    struct json_doc doc;
    size_t len = text.len;
    json_doc_init(&doc, NULL, (size_t)64 << 20);
    char *own = malloc(MAX(len, 1)); // to the byte, so that a sanitizer sees a step too far
    ck_assert_ptr_nonnull(own);
    if (len)
        memcpy(own, text.ptr, len);
    enum problem problem = event_text_parse(&doc, own, &len);
    ck_assert(!problem == json_is_object(doc.root));
    buf_clear(buf);
    if (!problem)
        buf_put(buf, own, len);
    json_doc_release(&doc);
    free(own);
    return problem;
}

START_TEST(event_text__minifies)
{
    static const struct {
        const char *text, *minified;
    } rows[] = {
        {"{}", "{}"},
        {" \t\r\n{ } \n", "{}"},
        {"{\"a\":1}", "{\"a\":1}"},
        {"{ \"a\" : 1 , \"b c\" :\n[ true, null ,false ] }", "{\"a\":1,\"b c\":[true,null,false]}"},
        {"{\"a b\":\" \\\" \\\\\", \"\\\\\": \"x\"}", "{\"a b\":\" \\\" \\\\\",\"\\\\\":\"x\"}"},
        {"{\"n\": -0.50e+10}", "{\"n\":-0.50e+10}"},
        {"{\"\xc3\xa4\xe2\x82\xac\": \"\\u00e4\\u20AC\"}", "{\"\xc3\xa4\xe2\x82\xac\":\"\\u00e4\\u20AC\"}"},
        {"{\"0123456789abcdef\": \"0123456\\\"789\\\\\"}", "{\"0123456789abcdef\":\"0123456\\\"789\\\\\"}"},
    };
    struct buf buf;
    buf_init(&buf, 4096);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        ck_assert_msg(scan(str_from(rows[i].text), &buf) == PROBLEM_NONE, "%s", rows[i].text);
        ck_assert_view_eq(buf_str(&buf), rows[i].minified);
    }
    buf_release(&buf);
}
END_TEST

START_TEST(event_text__names_the_problem)
{
    static const struct {
        const char *text;
        size_t len;
        enum problem problem;
    } rows[] = {
#define ROW(literal, problem) {literal, sizeof(literal) - 1, PROBLEM_##problem}
        ROW("", json_malformed),
        ROW("  \n", json_malformed),
        ROW("nonsense", json_malformed),
        ROW(" true\n", json_not_object),
        ROW("\xef\xbb\xbf{}", json_malformed),
        ROW("\xff", json_malformed),
        ROW("}", json_malformed),
        ROW("]", json_malformed),
        ROW(",", json_malformed),
        ROW("x", json_malformed),
        ROW("\0", json_malformed),
        ROW("<html>", json_malformed),
        ROW("[]", json_not_object),
        ROW(" [1", json_not_object),
        ROW("\"{}\"", json_not_object),
        ROW("1", json_not_object),
        ROW("-1", json_not_object),
        ROW("true", json_not_object),
        ROW("false", json_not_object),
        ROW("null", json_not_object),
        // Open and surplus ends.
        ROW("{", json_malformed),
        ROW("{\"a\":[", json_malformed),
        ROW("{}}", json_malformed),
        ROW("{\"a", json_malformed),
        ROW("{\"a\\", json_malformed),
        ROW("{\"a\\\"", json_malformed),
        // White space that parts two tokens cannot go.
        ROW("{\"a\":1 2}", json_malformed),
        ROW("{\"a\":tr ue}", json_malformed),
        ROW("{\"a\":- 1}", json_malformed),
        ROW("{\"a\":1 e5}", json_malformed),
        ROW("{\"a\":1. 5}", json_malformed),
        ROW("{\"a\":true false}", json_malformed),
        // Strings.
        ROW("{\"a\":\"\\u0000\"}", json_string_refused),
        ROW("{\"\\u0000\":1}", json_string_refused),
        ROW("{\"a\":\"\\\\\\u0000\"}", json_string_refused),
        ROW("{\"a\":\"x\0\"}", json_string_refused),
        ROW("{\"\0\":1}", json_string_refused),
        ROW("{\"a\":\"\\\\u0000\"}", NONE),
        ROW("{\"a\":\"\\u00001\"}", json_string_refused),
        ROW("{\"a\":\"\\u0001\\u1000\"}", NONE),
        ROW("{\"a\":\"u0000\"}", NONE),
#undef ROW
    };
    struct buf buf;
    buf_init(&buf, 4096);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        enum problem problem = scan(str_slice(rows[i].text, rows[i].len), &buf);
        ck_assert_msg(problem == rows[i].problem, "row %zu %s: %d", i, rows[i].text, (int)problem);
    }
    ck_assert_int_eq(scan(STR_NULL, &buf), PROBLEM_json_malformed);
    buf_release(&buf);
}
END_TEST

#define TEN(s) s s s s s s s s s s

START_TEST(event_text__numbers_are_bounded)
{
    static const struct {
        const char *number;
        bool ok;
    } rows[] = {
        {"0", true},
        {"-0", true},
        {"0.0", true},
        {"-1.50", true},
        {"18446744073709551615", true},
        // 32 significant digits.
        {"12345678901234567890123456789012", true},
        {"-12345678901234567890123456789012", true},
        {"123456789012345678901234567890123", false},
        {"1.2345678901234567890123456789012", true},
        {"1.23456789012345678901234567890123", false},
        {"1.0000000000000000000000000000000", true},
        {"1.00000000000000000000000000000000", false},
        {"0.00000000000000012345678901234567890123456789012", true},
        {"0.000000000000000123456789012345678901234567890123", false},
        {"0.00000000000000000000000000000000", true},
        {"0.000000000000000000000000000000000", false},
        {"0." TEN(TEN("0000")) "1", false},
        {"0." TEN(TEN("000")) "1", true},
        // Exponents, of the value written with one digit before the point.
        {"1e308", true},
        {"1E+308", true},
        {"1e309", false},
        {"10e307", true},
        {"10e308", false},
        {"0.1e309", true},
        {"0.01e310", true},
        {"0.01e311", false},
        {"1e-308", true},
        {"1e-309", false},
        {"123e-310", true},
        {"123e-311", false},
        {"0.1e-307", true},
        {"0.1e-308", false},
        {"1e0000000000000000000000000000000000000000005", true},
        {"1e99999999999999999999999999999999999999999999", false},
        {"1e-99999999999999999999999999999999999999999999", false},
        // Zeros that jsonb refuses or would print at length.
        {"0e308", true},
        {"0e309", false},
        {"0e-308", true},
        {"0e-309", false},
        {"0e-999999999", false},
        {"0.0e2147483648", false},
        {"0.0e-2147483649", false},
        {"-0e99999999999999999999", false},
        {"1e-16383", false},
        {"1e-16384", false},
    };
    struct buf buf;
    buf_init(&buf, 8192);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char text[4096];
        snprintf(text, sizeof(text), "{\"a\":[1,%s]}", rows[i].number);
        enum problem problem = scan(str_from(text), &buf);
        ck_assert_msg(problem == (rows[i].ok ? PROBLEM_NONE : PROBLEM_json_number_refused), "%s: %d",
                      rows[i].number, (int)problem);
        if (problem == PROBLEM_NONE)
            ck_assert_view_eq(buf_str(&buf), text);
    }
    buf_release(&buf);
}
END_TEST

// {"a":[<item>,<item>,…]} with `count` items.
static void put_list(struct buf *buf, struct str item, size_t count)
{
    buf_clear(buf);
    buf_put_cstr(buf, "{\"a\":[");
    for (size_t i = 0; i < count; i++) {
        if (i)
            buf_put_char(buf, ',');
        buf_put_str(buf, item);
    }
    buf_put_cstr(buf, "]}");
    BUG_ON(!buf_ok(buf));
}

START_TEST(event_text__printed_digits_are_bounded)
{
    static const struct {
        const char *number;
        size_t printed; // as PostgreSQL prints it, without sign and point
    } rows[] = {
        {"7", 1},        {"-1234", 4},  {"1.25", 3},    {"1e3", 4},      {"1.5e300", 301},
        {"1e-300", 301}, {"1.5e-3", 5}, {"0.000", 4},   {"0e-300", 301}, {"0e300", 1},
        {"12.50e1", 4},  {"0.01e2", 1}, {"0.012e1", 3}, {"123e-2", 3},
    };
    struct buf text, buf;
    buf_init(&text, 1 << 20);
    buf_init(&buf, 1 << 20);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        size_t count = LIMIT_EXPANDED_DIGITS / rows[i].printed;
        if (count + 3 > LIMIT_JSON_NODES)
            continue;
        put_list(&text, str_from(rows[i].number), count);
        ck_assert_msg(scan(buf_str(&text), &buf) == PROBLEM_NONE, "%s", rows[i].number);
        put_list(&text, str_from(rows[i].number), count + 1);
        ck_assert_msg(scan(buf_str(&text), &buf) == PROBLEM_json_number_refused, "%s", rows[i].number);
    }
    buf_release(&text);
    buf_release(&buf);
}
END_TEST

START_TEST(event_text__values_are_bounded)
{
    static const struct {
        const char *item;
        size_t values; // in one item
    } rows[] = {
        {"1", 1},  {"\"x\"", 1}, {"true", 1},          {"null", 1},
        {"[]", 1}, {"{}", 1},    {"{\"k\":false}", 2}, {"[{\"k\" : 1}]", 3},
    };
    struct buf text, buf;
    buf_init(&text, 1 << 20);
    buf_init(&buf, 1 << 20);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        // The object and its list are two values more.
        size_t count = (LIMIT_JSON_NODES - 2) / rows[i].values;
        put_list(&text, str_from(rows[i].item), count);
        ck_assert_msg(scan(buf_str(&text), &buf) == PROBLEM_NONE, "%s", rows[i].item);
        put_list(&text, str_from(rows[i].item), count + 1);
        ck_assert_msg(scan(buf_str(&text), &buf) == PROBLEM_json_too_many_nodes, "%s", rows[i].item);
    }
    buf_release(&text);
    buf_release(&buf);
}
END_TEST

START_TEST(event_text__depth_is_bounded)
{
    struct buf text, buf;
    buf_init(&text, 4096);
    buf_init(&buf, 4096);
    for (size_t depth = 1; depth <= LIMIT_JSON_DEPTH + 1; depth++) {
        buf_clear(&text);
        for (size_t i = 0; i < depth; i++)
            buf_put_cstr(&text, i % 2 ? "[" : "{\"a\":");
        buf_put_cstr(&text, "1");
        for (size_t i = depth; i-- > 0;)
            buf_put_char(&text, i % 2 ? ']' : '}');
        enum problem problem = scan(buf_str(&text), &buf);
        ck_assert_int_eq(problem, depth > LIMIT_JSON_DEPTH ? PROBLEM_json_too_deep : PROBLEM_NONE);
    }
    buf_release(&text);
    buf_release(&buf);
}
END_TEST

START_TEST(event_text__strings_end_at_every_offset)
{
    // Quotes and backslashes at every place of a word of eight bytes.
    struct buf buf;
    buf_init(&buf, 4096);
    for (size_t before = 0; before < 20; before++) {
        for (size_t after = 0; after < 20; after++) {
            char text[128];
            snprintf(text, sizeof(text), "{\"%.*s\\\"%.*s\":\"%.*s\\\\\"}", (int)before,
                     "xxxxxxxxxxxxxxxxxxxx", (int)after, "yyyyyyyyyyyyyyyyyyyy", (int)before,
                     "zzzzzzzzzzzzzzzzzzzz");
            ck_assert_msg(scan(str_from(text), &buf) == PROBLEM_NONE, "%s", text);
            ck_assert_view_eq(buf_str(&buf), text);
        }
    }
    buf_release(&buf);
}
END_TEST

START_TEST(sha256__hex_is_read_strictly)
{
    static const struct {
        const char *hex;
        bool ok;
    } rows[] = {
        {"00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff", true},
        {"00FF00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff", true},
        {"00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00f", false},
        {"00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff0", false},
        {"00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00fg", false},
        {"00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00 f", false},
        {"", false},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        uint8_t digest[SHA256_LEN];
        ck_assert_msg(sha256_from_hex(str_from(rows[i].hex), digest) == rows[i].ok, "%s", rows[i].hex);
        for (size_t j = 0; rows[i].ok && j < SHA256_LEN; j++)
            ck_assert_uint_eq(digest[j], j % 2 ? 0xff : 0);
    }
}
END_TEST

START_TEST(event_text__pretty_and_compact_have_one_hash)
{
    struct buf one, two;
    uint8_t first[SHA256_LEN], second[SHA256_LEN];
    buf_init(&one, 4096);
    buf_init(&two, 4096);
    ck_assert_int_eq(scan(STR("{\n  \"a\": [\n    1,\n    \"x y\"\n  ]\n}\n"), &one), PROBLEM_NONE);
    ck_assert_int_eq(scan(STR("{\"a\":[1,\"x y\"]}"), &two), PROBLEM_NONE);
    sha256(buf_str(&one), first);
    sha256(buf_str(&two), second);
    ck_assert_mem_eq(first, second, SHA256_LEN);
    buf_release(&one);
    buf_release(&two);
}
END_TEST

START_TEST(event_text__every_parse_fault_is_a_problem)
{
    static const enum problem problems[] = {
        [JSON_FAULT_NONE] = PROBLEM_NONE,
        [JSON_FAULT_SYNTAX] = PROBLEM_json_malformed,
        [JSON_FAULT_DUPLICATE] = PROBLEM_json_duplicate_member,
        [JSON_FAULT_STRING] = PROBLEM_json_string_refused,
        [JSON_FAULT_NUMBER] = PROBLEM_json_number_refused,
        [JSON_FAULT_DEPTH] = PROBLEM_json_too_deep,
        [JSON_FAULT_VALUES] = PROBLEM_json_too_many_nodes,
        [JSON_FAULT_MEMORY] = PROBLEM_overloaded,
    };
    for (size_t i = 0; i < ARRAY_LEN(problems); i++)
        ck_assert_int_eq(event_text_fault((enum json_fault)i), problems[i]);
}
END_TEST

CHECK_MAIN("event_text", event_text__minifies, event_text__names_the_problem, event_text__numbers_are_bounded,
           event_text__printed_digits_are_bounded, event_text__values_are_bounded,
           event_text__depth_is_bounded, event_text__strings_end_at_every_offset,
           sha256__hex_is_read_strictly, event_text__pretty_and_compact_have_one_hash,
           event_text__every_parse_fault_is_a_problem)
