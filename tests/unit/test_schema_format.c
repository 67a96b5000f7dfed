// SPDX-License-Identifier: Apache-2.0
// What `format` says yes to, beyond what the official suite of 2023 asks.
#include "lib/schema/format.h"
#include "lib/schema/regex.h"

#include "tests/unit/check_main.h"

#include <stdlib.h>

struct row {
    const char *text;
    bool holds;
};

static void check_rows(enum jsv_format format, const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++)
        ck_assert_msg(jsv_format_holds(format, str_from(rows[i].text)) == rows[i].holds, "%s: \"%s\"",
                      jsv_format_phrase(format), rows[i].text);
}

#define CHECK_ROWS(format, rows) check_rows(format, rows, ARRAY_LEN(rows))

START_TEST(schema_format__regex_by_the_grammar_of_u)
{
    static const struct row rows[] = {
        {"", true},
        {"a|", true},
        {"^$", true},
        // Ranges
        {"[a-b]", true},
        {"[b-a]", false},
        {"[a-]", true},
        {"[-a]", true},
        {"[^-]", true},
        {"[--0]", true},
        {"[0--]", false},
        {"[\\x41-\\u0042]", true},
        {"[\\u{1F600}-\\u{1F601}]", true},
        {"[\\ud83d\\ude00-\\ud83d\\ude01]", true},
        {"[\\u{1F601}-\\u{1F600}]", false},
        {"[\u00e9-\u00e8]", false},
        {"[\\d-z]", false},
        {"[a-\\w]", false},
        {"[\\w-]", true},
        {"[\\-\\b]", true},
        {"[]", true},
        {"[^]", true},
        {"[a", false},
        {"[\\k]", false},
        {"[\\1]", false},
        {"[\\B]", false},
        {"[()*+?{}|.$^/]", true},
        // Groups and what refers to them
        {"(?<a>.)\\k<a>", true},
        {"\\k<a>(?<a>.)", true},
        {"(?<a>.)\\k<b>", false},
        {"\\k", false},
        {"\\k<a", false},
        {"(?<a>.)(?<a>.)", false},
        {"(?<1a>.)", false},
        {"(?<>.)", false},
        {"(?<a b>.)", false},
        {"(?<$\u00e9_1>.)\\k<$\u00e9_1>", true},
        {"(?<\\u0061>.)", true},
        {"(.)\\1", true},
        {"\\1(.)", true},
        {"(.)\\2", false},
        {"(?:.)\\1", false},
        {"\\18446744073709551616", false},
        {"((a)(b))\\3", true},
        {"(", false},
        {")", false},
        {"(?", false},
        {"(?i)a", false},
        {"(?>a)", false},
        {"(?P<a>.)", false},
        {"(?#a)", false},
        // Quantifiers
        {"a{2}", true},
        {"a{2,}?", true},
        {"a{2,3}", true},
        {"a{3,2}", false},
        {"a{010,9}", false},
        {"a{99999999999999999999,100000000000000000000}", true},
        {"a{,3}", false},
        {"a{", false},
        {"a}", false},
        {"a]", false},
        {"{2}", false},
        {"a**", false},
        {"a+?", true},
        {"a++", false},
        {"*", false},
        {"^*", false},
        {"\\b+", false},
        {"(?=a)*", false},
        {"(?<!a){2}", false},
        {"(?:(?=a))*", true},
        {"(?=(a))", true},
        {"(|a)*", true},
        // Escapes
        {"\\d\\D\\s\\S\\w\\W\\b\\B\\f\\n\\r\\t\\v\\0", true},
        {"\\^\\$\\\\\\.\\*\\+\\?\\(\\)\\[\\]\\{\\}\\|\\/", true},
        {"\\-", false},
        {"\\_", false},
        {"\\a", false},
        {"\\Z", false},
        {"\\A", false},
        {"\\00", false},
        {"\\cA\\cz", true},
        {"\\c1", false},
        {"\\c", false},
        {"\\x4", false},
        {"\\x4G", false},
        {"\\u12", false},
        {"\\u{}", false},
        {"\\u{110000}", false},
        {"\\u{10FFFF}", true},
        {"\\ud800", true},
        {"\\p{L}\\P{Script=Greek}", true},
        {"\\p{L", false},
        {"\\p{}", false},
        {"\\p{=a}", false},
        {"\\p{a=}", false},
        {"\\p{a=b=c}", false},
        {"\\pL", false},
        {"\\", false},
        {"\\\u00e9", false},
        {"[[:alpha:]]", false}, // "]" by itself
    };
    CHECK_ROWS(FORMAT_REGEX, rows);
    ck_assert(!jsv_format_holds(FORMAT_REGEX, STR("\\\0")));
    ck_assert(jsv_format_holds(FORMAT_REGEX, STR("a\0b")));
}
END_TEST

// As deep and as long as a pattern may be; the compiler would not take longer ones either.
START_TEST(schema_format__regex_is_bounded)
{
    size_t len = REGEX_PATTERN_MAX - 1;
    char *text = malloc(len);
    ck_assert_ptr_nonnull(text);
    memset(text, '(', len);
    ck_assert(!jsv_format_holds(FORMAT_REGEX, str_slice(text, len)));
    memset(text + len / 2, ')', len - len / 2);
    ck_assert(!jsv_format_holds(FORMAT_REGEX, str_slice(text, len)));
    ck_assert(jsv_format_holds(FORMAT_REGEX, str_slice(text, len - 1)));
    memset(text, 'a', len);
    ck_assert(jsv_format_holds(FORMAT_REGEX, str_slice(text, len)));
    free(text);
}
END_TEST

// RFC 5890: what begins with xn-- has to be the encoding of a label that may be.
START_TEST(schema_format__hostname_decodes_labels)
{
    static const struct row rows[] = {
        {"xn--bcher-kva.example", true},
        {"XN--BCHER-KVA.EXAMPLE", true},
        {"xn--Bcher-kva.example", true},
        {"xn--4gbwdl.xn--wgbh1c", true},
        {"xn--ihqwcrb4cv8a8dqg056pqjye", true},
        {"xn--", false},
        {"xn---", false},
        {"xn--X", false},
        {"xn--a", false},
        {"xn--abc-", false},     // all of it ASCII
        {"xn--bcher-kv", false}, // ends within a number
        {"xn--bcher_-kva", false},
        {"xn--99999999999999", false},
        {"XN--aa---o47jg78q", false}, // "--" in the third and fourth place
        {"xn--al-0ea", false},        // a middle dot between "a" and "l"
        {"xn--ll-0ea", true},         // and between two of "l"
        {"ab--cd", false},
        {"a.xn--bcher-kva.b", true},
        {"a.xn--bcher-.b", false},
    };
    CHECK_ROWS(FORMAT_HOSTNAME, rows);
    CHECK_ROWS(FORMAT_IDN_HOSTNAME, rows);
    ck_assert(jsv_format_holds(FORMAT_EMAIL, STR("a@xn--bcher-kva.example")));
    ck_assert(!jsv_format_holds(FORMAT_EMAIL, STR("a@xn--x.example")));
}
END_TEST

START_TEST(schema_format__idn_hostname_keeps_the_context_rules)
{
    static const struct row rows[] = {
        {"b\u00fccher.example", true},
        {"l\u00b7l", true},
        {"a\u00b7l", false},
        {"\u03b1\u0375\u03b2", true},
        {"\u03b1\u0375S", false},
        {"\u05d0\u05f3\u05d1", true},
        {"\u05f3\u05d1", false},
        {"\u30fb\u3041", true},
        {"def\u30fbabc", false},
        {"\u0628\u0660\u0661", true},
        {"\u0628\u0660\u06f0", false},
        {"\u0915\u094d\u200d\u0937", true},
        {"\u0915\u200d\u0937", false},
        {"a\u3002b\uff0ec\uff61d", true},
        {"a\u3002", false},
        {"\uff0e", false},
        {"a\u3002\u3002b", false},
        {"", false},
    };
    CHECK_ROWS(FORMAT_IDN_HOSTNAME, rows);
}
END_TEST

START_TEST(schema_format__phrases_are_grammar)
{
    for (int i = 0; i < FORMAT_COUNT; i++) {
        const char *phrase = jsv_format_phrase((enum jsv_format)i);
        const char *noun = strchr(phrase, ' ') + 1;
        // None begins with another u than that of "a URI".
        bool vowel = strchr("aeioAEIO", *noun) != NULL;
        ck_assert_msg(strncmp(phrase, vowel ? "an " : "a ", vowel ? 3 : 2) == 0, "%s", phrase);
    }
    ck_assert_str_eq(jsv_format_phrase(FORMAT_EMAIL), "an e-mail address");
}
END_TEST

CHECK_MAIN("schema_format", schema_format__regex_by_the_grammar_of_u, schema_format__regex_is_bounded,
           schema_format__hostname_decodes_labels, schema_format__idn_hostname_keeps_the_context_rules,
           schema_format__phrases_are_grammar)
