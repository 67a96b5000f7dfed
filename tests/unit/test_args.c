// SPDX-License-Identifier: Apache-2.0
// Arguments of commands, and the tables that they print.
#include "server/config/args.h"

#include "lib/base/clock.h"
#include "server/config/table.h"

#include "tests/unit/check_main.h"

START_TEST(args__project_names)
{
    static const struct {
        const char *text;
        bool ok;
    } rows[] = {
        {"a", true},
        {"0", true},
        {"vox-dev_1.x", true},
        {"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", true},   // 63
        {"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", false}, // 64
        {"", false},
        {"A", false},
        {"-a", false},
        {".a", false},
        {"_a", false},
        {"a b", false},
        {"a/b", false},
        {"\xc3\xa4", false},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct str name;
        struct err err = {""};
        ck_assert_msg(args_project_name(rows[i].text, &name, &err) == rows[i].ok, "\"%s\"", rows[i].text);
        if (rows[i].ok)
            ck_assert_view_eq(name, rows[i].text);
        else
            ck_assert_ptr_nonnull(strstr(err.text, "1 to 63"));
    }
}
END_TEST

START_TEST(args__classes)
{
    int16_t class_;
    struct err err = {""};
    ck_assert(!args_max_class("S0", &class_, &err));
    ck_assert_ptr_nonnull(strstr(err.text, "is S1 (counters and operational data) or S2"));
    ck_assert_ptr_nonnull(strstr(err.text, "\"S0\" is neither"));
    ck_assert(args_max_class("S1", &class_, &err) && class_ == 1);
    ck_assert(args_max_class("S2", &class_, &err) && class_ == 2);
    ck_assert(!args_max_class("S3", &class_, &err));
    ck_assert_ptr_nonnull(strstr(err.text, "never takes"));
    ck_assert(!args_max_class("2", &class_, &err));
    ck_assert(!args_max_class("", &class_, &err));
}
END_TEST

START_TEST(args__durations)
{
    static const struct {
        const char *text;
        int64_t hours; // -1: refused
    } rows[] = {{"0", 0},     {"7d", 168}, {"12h", 12}, {"36500d", 876000},
                {"", -1},     {"7", -1},   {"d", -1},   {"-1d", -1},
                {"1.5d", -1}, {"7 d", -1}, {"1w", -1},  {"99999999999999d", -1}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        int64_t us = -1;
        struct err err = {""};
        bool ok = args_duration("overlap", rows[i].text, &us, &err);
        ck_assert_msg(ok == (rows[i].hours >= 0), "\"%s\"", rows[i].text);
        if (ok)
            ck_assert_int_eq(us, rows[i].hours * 3600 * USEC_PER_SEC);
        else
            ck_assert_ptr_nonnull(strstr(err.text, "--overlap"));
    }
}
END_TEST

START_TEST(args__rates)
{
    static const struct {
        const char *text;
        int64_t milli; // 0: refused
    } rows[] = {{"10/s", 10000},
                {"10", 10000},
                {"0.5/s", 500},
                {"30/min", 500},
                {"0.001", 1},
                {"12.345/s", 12345},
                {"1000000000/s", 1000000000000},
                {"0", 0},
                {"0/s", 0},
                {"0.01/min", 0},
                {"0.0001", 0},
                {"1/h", 0},
                {"", 0},
                {"/s", 0},
                {"-1/s", 0},
                {"1e3/s", 0},
                {".5", 0},
                {"1./s", 0},
                {"10/s/s", 0},
                {"1000000001/s", 0}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        int64_t milli = 0;
        struct err err = {""};
        ck_assert_msg(args_rate(rows[i].text, &milli, &err) == (rows[i].milli > 0), "\"%s\"", rows[i].text);
        ck_assert_msg(milli == rows[i].milli, "\"%s\": %lld", rows[i].text, (long long)milli);
    }
}
END_TEST

START_TEST(args__counts_and_contracts)
{
    int64_t count;
    struct err err = {""};
    ck_assert(args_count("quota", "100/day", "day", 1000, &count, &err) && count == 100);
    ck_assert(args_count("quota", "1000", "day", 1000, &count, &err) && count == 1000);
    ck_assert(!args_count("quota", "1001", "day", 1000, &count, &err));
    ck_assert(!args_count("quota", "0", "day", 1000, &count, &err));
    ck_assert(!args_count("quota", "10/week", "day", 1000, &count, &err));
    ck_assert(!args_count("burst", "10/day", "", 1000, &count, &err));
    ck_assert(!args_count("burst", "", "", 1000, &count, &err));
    static const char *const good[] = {"model-call", "a.v1", "a,b.v9999,c-d"};
    static const char *const bad[] = {"",    ",",        "a,",  "A",   "a.v0", "a.v01",
                                      "a.1", "a.v10000", "a.v", ".v1", "a b",  "a.v1.v2"};
    for (size_t i = 0; i < ARRAY_LEN(good); i++)
        ck_assert_msg(args_contracts(good[i], &err), "\"%s\"", good[i]);
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        ck_assert_msg(!args_contracts(bad[i], &err), "\"%s\"", bad[i]);
}
END_TEST

START_TEST(args__expiry)
{
    const int64_t now = 1800000000 * USEC_PER_SEC; // 2027-01-15T08:00:00Z
    const int64_t hour = 3600 * USEC_PER_SEC;
    static const char *const bad[] = {"",
                                      "d",
                                      "0d",
                                      "-1d",
                                      "1.5d",
                                      "90",
                                      "9w",
                                      "999999999d",
                                      "d90",
                                      "90 d",
                                      "878401h",
                                      "99999999999999999999d",
                                      "2027-01-15T08:00:00Z",
                                      "2027-01-31",
                                      "tomorrow"};
    int64_t at = 0;
    struct err err = {""};
    ck_assert(args_expiry("90d", now, &at, &err) && at == now + 90 * 24 * hour);
    ck_assert(args_expiry("12h", now, &at, &err) && at == now + 12 * hour);
    ck_assert(args_expiry("2027-01-15T09:00:00+00:00", now, &at, &err) && at == now + hour);
    ck_assert(args_expiry("36600d", now, &at, &err));
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        ck_assert_msg(!args_expiry(bad[i], now, &at, &err), "\"%s\"", bad[i]);
}
END_TEST

START_TEST(table__aligns_and_disarms)
{
    static const char *const titles[] = {"NAME", "WHEN", "NOTE"};
    struct table table;
    char *text = NULL;
    size_t len;
    table_init(&table, titles, ARRAY_LEN(titles));
    table_cell(&table, STR("\xc3\xa9t\xc3\xa9"));
    table_cell_time(&table, 1800000000123456);
    table_cell(&table, STR("\x1b[31mred\n"));
    table_cellf(&table, "%d", 12345);
    table_cell_time(&table, INT64_MAX);
    table_cell(&table, STR_NULL);
    FILE *out = open_memstream(&text, &len);
    ck_assert_ptr_nonnull(out);
    ck_assert(table_print(&table, out));
    fclose(out);
    ck_assert_str_eq(text, "NAME   WHEN                  NOTE\n"
                           "\xc3\xa9t\xc3\xa9    2027-01-15T08:00:00Z  ?[31mred?\n"
                           "12345  never                 -\n");
    free(text);
    table_release(&table);
}
END_TEST

START_TEST(table__folds_what_is_too_wide)
{
    static const char *const titles[] = {"NAME", "WHEN", "NOTE"};
    static const char wide[] =
        "NAME  WHEN                  NOTE\n"
        "a     2027-01-15T08:00:00Z  \xc3\xa9\xc3\xa9 one, two-three 0123456789abcdef\n";
    static const struct {
        size_t room, optional;
        const char *want;
    } rows[] = {
        {0, 2, wide},
        {62, 2, wide},
        {61, 0,
         "NAME  WHEN                  NOTE\n"
         "a     2027-01-15T08:00:00Z  \xc3\xa9\xc3\xa9 one, two-three\n"
         "                            0123456789abcdef\n"},
        {58, 1,
         "NAME  WHEN\n"
         "a     2027-01-15T08:00:00Z\n"
         "left out for want of width: NOTE; --json has all\n"},
        {30, 0,
         "NAME  WHEN         NOTE\n"
         "a     2027-01-15T  \xc3\xa9\xc3\xa9 one,\n"
         "      08:00:00Z    two-three\n"
         "                   0123456789a\n"
         "                   bcdef\n"},
        {1, 1,
         "NAME  WHEN\n"
         "a     2027-01-15T\n"
         "      08:00:00Z\n"
         "left out for want of width: NOTE; --json has all\n"},
        {1, 2,
         "NAME\n"
         "a\n"
         "left out for want of width: WHEN, NOTE; --json has all\n"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct table table;
        char *text = NULL;
        size_t len;
        table_init(&table, titles, ARRAY_LEN(titles));
        table.optional = rows[i].optional;
        table_cell(&table, STR("a"));
        table_cell_time(&table, 1800000000123456);
        table_cell(&table, STR("\xc3\xa9\xc3\xa9 one, two-three 0123456789abcdef"));
        FILE *out = open_memstream(&text, &len);
        ck_assert_ptr_nonnull(out);
        ck_assert(table_print_folded(&table, rows[i].room, out));
        fclose(out);
        ck_assert_str_eq(text, rows[i].want);
        free(text);
        table_release(&table);
    }
}
END_TEST

START_TEST(table__wraps_text)
{
    static const struct {
        const char *text, *want;
    } rows[] = {
        {"", "\n"},
        {"one\ntwo  three", "one two  three\n"},
        {"one\n\ntwo", "one\n\n    two\n"},
        {"0123456789 0123456789 0123456789 0123456789 0123456789 0123456789 0123456789 \xc3\xa9",
         "0123456789 0123456789 0123456789 0123456789 0123456789 0123456789 0123456789 \xc3\xa9\n"},
        {"0123456789 0123456789 0123456789 0123456789 0123456789 0123456789 0123456789 ab",
         "0123456789 0123456789 0123456789 0123456789 0123456789 0123456789 0123456789\n    ab\n"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char *text = NULL;
        size_t len;
        FILE *out = open_memstream(&text, &len);
        ck_assert_ptr_nonnull(out);
        table_wrap(out, rows[i].text, 2, 4);
        fclose(out);
        ck_assert_str_eq(text, rows[i].want);
        free(text);
    }
}
END_TEST

CHECK_MAIN("args", args__project_names, args__classes, args__durations, args__rates,
           args__counts_and_contracts, args__expiry, table__aligns_and_disarms, table__folds_what_is_too_wide,
           table__wraps_text)
