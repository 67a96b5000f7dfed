// SPDX-License-Identifier: Apache-2.0
// lib/base/str.
#include "lib/base/str.h"
#include "tests/unit/check_main.h"

START_TEST(str__compares)
{
    static const struct {
        const char *a, *b;
        int order;
        bool nocase;
    } rows[] = {
        {"", "", 0, true},       {NULL, "", 0, true},    {"a", "a", 0, true},         {"a", "b", -1, false},
        {"b", "a", 1, false},    {"a", "ab", -1, false}, {"ab", "a", 1, false},       {"aB", "Ab", 1, true},
        {"\xff", "a", 1, false}, {"[", "{", -1, false},  {"\xc4", "\xe4", -1, false},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct str a = str_from(rows[i].a), b = str_from(rows[i].b);
        int order = str_cmp(a, b);
        ck_assert_msg((order > 0) - (order < 0) == rows[i].order, "row %zu", i);
        ck_assert_msg(str_eq(a, b) == (rows[i].order == 0), "row %zu", i);
        ck_assert_msg(str_eq_nocase(a, b) == rows[i].nocase, "row %zu", i);
    }
}
END_TEST

START_TEST(str__starts_and_ends)
{
    static const struct {
        const char *s, *part;
        bool starts, ends;
    } rows[] = {
        {"abc", "", true, true},    {"abc", "ab", true, false},    {"abc", "bc", false, true},
        {"abc", "abc", true, true}, {"abc", "abcd", false, false}, {"", "a", false, false},
        {NULL, "", true, true},     {"aba", "a", true, true},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct str s = str_from(rows[i].s), part = str_from(rows[i].part);
        ck_assert_msg(str_starts(s, part) == rows[i].starts, "row %zu", i);
        ck_assert_msg(str_ends(s, part) == rows[i].ends, "row %zu", i);
    }
}
END_TEST

START_TEST(str__trims_and_skips)
{
    ck_assert_view_eq(str_trim(STR(" \t\r\n a b\n ")), "a b");
    ck_assert_view_eq(str_trim(STR("  ")), "");
    ck_assert_view_eq(str_trim(STR_NULL), "");
    ck_assert_view_eq(str_trim(STR("\v a")), "\v a");
    ck_assert_view_eq(str_skip(STR("abc"), 1), "bc");
    ck_assert_view_eq(str_skip(STR("abc"), 4), "");
    ck_assert_view_eq(str_skip(STR_NULL, 4), "");
}
END_TEST

START_TEST(str__cuts_at_a_separator)
{
    struct str rest = STR("a,,b");
    ck_assert_view_eq(str_cut(&rest, ','), "a");
    ck_assert_view_eq(str_cut(&rest, ','), "");
    ck_assert_ptr_nonnull(rest.ptr);
    ck_assert_view_eq(str_cut(&rest, ','), "b");
    ck_assert_ptr_null(rest.ptr);
    rest = STR("a,");
    ck_assert_view_eq(str_cut(&rest, ','), "a");
    ck_assert_msg(rest.ptr && rest.len == 0, "an empty last field is there");
    ck_assert_uint_eq(str_find(STR("abc"), 'c'), 2);
    ck_assert_uint_eq(str_find(STR("abc"), 'x'), 3);
    ck_assert_uint_eq(str_find(STR_NULL, 'x'), 0);
}
END_TEST

START_TEST(str__reads_integers)
{
    static const struct {
        const char *text;
        bool is_u64, is_i64;
        uint64_t u;
        int64_t i;
    } rows[] = {
        {"0", true, true, 0, 0},
        {"007", true, true, 7, 7},
        {"-0", false, true, 0, 0},
        {"-1", false, true, 0, -1},
        {"9223372036854775807", true, true, INT64_MAX, INT64_MAX},
        {"9223372036854775808", true, false, 9223372036854775808u, 0},
        {"-9223372036854775808", false, true, 0, INT64_MIN},
        {"-9223372036854775809", false, false, 0, 0},
        {"18446744073709551615", true, false, UINT64_MAX, 0},
        {"18446744073709551616", false, false, 0, 0},
        {"99999999999999999999999", false, false, 0, 0},
        {"", false, false, 0, 0},
        {"-", false, false, 0, 0},
        {"--1", false, false, 0, 0},
        {"+1", false, false, 0, 0},
        {" 1", false, false, 0, 0},
        {"1 ", false, false, 0, 0},
        {"0x1", false, false, 0, 0},
        {"1.0", false, false, 0, 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        uint64_t u = 42;
        int64_t n = 42;
        ck_assert_msg(str_to_u64(str_from(rows[i].text), &u) == rows[i].is_u64, "u64 %s", rows[i].text);
        ck_assert_msg(str_to_i64(str_from(rows[i].text), &n) == rows[i].is_i64, "i64 %s", rows[i].text);
        ck_assert_uint_eq(u, rows[i].is_u64 ? rows[i].u : 42);
        ck_assert_int_eq(n, rows[i].is_i64 ? rows[i].i : 42);
    }
}
END_TEST

START_TEST(str__dup_makes_a_c_string)
{
    char *copy = str_dup_cstr(str_slice("abcdef", 3));
    ck_assert_str_eq(copy, "abc");
    free(copy);
    copy = str_dup_cstr(STR_NULL);
    ck_assert_str_eq(copy, "");
    free(copy);
}
END_TEST

CHECK_MAIN("str", str__compares, str__starts_and_ends, str__trims_and_skips, str__cuts_at_a_separator,
           str__reads_integers, str__dup_makes_a_c_string)
