// SPDX-License-Identifier: Apache-2.0
// Our automata against PCRE2 on made patterns, and the bounds of those that only PCRE2 can do.
#include "lib/schema/regex.h"

#include "tests/unit/check_main.h"

#include <time.h>

static struct jsv_regex *compile(const char *pattern)
{
    struct jsv_regex *regex = NULL;
    struct err err = {.text = ""};
    size_t work = REGEX_WORK;
    ck_assert_msg(jsv_regex_compile(str_from(pattern), &work, &regex, &err), "%s: %s", pattern, err.text);
    return regex;
}

START_TEST(schema_regex__linear_or_not)
{
    static const struct {
        const char *pattern;
        bool linear;
    } rows[] = {
        {"^[A-Za-z0-9_.-]{1,64}$", true},
        {"^[a-z]+(-[a-z0-9]+)*$", true},
        {"^(a|b|c)$", true},
        {"b+", true},
        {"^.{1,120}$", true},
        {"^(a+)+$", true},
        {"^\\u{1F432}|\\uD83D\\uDC32$", true},
        {"", true},
        {"\\w{1,1000}\\w{1,1000}@$", false}, // too many states
        {"(?=a)b", false},
        {"^(?!a)[a-z]+$", true},
        {"^(?=.*\\d)(?!admin|root$)\\w{4,20}$", true},
        {"^(?![\\s\\S]*/\\.\\.(?:/|$))", true},
        {"^a(?!b)", false},
        {"^(?!(?=a)b)c", false},
        {"^(?!a)b|c", false},
        {"(?:^(?!a)b)", false},
        {"(a)\\1", false},
        {"\\bword\\b", false},
        {"^\\p{L}+$", false},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct jsv_regex *regex = compile(rows[i].pattern);
        ck_assert_msg(jsv_regex_is_linear(regex) == rows[i].linear, "%s", rows[i].pattern);
        jsv_regex_free(regex);
    }
}
END_TEST

static uint32_t random_state = 1;

static uint32_t dice(uint32_t sides)
{
    random_state = random_state * 1664525u + 1013904223u;
    return (random_state >> 10) % sides;
}

static void put_pattern(struct buf *out, unsigned depth)
{
    static const char *const atoms[] = {"a",
                                        "b",
                                        "-",
                                        ".",
                                        "\xc3\xa9",
                                        "[ab]",
                                        "[^a]",
                                        "\\d",
                                        "\\w",
                                        "[\\w-]",
                                        "\\s",
                                        "[a-f\\d]",
                                        "\\u00e9",
                                        "[\\S]",
                                        "\\W",
                                        "\\x61",
                                        "[^\\s\\-]",
                                        "\\n",
                                        "^",
                                        "$",
                                        "[]",
                                        "[^]",
                                        "\xf0\x9f\x90\xb2",
                                        "[\xc2\x80-\xed\x9f\xbf]"};
    static const char *const repeats[] = {"*",     "+",    "?",  "{2}", "{1,3}",
                                          "{0,2}", "{2,}", "*?", "{0}", "{,2}"};
    for (unsigned n = dice(4) + (depth == 3); n; n--) {
        unsigned what = dice(10);
        if (what < 2 && depth) {
            buf_put_cstr(out, dice(2) ? "(" : "(?:");
            put_pattern(out, depth - 1);
            buf_put_char(out, ')');
        } else if (what == 2) {
            buf_put_char(out, '|');
            continue;
        } else {
            const char *atom = atoms[dice(ARRAY_LEN(atoms))];
            buf_put_cstr(out, atom);
            if (*atom == '^' || *atom == '$')
                continue;
        }
        if (!dice(3))
            buf_put_cstr(out, repeats[dice(ARRAY_LEN(repeats))]);
    }
}

START_TEST(schema_regex__automata_agree_with_pcre2)
{
    static const char *const letters[] = {
        "a", "b", "-", "1", "\xc3\xa9", "\n", " ", "_", "\xe2\x80\xa8", "\xf0\x9f\x90\xb2", "{", "\xc2\xa0"};
    struct jsv_matcher *matcher = jsv_matcher_new();
    struct buf pattern, subject;
    unsigned linear = 0, matched = 0;
    buf_init(&pattern, 1 << 16);
    buf_init(&subject, 1 << 16);
    for (unsigned round = 0; round < 3000; round++) {
        struct jsv_regex *regex = NULL;
        struct err err;
        size_t work = 200000;
        buf_clear(&pattern);
        if (round % 4 == 1) { // what begins with look-aheads
            buf_put_char(&pattern, '^');
            for (unsigned n = 1 + dice(3); n; n--) {
                buf_put_cstr(&pattern, dice(3) ? "(?!" : "(?=");
                put_pattern(&pattern, 2);
                buf_put_char(&pattern, ')');
            }
            put_pattern(&pattern, 2);
        } else if (round % 4) {
            put_pattern(&pattern, 3);
        } else { // runs of one set
            static const char *const sets[] = {"[ab]", "\\w", "a", "[^a]", "\\d?[\\d]"};
            static const char *const counts[] = {"", "+", "*", "{2}", "{1,3}", "{2,}"};
            buf_putf(&pattern, "^%s%s$", sets[dice(ARRAY_LEN(sets))], counts[dice(ARRAY_LEN(counts))]);
        }
        if (!jsv_regex_compile(buf_str(&pattern), &work, &regex, &err))
            continue;
        linear += jsv_regex_is_linear(regex);
        for (unsigned i = 0; i < 24; i++) {
            buf_clear(&subject);
            for (unsigned n = dice(7); n; n--)
                buf_put_cstr(&subject, letters[dice(ARRAY_LEN(letters))]);
            enum jsv_verdict wanted = jsv_regex_backtrack(regex, matcher, buf_str(&subject));
            if (wanted == JSV_LIMIT)
                continue;
            enum jsv_verdict got = jsv_regex_search(regex, matcher, buf_str(&subject));
            matched += got == JSV_VALID;
            ck_assert_msg(got == wanted, "/%.*s/ on \"%.*s\": %d, PCRE2 %d", STR_FMT(buf_str(&pattern)),
                          STR_FMT(buf_str(&subject)), got, wanted);
        }
        jsv_regex_free(regex);
    }
    ck_assert_uint_gt(linear, 1000);
    ck_assert_uint_gt(matched, 1000);
    buf_release(&pattern);
    buf_release(&subject);
    jsv_matcher_free(matcher);
}
END_TEST

// Patterns of which most of a subject is passed without a step, on subjects that are long enough.
START_TEST(schema_regex__skipping_agrees_with_pcre2)
{
    static const char *const patterns[] = {
        "^(?![\\s\\S]*[/\\\\]\\.\\.(?:[/\\\\]|$))",
        "^(?!a+:)(?![^]*[/:][./])",
        "/\\.",
        "//",
        "/[./]a",
        "[/:][/:]$",
        "^[\\s\\S]*/\\.$",
        "^[\\s\\S]{2,}/[^]+\\.$",
        "^[a-z]+/[a-z:]+$",
        "^[a-z\u00e9]*/[^/]*$",
        "^(?=[^]*\\.)[a-z./]+$",
        "\u00e9[\u00e9.]",
        "^[^/]+(?:/[^/]+)*$",
        "^(?!.*:)[a-z]*[./]?[a-z]*$",
    };
    static const char *const letters[] = {"a", "b", "z", "/", ".", "\\", ":", "\xc3\xa9", "\n"};
    struct jsv_matcher *matcher = jsv_matcher_new();
    struct buf subject;
    unsigned verdicts[2] = {0};
    buf_init(&subject, 1 << 16);
    for (size_t i = 0; i < ARRAY_LEN(patterns); i++) {
        struct jsv_regex *regex = compile(patterns[i]);
        ck_assert_msg(jsv_regex_is_linear(regex), "%s", patterns[i]);
        for (unsigned round = 0; round < 4000; round++) {
            uint32_t few = 1 + dice(12), kinds = 4 + dice(ARRAY_LEN(letters) - 3);
            buf_clear(&subject);
            for (unsigned n = dice(round % 2 ? 60 : 20); n; n--)
                buf_put_cstr(&subject, letters[dice(dice(few) ? 3 : kinds)]);
            enum jsv_verdict wanted = jsv_regex_backtrack(regex, matcher, buf_str(&subject));
            enum jsv_verdict got = jsv_regex_search(regex, matcher, buf_str(&subject));
            ck_assert_msg(got == wanted, "/%s/ on \"%.*s\": %d, PCRE2 %d", patterns[i],
                          STR_FMT(buf_str(&subject)), got, wanted);
            verdicts[got]++;
        }
        jsv_regex_free(regex);
    }
    ck_assert_uint_gt(verdicts[JSV_VALID], 5000);
    ck_assert_uint_gt(verdicts[JSV_INVALID], 5000);
    buf_release(&subject);
    jsv_matcher_free(matcher);
}
END_TEST

// The bound is one of work; the clock only tells that it is of the right order, with room for sanitizers.
START_TEST(schema_regex__backtracking_is_bounded)
{
    static const char *const patterns[] = {"\\w{1,1000}\\w{1,1000}@$", "(?!x)\\w+\\w+\\w+@$",
                                           "^(?:(?=a)(a+)+)$", "(?=a)(a|a)*b", "\\b\\w*\\w*@"};
    struct jsv_matcher *matcher = jsv_matcher_new();
    for (size_t len = 16; len <= 65536; len *= 4) {
        struct buf subject;
        buf_init(&subject, 1 << 20);
        for (size_t i = 0; i < len; i++)
            buf_put_char(&subject, 'a');
        buf_put_char(&subject, '!');
        for (size_t i = 0; i < ARRAY_LEN(patterns); i++) {
            struct jsv_regex *regex = compile(patterns[i]);
            clock_t before = clock();
            enum jsv_verdict verdict = jsv_regex_search(regex, matcher, buf_str(&subject));
            double ms = (double)(clock() - before) * 1000 / CLOCKS_PER_SEC;
            ck_assert_msg(verdict != JSV_VALID && ms < 1500, "%s on %zu bytes: %.0f ms", patterns[i], len,
                          ms);
            ck_assert(len < 65536 || verdict == JSV_LIMIT);
            ck_assert_uint_ge(jsv_regex_steps(regex, len), 1 + len / 64);
            jsv_regex_free(regex);
        }
        buf_release(&subject);
    }
    jsv_matcher_free(matcher);
}
END_TEST

CHECK_MAIN("schema_regex", schema_regex__linear_or_not, schema_regex__automata_agree_with_pcre2,
           schema_regex__skipping_agrees_with_pcre2, schema_regex__backtracking_is_bounded)
