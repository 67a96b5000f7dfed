// SPDX-License-Identifier: Apache-2.0
// Exact comparison of int64 and double, numeric bounds, multipleOf.
#include "lib/schema/number.h"

#include <float.h>
#include <math.h>

#define TWO_63 0x1p63

__extension__ typedef unsigned __int128 u128; // the product of two 64-bit numbers

static int cmp_int_real(int64_t a, double b)
{
    if (b >= TWO_63)
        return -1;
    if (b < -TWO_63)
        return 1;
    double whole = trunc(b);
    int64_t truncated = (int64_t)whole;
    if (a != truncated)
        return a < truncated ? -1 : 1;
    return (b < whole) - (b > whole);
}

int jsv_number_cmp(const struct json *a, const struct json *b)
{
    if (json_is_integer(a) && json_is_integer(b)) {
        int64_t x = a->integer, y = b->integer;
        return (x > y) - (x < y);
    }
    if (json_is_integer(a))
        return cmp_int_real(a->integer, b->real);
    if (json_is_integer(b))
        return -cmp_int_real(b->integer, a->real);
    double x = a->real, y = b->real;
    return (x > y) - (x < y);
}

bool jsv_real_to_int(double value, int64_t *ret_value)
{
    if (!(value >= -TWO_63 && value < TWO_63) || !jsv_real_is_whole(value))
        return false;
    *ret_value = (int64_t)value;
    return true;
}

static void no_integer(struct jsv_range *range)
{
    range->low = INT64_MAX;
    range->high = INT64_MIN;
}

static void raise_low(struct jsv_range *range, const struct json *limit, bool exclusive)
{
    int64_t low = limit->integer;
    if (json_is_real(limit)) {
        double real = limit->real, whole = ceil(real);
        if (whole < -TWO_63)
            return;
        if (whole >= TWO_63) {
            no_integer(range);
            return;
        }
        low = (int64_t)whole;
        exclusive = exclusive && whole == real;
    }
    if (exclusive && low == INT64_MAX)
        no_integer(range);
    else
        range->low = MAX(range->low, low + exclusive);
}

static void lower_high(struct jsv_range *range, const struct json *limit, bool exclusive)
{
    int64_t high = limit->integer;
    if (json_is_real(limit)) {
        double real = limit->real, whole = floor(real);
        if (whole >= TWO_63)
            return;
        if (whole < -TWO_63) {
            no_integer(range);
            return;
        }
        high = (int64_t)whole;
        exclusive = exclusive && whole == real;
    }
    if (exclusive && high == INT64_MIN)
        no_integer(range);
    else
        range->high = MIN(range->high, high - exclusive);
}

// The least (`up`) or greatest double that a bound admits. Where the bound is an int64 that no double is, its
// neighbour on the right side.
static double real_of_bound(const struct json *limit, bool exclusive, bool up)
{
    struct json near = {.real = json_number(limit), .type = JSON_REAL, .tag = 1u << JSON_REAL};
    int order = jsv_number_cmp(&near, limit);
    bool holds = up ? order >= exclusive : order <= -exclusive;
    return holds ? near.real : nextafter(near.real, up ? INFINITY : -INFINITY);
}

static void fold_real(struct jsv_range *range, const struct json *const bounds[static BOUND_COUNT])
{
    range->least = -INFINITY;
    range->most = INFINITY;
    for (unsigned i = 0; i < BOUND_COUNT; i++) {
        bool exclusive = i == BOUND_EXCLUSIVE_MINIMUM || i == BOUND_EXCLUSIVE_MAXIMUM;
        if (!bounds[i])
            continue;
        if (i == BOUND_MINIMUM || i == BOUND_EXCLUSIVE_MINIMUM)
            range->least = fmax(range->least, real_of_bound(bounds[i], exclusive, true));
        else
            range->most = fmin(range->most, real_of_bound(bounds[i], exclusive, false));
    }
}

void jsv_range_init(struct jsv_range *range, const struct json *const bounds[static BOUND_COUNT])
{
    *range = (struct jsv_range){.low = INT64_MIN, .high = INT64_MAX};
    memcpy(range->bounds, bounds, sizeof(range->bounds));
    fold_real(range, bounds);
    if (bounds[BOUND_MINIMUM])
        raise_low(range, bounds[BOUND_MINIMUM], false);
    if (bounds[BOUND_EXCLUSIVE_MINIMUM])
        raise_low(range, bounds[BOUND_EXCLUSIVE_MINIMUM], true);
    if (bounds[BOUND_MAXIMUM])
        lower_high(range, bounds[BOUND_MAXIMUM], false);
    if (bounds[BOUND_EXCLUSIVE_MAXIMUM])
        lower_high(range, bounds[BOUND_EXCLUSIVE_MAXIMUM], true);
}

bool jsv_bound_holds(enum jsv_bound bound, const struct json *limit, const struct json *value)
{
    int order = jsv_number_cmp(value, limit);
    switch (bound) {
    case BOUND_MINIMUM:
        return order >= 0;
    case BOUND_EXCLUSIVE_MINIMUM:
        return order > 0;
    case BOUND_MAXIMUM:
        return order <= 0;
    case BOUND_EXCLUSIVE_MAXIMUM:
        return order < 0;
    case BOUND_COUNT:
        break;
    }
    BUG("no such bound");
}

static void strip_zeros(uint64_t *digits, int *exponent)
{
    while (*digits && *digits % 10 == 0) {
        *digits /= 10;
        ++*exponent;
    }
}

// |value| as digits * 10^exponent from its shortest text.
static void decimal_of_real(double value, uint64_t *ret_digits, int *ret_exponent)
{
    char text[40];
    value = fabs(value);
    for (int precision = 15; precision <= 17; precision++) {
        snprintf(text, sizeof(text), "%.*e", precision - 1, value);
        if (strtod(text, NULL) == value)
            break;
    }
    uint64_t digits = 0;
    int fraction = 0;
    bool in_fraction = false;
    const char *p = text;
    for (; *p && *p != 'e'; p++) {
        if (*p < '0' || *p > '9') { // the point, whatever the locale writes
            in_fraction = true;
            continue;
        }
        digits = digits * 10 + (uint64_t)(*p - '0');
        fraction += in_fraction;
    }
    *ret_digits = digits;
    *ret_exponent = (*p ? (int)strtol(p + 1, NULL, 10) : 0) - fraction;
    strip_zeros(ret_digits, ret_exponent);
}

static void decimal_of(const struct json *value, uint64_t *ret_digits, int *ret_exponent)
{
    if (json_is_real(value)) {
        decimal_of_real(value->real, ret_digits, ret_exponent);
        return;
    }
    int64_t v = value->integer;
    *ret_digits = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;
    *ret_exponent = 0;
    strip_zeros(ret_digits, ret_exponent);
}

void jsv_divisor_init(struct jsv_divisor *divisor, const struct json *value)
{
    *divisor = (struct jsv_divisor){.value = value};
    if (json_is_integer(value))
        divisor->whole = value->integer;
    else if (!jsv_real_to_int(value->real, &divisor->whole))
        divisor->whole = 0;
    decimal_of(value, &divisor->digits, &divisor->exponent);
}

// 10^power mod m.
static uint64_t power_of_ten(unsigned power, uint64_t m)
{
    u128 result = 1 % m, base = 10 % m;
    for (; power; power >>= 1) {
        if (power & 1)
            result = result * base % m;
        base = base * base % m;
    }
    return (uint64_t)result;
}

bool jsv_divisor_divides(const struct jsv_divisor *divisor, const struct json *value)
{
    if (json_is_integer(value) && divisor->whole)
        return value->integer % divisor->whole == 0;
    uint64_t digits;
    int exponent;
    decimal_of(value, &digits, &exponent);
    if (!digits)
        return true;
    int shift = exponent - divisor->exponent;
    if (shift >= 0) // digits * 10^shift must be a multiple of the divisor's digits
        return (u128)(digits % divisor->digits) * power_of_ten((unsigned)shift, divisor->digits) %
                   divisor->digits ==
               0;
    if (shift < -19) // digits has no trailing zero and at most 19 places
        return false;
    u128 modulus = divisor->digits;
    for (int i = shift; i < 0; i++)
        modulus *= 10;
    return digits % modulus == 0;
}
