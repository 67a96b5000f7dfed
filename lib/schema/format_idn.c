// SPDX-License-Identifier: Apache-2.0
// Internationalised host names (IDNA 2008, by libidn2) and addresses (RFC 6531).
#include "lib/schema/format_parts.h"

#include <idn2.h>
#include <stdlib.h>
#include <string.h>

#define NAME_MAX_BYTES  1024
#define LABEL_MAX_BYTES 63 // of an A-label; it holds fewer characters

// RFC 3492, section 5.
enum {
    PUNY_BASE = 36,
    PUNY_LOW = 1,
    PUNY_HIGH = 26,
    PUNY_SKEW = 38,
    PUNY_DAMP = 700,
    PUNY_BIAS = 72,
    PUNY_FIRST = 128
};

static bool is_between(uint32_t code, uint32_t low, uint32_t high)
{
    return code >= low && code <= high;
}

static bool is_japanese(uint32_t code)
{
    return is_between(code, 0x3041, 0x309f) || is_between(code, 0x30a1, 0x30fa) ||
           is_between(code, 0x30fc, 0x30ff) || is_between(code, 0x3400, 0x4dbf) ||
           is_between(code, 0x4e00, 0x9fff) || code == 0x3005 || code == 0x3007;
}

// The rules of RFC 5892 A.3 to A.9, which libidn2 leaves out on look-up, and the hyphens of RFC 5891.
static bool is_label(const uint32_t *label, size_t len)
{
    bool japanese = false, dot = false, arabic = false, extended_arabic = false;
    if (len && (label[0] == '-' || label[len - 1] == '-'))
        return false;
    if (len >= 4 && label[2] == '-' && label[3] == '-' &&
        ((label[0] | 0x20) != 'x' || (label[1] | 0x20) != 'n'))
        return false;
    for (size_t i = 0; i < len; i++) {
        uint32_t before = i ? label[i - 1] : 0, after = i + 1 < len ? label[i + 1] : 0;
        japanese = japanese || is_japanese(label[i]);
        dot = dot || label[i] == 0x30fb;
        arabic = arabic || is_between(label[i], 0x660, 0x669);
        extended_arabic = extended_arabic || is_between(label[i], 0x6f0, 0x6f9);
        if (label[i] == 0xb7 && (before != 'l' || after != 'l'))
            return false;
        if (label[i] == 0x375 && !is_between(after, 0x370, 0x3ff) && !is_between(after, 0x1f00, 0x1fff))
            return false;
        if (is_between(label[i], 0x5f3, 0x5f4) && !is_between(before, 0x590, 0x5ff))
            return false;
    }
    return (japanese || !dot) && !(arabic && extended_arabic);
}

static bool has_labels(struct str s)
{
    uint32_t label[NAME_MAX_BYTES];
    size_t len = 0;
    for (size_t i = 0; i < s.len;) {
        uint32_t code = (unsigned char)s.ptr[i];
        size_t bytes = code < 0x80 ? 1 : code < 0xe0 ? 2 : code < 0xf0 ? 3 : 4;
        code = bytes == 1 ? code : code & (0x7fu >> bytes);
        for (size_t more = 1; more < bytes && i + more < s.len; more++)
            code = code << 6 | ((unsigned char)s.ptr[i + more] & 0x3f);
        i += bytes;
        bool ends = code == '.' || code == 0x3002 || code == 0xff0e || code == 0xff61;
        if (ends && !is_label(label, len))
            return false;
        if (ends)
            len = 0;
        else
            label[len++] = code;
    }
    return is_label(label, len);
}

// A copy in which the other full stops that separate labels (RFC 3490, section 3.1) are dots.
static void copy_with_dots(struct str s, char *out)
{
    static const struct str stops[] = {{"\xe3\x80\x82", 3}, {"\xef\xbc\x8e", 3}, {"\xef\xbd\xa1", 3}};
    while (s.len) {
        size_t taken = 1;
        *out = s.ptr[0];
        for (size_t i = 0; i < ARRAY_LEN(stops); i++)
            if (str_starts(s, stops[i])) {
                *out = '.';
                taken = stops[i].len;
            }
        s = str_skip(s, taken);
        out++;
    }
    *out = '\0';
}

// A-labels are the same in any case (RFC 5890, section 2.3.2.4); libidn2 takes those in lower case.
static void lower_a_labels(char *name)
{
    struct str rest = str_from(name);
    while (rest.ptr) {
        struct str label = str_cut(&rest, '.');
        if (label.len < 4 || !str_eq_nocase(str_slice(label.ptr, 4), STR("xn--")))
            continue;
        for (size_t i = 0; i < label.len; i++)
            name[label.ptr - name + (ptrdiff_t)i] = char_lower(label.ptr[i]);
    }
}

bool format_is_idn_hostname(struct str s)
{
    char name[NAME_MAX_BYTES];
    uint8_t *ascii = NULL;
    if (!s.len || s.len >= sizeof(name) || memchr(s.ptr, '\0', s.len))
        return false;
    if (!has_labels(s))
        return false;
    copy_with_dots(s, name);
    lower_a_labels(name);
    int rc = idn2_lookup_u8((const uint8_t *)name, &ascii, IDN2_NO_TR46 | IDN2_USE_STD3_ASCII_RULES);
    bool ok = rc == IDN2_OK && format_is_hostname(str_from((const char *)ascii));
    idn2_free(ascii);
    return ok;
}

static int puny_digit(char c)
{
    if (char_is_digit(c))
        return c - '0' + 26;
    return char_is_alpha(c) ? char_lower(c) - 'a' : -1;
}

static uint32_t puny_adapt(uint32_t delta, uint32_t points, bool first)
{
    uint32_t k = 0;
    delta = first ? delta / PUNY_DAMP : delta / 2;
    delta += delta / points;
    for (; delta > (PUNY_BASE - PUNY_LOW) * PUNY_HIGH / 2; k += PUNY_BASE)
        delta /= PUNY_BASE - PUNY_LOW;
    return k + (PUNY_BASE - PUNY_LOW + 1) * delta / (delta + PUNY_SKEW);
}

// The number that `*rest` begins with, of variable length; false if it is none, or beyond all bounds.
static bool puny_number(struct str *rest, uint32_t bias, uint32_t *ret_value)
{
    uint64_t value = 0, weight = 1;
    for (uint32_t k = PUNY_BASE;; k += PUNY_BASE) {
        int digit = rest->len ? puny_digit(rest->ptr[0]) : -1;
        if (digit < 0)
            return false;
        *rest = str_skip(*rest, 1);
        value += (uint64_t)digit * weight;
        uint32_t least = k <= bias ? PUNY_LOW : MIN(k - bias, PUNY_HIGH);
        if (value > INT32_MAX)
            return false;
        if ((uint32_t)digit < least) {
            *ret_value = (uint32_t)value;
            return true;
        }
        weight *= PUNY_BASE - least;
        if (weight > INT32_MAX)
            return false;
    }
}

// What stands behind "xn--", as characters (RFC 3492); false if it stands for none.
static bool puny_decode(struct str text, uint32_t ret_label[static LABEL_MAX_BYTES], size_t *ret_len)
{
    uint32_t code = PUNY_FIRST, at = 0, bias = PUNY_BIAS, delta;
    size_t plain = text.len, len = 0;
    while (plain && text.ptr[plain - 1] != '-')
        plain--;
    for (size_t i = 0; i + 1 < plain; i++)
        ret_label[len++] = (unsigned char)char_lower(text.ptr[i]);
    struct str rest = str_skip(text, plain);
    if (!rest.len)
        return false;
    while (rest.len) {
        if (!puny_number(&rest, bias, &delta) || len == LABEL_MAX_BYTES)
            return false;
        bias = puny_adapt(delta, (uint32_t)len + 1, at == 0);
        uint64_t place = (uint64_t)at + delta;
        uint64_t point = code + place / (len + 1);
        at = (uint32_t)(place % (len + 1));
        if (point > 0x10ffff || is_between((uint32_t)point, 0xd800, 0xdfff))
            return false;
        code = (uint32_t)point;
        memmove(ret_label + at + 1, ret_label + at, (len - at) * sizeof(*ret_label));
        ret_label[at++] = code;
        len++;
    }
    *ret_len = len;
    return true;
}

static size_t put_utf8(char *out, uint32_t code)
{
    if (code < 0x80) {
        out[0] = (char)code;
        return 1;
    }
    size_t more = code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
    static const unsigned char lead[] = {0, 0xc0, 0xe0, 0xf0};
    out[0] = (char)(lead[more] | code >> (6 * more));
    for (size_t i = 1; i <= more; i++)
        out[i] = (char)(0x80 | (code >> (6 * (more - i)) & 0x3f));
    return more + 1;
}

bool format_is_a_label(struct str label)
{
    uint32_t decoded[LABEL_MAX_BYTES];
    char name[4 * LABEL_MAX_BYTES + 1];
    size_t count, len = 0;
    uint8_t *ascii = NULL;
    if (label.len < 5 || label.len > LABEL_MAX_BYTES)
        return false;
    if (!puny_decode(str_skip(label, 4), decoded, &count) || !is_label(decoded, count))
        return false;
    for (size_t i = 0; i < count; i++)
        len += put_utf8(name + len, decoded[i]);
    name[len] = '\0';
    // Encoded again it has to be what it was: so the characters are ones that a label may have.
    int rc = idn2_lookup_u8((const uint8_t *)name, &ascii, IDN2_NO_TR46 | IDN2_USE_STD3_ASCII_RULES);
    bool ok = rc == IDN2_OK && str_eq_nocase(str_from((const char *)ascii), label);
    idn2_free(ascii);
    return ok;
}

bool format_is_idn_email(struct str s)
{
    size_t at = s.len;
    while (at && s.ptr[at - 1] != '@')
        at--;
    return at >= 2 && format_is_local_part(str_slice(s.ptr, at - 1), true) &&
           format_is_idn_hostname(str_skip(s, at));
}
