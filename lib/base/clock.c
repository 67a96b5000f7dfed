// SPDX-License-Identifier: Apache-2.0
// The system's clocks, and the calendar arithmetic behind RFC 3339.
#include "lib/base/clock.h"

#define FIRST_SECOND (-62167219200LL) // 0000-01-01T00:00:00Z
#define LAST_SECOND  253402300799LL   // 9999-12-31T23:59:59Z

static int64_t read_clock(clockid_t id)
{
    struct timespec ts;
    if (clock_gettime(id, &ts) != 0)
        BUG("clock_gettime failed");
    return (int64_t)ts.tv_sec * USEC_PER_SEC + ts.tv_nsec / 1000;
}

static int64_t system_wall_us(void *context UNUSED)
{
    return read_clock(CLOCK_REALTIME);
}

static int64_t system_mono_us(void *context UNUSED)
{
    return read_clock(CLOCK_MONOTONIC);
}

const struct clock *clock_system(void)
{
    static const struct clock system = {system_wall_us, system_mono_us, NULL};
    return &system;
}

int64_t clock_wall_us(const struct clock *clock)
{
    return clock->wall_us(clock->context);
}

int64_t clock_mono_us(const struct clock *clock)
{
    return clock->mono_us(clock->context);
}

// Counts years from March, so that the leap day is the last of its year; 400-year eras make it exact.
int64_t days_from_civil(int64_t year, unsigned month, unsigned day)
{
    year -= month <= 2;
    int64_t era = (year >= 0 ? year : year - 399) / 400;
    int64_t year_of_era = year - era * 400;
    int64_t day_of_year = (153 * ((int64_t)month + (month > 2 ? -3 : 9)) + 2) / 5 + (int64_t)day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * 146097 + day_of_era - 719468;
}

void civil_from_days(int64_t days, int64_t *ret_year, unsigned *ret_month, unsigned *ret_day)
{
    days += 719468;
    int64_t era = (days >= 0 ? days : days - 146096) / 146097;
    int64_t doe = days - era * 146097;
    int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    int64_t mp = (5 * doy + 2) / 153;
    *ret_day = (unsigned)(doy - (153 * mp + 2) / 5 + 1);
    *ret_month = (unsigned)(mp < 10 ? mp + 3 : mp - 9);
    *ret_year = yoe + era * 400 + (*ret_month <= 2);
}

static bool is_leap(int64_t year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static bool valid_day(int64_t year, unsigned month, unsigned day)
{
    static const unsigned char lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    if (month < 1 || month > 12 || day < 1)
        return false;
    return day <= (unsigned)(lengths[month - 1] + (month == 2 && is_leap(year)));
}

// Reads exactly `digits` decimal digits off the front of `*s`.
static bool take_digits(struct str *s, size_t digits, unsigned *ret_value)
{
    unsigned value = 0;
    if (s->len < digits)
        return false;
    for (size_t i = 0; i < digits; i++) {
        if (!char_is_digit(s->ptr[i]))
            return false;
        value = value * 10 + (unsigned)(s->ptr[i] - '0');
    }
    *s = str_skip(*s, digits);
    *ret_value = value;
    return true;
}

static bool take_char(struct str *s, char c)
{
    if (!s->len || char_lower(s->ptr[0]) != c)
        return false;
    *s = str_skip(*s, 1);
    return true;
}

static bool take_date(struct str *s, int64_t *ret_days)
{
    unsigned year, month, day;
    if (!take_digits(s, 4, &year) || !take_char(s, '-') || !take_digits(s, 2, &month) || !take_char(s, '-') ||
        !take_digits(s, 2, &day) || !valid_day(year, month, day))
        return false;
    *ret_days = days_from_civil(year, month, day);
    return true;
}

bool date_parse(struct str text, int64_t *ret_days)
{
    int64_t days;
    if (!take_date(&text, &days) || text.len)
        return false;
    *ret_days = days;
    return true;
}

// ".123…" as microseconds; absent is 0.
static bool take_fraction(struct str *s, int64_t *ret_us)
{
    *ret_us = 0;
    if (!take_char(s, '.'))
        return true;
    int64_t scale = USEC_PER_SEC;
    size_t digits = 0;
    for (; s->len && char_is_digit(s->ptr[0]); *s = str_skip(*s, 1), digits++) {
        scale /= 10;
        *ret_us += scale * (s->ptr[0] - '0');
    }
    return digits >= 1 && digits <= 9;
}

// "Z" or "±hh:mm", in minutes east of UTC.
static bool take_offset(struct str *s, int64_t *ret_minutes)
{
    unsigned hours, minutes;
    *ret_minutes = 0;
    if (take_char(s, 'z'))
        return true;
    bool west = s->len && s->ptr[0] == '-';
    if (!take_char(s, west ? '-' : '+') || !take_digits(s, 2, &hours) || !take_char(s, ':') ||
        !take_digits(s, 2, &minutes) || hours > 23 || minutes > 59)
        return false;
    *ret_minutes = (int64_t)(hours * 60 + minutes) * (west ? -1 : 1);
    return true;
}

bool rfc3339_parse(struct str s, int64_t *ret_wall_us)
{
    int64_t days, fraction, offset;
    unsigned hour, minute, second;
    if (!take_date(&s, &days) || !take_char(&s, 't') || !take_digits(&s, 2, &hour) || !take_char(&s, ':') ||
        !take_digits(&s, 2, &minute) || !take_char(&s, ':') || !take_digits(&s, 2, &second) ||
        !take_fraction(&s, &fraction) || !take_offset(&s, &offset) || s.len)
        return false;
    if (hour > 23 || minute > 59 || second > 60)
        return false;
    int64_t minutes = days * 1440 + hour * 60 + minute - offset;
    if (second == 60 && ((minutes % 1440) + 1440) % 1440 != 1439)
        return false;
    int64_t seconds = minutes * 60 + second;
    if (seconds < FIRST_SECOND || seconds > LAST_SECOND)
        return false; // the offset or the leap second led out of the years that have a text
    *ret_wall_us = seconds * USEC_PER_SEC + fraction;
    return true;
}

// So many digits, and the character that follows them; answers what stands behind.
static char *put_digits(char *at, unsigned value, size_t digits, char then)
{
    at[digits] = then;
    for (size_t i = digits; i--; value /= 10)
        at[i] = (char)('0' + value % 10);
    return at + digits + 1;
}

void rfc3339_format(int64_t wall_us, char ret_text[static RFC3339_LEN + 1])
{
    int64_t days = wall_us / USEC_PER_DAY, rest = wall_us % USEC_PER_DAY, year;
    unsigned month, day;
    if (rest < 0) {
        rest += USEC_PER_DAY;
        days--;
    }
    civil_from_days(days, &year, &month, &day);
    BUG_ON(year < 0 || year > 9999);
    unsigned us = (unsigned)(rest % USEC_PER_SEC), seconds = (unsigned)(rest / USEC_PER_SEC);
    char *at = put_digits(ret_text, (unsigned)year, 4, '-');
    at = put_digits(at, month, 2, '-');
    at = put_digits(at, day, 2, 'T');
    at = put_digits(at, seconds / 3600, 2, ':');
    at = put_digits(at, seconds / 60 % 60, 2, ':');
    at = put_digits(at, seconds % 60, 2, '.');
    at = put_digits(at, us, 6, 'Z');
    *at = '\0';
}
