// SPDX-License-Identifier: Apache-2.0
// Reading of units.
#include "client/units.h"
#include "lib/base/clock.h"

static size_t digits_of(const char *text)
{
    return strspn(text, "0123456789");
}

bool units_bytes(const char *text, uint64_t *ret_bytes)
{
    static const struct {
        const char *unit;
        uint64_t factor;
    } rows[] = {{"", 1},          {"kB", 1000},        {"KiB", 1024},    {"MB", 1000000},
                {"MiB", 1 << 20}, {"GB", 1000000000U}, {"GiB", 1U << 30}};
    uint64_t n;
    size_t len = digits_of(text);
    if (!str_to_u64(str_slice(text, len), &n) || !n)
        return false;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (strcmp(text + len, rows[i].unit) == 0 && n <= UINT64_MAX / rows[i].factor) {
            *ret_bytes = n * rows[i].factor;
            return true;
        }
    return false;
}

bool units_duration(const char *text, int64_t *ret_us)
{
    static const struct {
        const char *unit;
        int64_t seconds;
    } rows[] = {{"s", 1}, {"m", 60}, {"h", 3600}, {"d", 86400}};
    uint64_t n;
    size_t len = digits_of(text);
    if (!str_to_u64(str_slice(text, len), &n) || !n)
        return false;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (strcmp(text + len, rows[i].unit) == 0 && n <= 36500ULL * 86400 / (uint64_t)rows[i].seconds) {
            *ret_us = (int64_t)n * rows[i].seconds * USEC_PER_SEC;
            return true;
        }
    return false;
}

bool units_moment(const char *text, int64_t now_us, int64_t *ret_us)
{
    int64_t value;
    if (rfc3339_parse(str_from(text), ret_us))
        return true;
    if (date_parse(str_from(text), &value)) {
        *ret_us = value * USEC_PER_DAY;
        return true;
    }
    if (!units_duration(text, &value))
        return false;
    *ret_us = now_us - value;
    return true;
}
