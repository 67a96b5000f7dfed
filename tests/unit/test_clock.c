// SPDX-License-Identifier: Apache-2.0
// lib/base/clock.
#include "lib/base/clock.h"
#include "tests/unit/check_main.h"

START_TEST(clock__system_runs_forward)
{
    int64_t wall = clock_wall_us(clock_system()), mono = clock_mono_us(clock_system());
    ck_assert_int_gt(wall, 1700000000LL * USEC_PER_SEC);
    ck_assert_int_ge(clock_mono_us(clock_system()), mono);
}
END_TEST

static int64_t fixed_us(void *context)
{
    return *(int64_t *)context;
}

START_TEST(clock__seam_is_used)
{
    int64_t at = 12345;
    struct clock clock = {fixed_us, fixed_us, &at};
    ck_assert_int_eq(clock_wall_us(&clock), 12345);
    at++;
    ck_assert_int_eq(clock_mono_us(&clock), 12346);
}
END_TEST

START_TEST(clock__days_and_dates_agree)
{
    // 400 years are one whole cycle of the calendar.
    int64_t year = 1, last_year = 1;
    unsigned month = 1, day = 1, lengths[2] = {0};
    int64_t first = days_from_civil(1, 1, 1);
    for (int64_t days = first; days <= first + 146097; days++) {
        civil_from_days(days, &year, &month, &day);
        ck_assert_int_eq(days_from_civil(year, month, day), days);
        if (year != last_year) {
            ck_assert_uint_eq(month, 1);
            ck_assert_uint_eq(day, 1);
            lengths[days - days_from_civil(last_year, 1, 1) == 366]++;
        }
        last_year = year;
    }
    ck_assert_uint_eq(lengths[1], 97);
    ck_assert_int_eq(days_from_civil(1970, 1, 1), 0);
    ck_assert_int_eq(days_from_civil(1969, 12, 31), -1);
    ck_assert_int_eq(days_from_civil(2000, 3, 1), 11017);
    ck_assert_int_eq(days_from_civil(0, 1, 1), -719528);
    civil_from_days(days_from_civil(-400, 2, 29), &year, &month, &day);
    ck_assert(year == -400 && month == 2 && day == 29);
}
END_TEST

START_TEST(rfc3339__reads_times)
{
    static const struct {
        const char *text;
        int64_t us;
    } rows[] = {
        {"1970-01-01T00:00:00Z", 0},
        {"1970-01-01t00:00:00z", 0},
        {"1969-12-31T23:59:59.999999Z", -1},
        {"1970-01-01T00:00:00.1Z", 100000},
        {"1970-01-01T00:00:00.123456789Z", 123456},
        {"1970-01-01T01:00:00+01:00", 0},
        {"1969-12-31T18:30:00-05:30", 0},
        {"1970-01-01T00:00:00-00:00", 0},
        {"1970-01-01T23:59:00+23:59", 0},
        {"2000-02-29T00:00:00Z", 951782400LL * USEC_PER_SEC},
        {"2026-11-22T08:01:02.5Z", 1795334462500000LL},
        {"2016-12-31T23:59:60Z", 1483228800LL * USEC_PER_SEC},
        {"2017-01-01T01:59:60+02:00", 1483228800LL * USEC_PER_SEC},
        {"0000-01-01T00:00:00Z", -62167219200LL * USEC_PER_SEC},
        {"9999-12-31T23:59:59.999999Z", 253402300800LL * USEC_PER_SEC - 1},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        int64_t us = 1;
        ck_assert_msg(rfc3339_parse(str_from(rows[i].text), &us), "%s", rows[i].text);
        ck_assert_msg(us == rows[i].us, "%s is %lld", rows[i].text, (long long)us);
    }
}
END_TEST

START_TEST(rfc3339__refuses_everything_else)
{
    static const char *const rows[] = {
        "",
        "now",
        "infinity",
        "2026-11-22",
        "2026-11-22T08:01:02",
        "2026-11-22 08:01:02Z",
        "2026-11-22T08:01Z",
        "2026-11-22T24:00:00Z",
        "2026-11-22T08:60:00Z",
        "2026-11-22T08:01:60Z",
        "2026-11-22T23:59:61Z",
        "2016-12-31T23:59:60+01:00",
        "2026-02-29T00:00:00Z",
        "1900-02-29T00:00:00Z",
        "2026-04-31T00:00:00Z",
        "2026-00-01T00:00:00Z",
        "2026-13-01T00:00:00Z",
        "2026-01-00T00:00:00Z",
        "2026-1-01T00:00:00Z",
        "26-01-01T00:00:00Z",
        "+2026-01-01T00:00:00Z",
        "2026-01-01T00:00:00.Z",
        "2026-01-01T00:00:00.1234567890Z",
        "2026-01-01T00:00:00,5Z",
        "2026-01-01T00:00:00+24:00",
        "2026-01-01T00:00:00+00:60",
        "2026-01-01T00:00:00+0000",
        "2026-01-01T00:00:00+00",
        "2026-01-01T00:00:00ZZ",
        "2026-01-01T00:00:00Z ",
        " 2026-01-01T00:00:00Z",
        "2026-01-01T-1:00:00Z",
        "0000-01-01T00:00:00+00:01",
        "9999-12-31T23:59:59-00:01",
        "9999-12-31T23:59:60Z",
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        int64_t us = 42;
        ck_assert_msg(!rfc3339_parse(str_from(rows[i]), &us), "%s", rows[i]);
        ck_assert_int_eq(us, 42);
    }
    int64_t us;
    ck_assert(!rfc3339_parse(STR("1970-01-01T00:00:00Z\0"), &us));
}
END_TEST

START_TEST(rfc3339__format_is_read_back)
{
    static const struct {
        int64_t us;
        const char *text;
    } rows[] = {
        {0, "1970-01-01T00:00:00.000000Z"},
        {-1, "1969-12-31T23:59:59.999999Z"},
        {1795334462123456LL, "2026-11-22T08:01:02.123456Z"},
        {-62167219200LL * USEC_PER_SEC, "0000-01-01T00:00:00.000000Z"},
        {253402300800LL * USEC_PER_SEC - 1, "9999-12-31T23:59:59.999999Z"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char text[RFC3339_LEN + 1];
        int64_t us;
        rfc3339_format(rows[i].us, text);
        ck_assert_str_eq(text, rows[i].text);
        ck_assert(rfc3339_parse(str_from(text), &us));
        ck_assert_int_eq(us, rows[i].us);
    }
}
END_TEST

START_TEST(date__reads_days_only)
{
    static const struct {
        const char *text;
        bool ok;
        int64_t days;
    } rows[] = {
        {"1970-01-02", true, 1}, {"2024-02-29", true, 19782}, {"2023-02-29", false, 0},
        {"2023-2-01", false, 0}, {"2023-02-01T", false, 0},   {"2023-02-01 ", false, 0},
        {"", false, 0},          {"20230201", false, 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        int64_t days = 42;
        ck_assert_msg(date_parse(str_from(rows[i].text), &days) == rows[i].ok, "%s", rows[i].text);
        ck_assert_int_eq(days, rows[i].ok ? rows[i].days : 42);
    }
}
END_TEST

CHECK_MAIN("clock", clock__system_runs_forward, clock__seam_is_used, clock__days_and_dates_agree,
           rfc3339__reads_times, rfc3339__refuses_everything_else, rfc3339__format_is_read_back,
           date__reads_days_only)
