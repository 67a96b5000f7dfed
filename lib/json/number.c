// SPDX-License-Identifier: Apache-2.0
// Numbers: most are short integers; the others by their grammar, the rules, and as a double.
#include "lib/json/scan.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define SHORT_DIGITS 18 // of an integer that cannot overflow
#define TEXT_MAX     64 // of a number that needs no memory of its own

// A number's mantissa and exponent, counted only.
struct number {
    int64_t whole;    // digits before the point, without leading zeros
    int64_t fraction; // digits behind it
    int64_t leading;  // zeros of the fraction before its first other digit, if `whole` is 0
    int64_t exponent; // as written
    uint64_t digits;  // all of them as a number, if they are at most SHORT_DIGITS
    bool zero;
    bool real; // has a point or an exponent
    bool negative;
};

static const char *read_exponent(const char *p, const char *end, int64_t *ret_exponent)
{
    bool negative = p < end && *p == '-';
    int64_t value = 0;
    if (p < end && (*p == '-' || *p == '+'))
        p++;
    if (p == end || !json_is_digit(*p))
        return NULL;
    for (; p < end && json_is_digit(*p); p++)
        value = MIN(value * 10 + (*p - '0'), (int64_t)1 << 40); // far beyond any length of text
    *ret_exponent = negative ? -value : value;
    return p;
}

static const char *read_fraction(const char *p, const char *end, struct number *n)
{
    const char *begin = p;
    if (p == end || !json_is_digit(*p))
        return NULL;
    while (n->zero && p < end && *p == '0')
        p++;
    n->leading = p - begin;
    const char *rest = p;
    for (; p < end && json_is_digit(*p); p++)
        n->digits = n->digits * 10 + (uint64_t)(*p - '0');
    n->zero = n->zero && p == rest;
    n->fraction = p - begin;
    return p;
}

// From the sign to behind the last byte; NULL, and `*stop`, where the grammar is not kept.
static const char *read_number(const char *p, const char *end, struct number *n, const char **stop)
{
    n->negative = *p == '-';
    p += n->negative;
    *stop = p;
    if (p == end || !json_is_digit(*p))
        return NULL;
    const char *begin = p;
    for (; p < end && json_is_digit(*p); p++)
        n->digits = n->digits * 10 + (uint64_t)(*p - '0');
    *stop = begin + 1;
    if (*begin == '0' && p - begin > 1)
        return NULL;
    n->zero = *begin == '0';
    n->whole = n->zero ? 0 : p - begin;
    *stop = p;
    if (p < end && *p == '.') {
        n->real = true;
        p = read_fraction(p + 1, end, n);
    }
    if (p && p < end && (*p == 'e' || *p == 'E')) {
        n->real = true;
        *stop = p;
        p = read_exponent(p + 1, end, &n->exponent);
    }
    return p;
}

// PostgreSQL's jsonb keeps a number as its decimal digits and prints it without an exponent: too many digits
// or too far a point make a row that cannot be stored or not be read back.
static bool is_allowed(struct json_scan *s, const struct number *n)
{
    int64_t magnitude = n->exponent + (n->whole ? n->whole - 1 : -n->leading - 1);
    int64_t digits = n->whole + n->fraction - n->leading;
    if (n->zero) {
        magnitude = n->exponent;
        digits = n->fraction;
    }
    if (digits > s->rules->digits || magnitude > s->rules->exponent || magnitude < -s->rules->exponent)
        return false;
    int64_t before = n->zero || magnitude < 0 ? 1 : magnitude + 1;
    s->expanded += before + MAX(n->fraction - n->exponent, 0);
    return s->expanded <= s->rules->expanded;
}

// By the C library: exact, whatever the length.
static bool convert(struct json_scan *s, const char *begin, size_t len, double *ret_value)
{
    char room[TEXT_MAX], *text = room;
    if (len >= sizeof(room))
        text = malloc(len + 1);
    if (!text)
        return json_fail(s, JSON_FAULT_MEMORY);
    memcpy(text, begin, len);
    text[len] = '\0';
    double value = strtod(text, NULL); // no thread sets a locale
    if (text != room)
        free(text);
    *ret_value = value;
    return isfinite(value) || json_fail(s, JSON_FAULT_NUMBER);
}

// Up to 2^53 and 10^22 both parts are exact doubles, and one operation rounds once.
static bool convert_short(const struct number *n, double *ret_value)
{
    static const double tens[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                  1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    int64_t exponent = n->exponent - n->fraction;
    if (n->whole + n->fraction - n->leading > SHORT_DIGITS || n->digits > (uint64_t)1 << 53 ||
        exponent < -22 || exponent > 22)
        return false;
    double value = (double)n->digits;
    value = exponent < 0 ? value / tens[-exponent] : value * tens[exponent];
    *ret_value = n->negative ? -value : value;
    return true;
}

static bool scan_long(struct json_scan *s, struct json *value)
{
    struct number n = {.zero = false};
    const char *begin = s->at, *stop;
    const char *p = read_number(begin, s->end, &n, &stop);
    if (!p) {
        s->at = stop;
        return json_fail(s, JSON_FAULT_SYNTAX);
    }
    s->at = p;
    if (s->rules && !is_allowed(s, &n))
        return json_fail(s, JSON_FAULT_NUMBER);
    struct str text = str_slice(begin, (size_t)(p - begin));
    if (!n.real && str_to_i64(text, &value->integer)) {
        value->type = JSON_INTEGER;
        value->tag = 1u << JSON_INTEGER;
        return true;
    }
    value->type = JSON_REAL;
    value->tag = 1u << JSON_REAL;
    return convert_short(&n, &value->real) || convert(s, begin, text.len, &value->real);
}

bool json_scan_number(struct json_scan *s, struct json *ret_value)
{
    const char *p = s->at, *digits = p + (*p == '-');
    uint64_t magnitude = 0;
    *ret_value = (struct json){.type = JSON_INTEGER, .tag = 1u << JSON_INTEGER};
    for (p = digits; p < s->end && json_is_digit(*p); p++)
        magnitude = magnitude * 10 + (uint64_t)(*p - '0');
    bool whole = p == s->end || (*p != '.' && *p != 'e' && *p != 'E');
    if (!whole || p == digits || p - digits > SHORT_DIGITS || (*digits == '0' && p - digits > 1))
        return scan_long(s, ret_value);
    ret_value->integer = *s->at == '-' ? -(int64_t)magnitude : (int64_t)magnitude;
    s->expanded += p - digits;
    s->at = p;
    return !s->rules || s->expanded <= s->rules->expanded || json_fail(s, JSON_FAULT_NUMBER);
}
