// SPDX-License-Identifier: Apache-2.0
// Exact arithmetic on JSON numbers: an int64 is never rounded to a double.
#ifndef VOX_SCHEMA_NUMBER_H
#define VOX_SCHEMA_NUMBER_H

#include "lib/base/base.h"
#include "lib/json/value.h"

enum jsv_bound {
    BOUND_MINIMUM,
    BOUND_EXCLUSIVE_MINIMUM,
    BOUND_MAXIMUM,
    BOUND_EXCLUSIVE_MAXIMUM,
    BOUND_COUNT
};

// The four bounds at once, folded into an interval of each kind of number: the nearest that still holds.
struct jsv_range {
    int64_t low;
    int64_t high; // low > high: no integer fits
    double least;
    double most;
    const struct json *bounds[BOUND_COUNT]; // NULL: not stated
};

// A divisor as digits * 10^exponent, digits without a trailing zero.
struct jsv_divisor {
    const struct json *value; // more than 0
    int64_t whole;            // the value if it is an int64, or 0
    uint64_t digits;
    int exponent;
};

// <0, 0, >0 as for strcmp. Both are numbers.
int jsv_number_cmp(const struct json *a, const struct json *b);
// The int64 that is exactly `value`; false if there is none.
MUST_CHECK bool jsv_real_to_int(double value, int64_t *ret_value);

void jsv_range_init(struct jsv_range *range, const struct json *const bounds[static BOUND_COUNT]);
bool jsv_bound_holds(enum jsv_bound bound, const struct json *limit, const struct json *value);

static inline bool jsv_real_is_whole(double value)
{
    return value >= 0x1p52 || value <= -0x1p52 || (double)(int64_t)value == value;
}

static inline bool jsv_range_holds(const struct jsv_range *range, const struct json *value)
{
    if (!json_is_integer(value))
        return value->real >= range->least && value->real <= range->most;
    int64_t v = value->integer;
    return v >= range->low && v <= range->high;
}

void jsv_divisor_init(struct jsv_divisor *divisor, const struct json *value);
// A real counts as the shortest decimal that reads back as it: 0.0075 is a multiple of 0.0001.
bool jsv_divisor_divides(const struct jsv_divisor *divisor, const struct json *value);

#endif
