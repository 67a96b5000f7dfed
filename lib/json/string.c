// SPDX-License-Identifier: Apache-2.0
// Strings: sixteen bytes at a time to the first that is not plain, then what it is.
#include "lib/json/scan.h"

#include <string.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

// Whether a byte ends a run of plain ones: a quote, a backslash, a control, or what is not ASCII.
static bool stops(char c)
{
    return (unsigned char)(c - 0x20) >= 0x60 || c == '"' || c == '\\';
}

#ifdef __SSE2__
static const char *skip_plain(const char *p, const char *end)
{
    const __m128i quote = _mm_set1_epi8('"'), slash = _mm_set1_epi8('\\'), low = _mm_set1_epi8(0x20);
    for (; end - p >= 16; p += 16) {
        __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)p);
        // As signed numbers the bytes from 0x80 on are below 0x20 too.
        __m128i found = _mm_or_si128(_mm_cmplt_epi8(bytes, low), _mm_or_si128(_mm_cmpeq_epi8(bytes, quote),
                                                                              _mm_cmpeq_epi8(bytes, slash)));
        unsigned mask = (unsigned)_mm_movemask_epi8(found);
        if (mask)
            return p + __builtin_ctz(mask);
    }
    while (p < end && !stops(*p))
        p++;
    return p;
}
#else
static const char *skip_plain(const char *p, const char *end)
{
    while (p < end && !stops(*p))
        p++;
    return p;
}
#endif

// A run of bytes that are not ASCII. `p` is at one.
static const char *skip_utf8(struct json_scan *s, const char *p)
{
    while (p < s->end && (unsigned char)*p >= 0x80) {
        uint32_t point;
        size_t len = utf8_sequence((const unsigned char *)p, (size_t)(s->end - p), &point);
        if (!len) {
            s->at = p;
            s->fault = JSON_FAULT_STRING;
            return NULL;
        }
        p += len;
    }
    return p;
}

// Four hexadecimal digits; SIZE_MAX if they are not.
static uint32_t read_hex(const char *p, const char *end)
{
    uint32_t value = 0;
    if (end - p < 4)
        return UINT32_MAX;
    for (int i = 0; i < 4; i++) {
        unsigned char c = (unsigned char)p[i], lower = c | 0x20;
        if (json_is_digit((char)c))
            value = value << 4 | (c - '0');
        else if (lower >= 'a' && lower <= 'f')
            value = value << 4 | (lower - 'a' + 10u);
        else
            return UINT32_MAX;
    }
    return value;
}

static char *put_point(char *out, uint32_t point)
{
    if (point < 0x80) {
        *out++ = (char)point;
    } else if (point < 0x800) {
        *out++ = (char)(0xc0 | point >> 6);
        *out++ = (char)(0x80 | (point & 0x3f));
    } else if (point < 0x10000) {
        *out++ = (char)(0xe0 | point >> 12);
        *out++ = (char)(0x80 | (point >> 6 & 0x3f));
        *out++ = (char)(0x80 | (point & 0x3f));
    } else {
        *out++ = (char)(0xf0 | point >> 18);
        *out++ = (char)(0x80 | (point >> 12 & 0x3f));
        *out++ = (char)(0x80 | (point >> 6 & 0x3f));
        *out++ = (char)(0x80 | (point & 0x3f));
    }
    return out;
}

// The four digits of \u, and the second half that a first one needs. `at` is behind the u.
static bool read_point(struct json_scan *s, uint32_t *ret_point)
{
    uint32_t point = read_hex(s->at, s->end);
    if (point == UINT32_MAX)
        return json_fail(s, JSON_FAULT_SYNTAX);
    if ((!point && !s->parser->nul) || (point >= 0xdc00 && point < 0xe000)) // NUL can be stored nowhere
        return json_fail(s, JSON_FAULT_STRING);
    s->at += 4;
    if (point >= 0xd800 && point < 0xdc00) {
        if (s->end - s->at < 2 || s->at[0] != '\\' || s->at[1] != 'u')
            return json_fail(s, JSON_FAULT_STRING);
        uint32_t low = read_hex(s->at + 2, s->end);
        if (low == UINT32_MAX)
            return json_fail(s, JSON_FAULT_SYNTAX);
        if (low < 0xdc00 || low >= 0xe000)
            return json_fail(s, JSON_FAULT_STRING);
        s->at += 6;
        point = 0x10000 + ((point - 0xd800) << 10) + (low - 0xdc00);
    }
    *ret_point = point;
    return true;
}

// `at` is behind a backslash.
static bool read_escape(struct json_scan *s, char **out)
{
    static const char plain[256] = {
        ['"'] = '"',  ['\\'] = '\\', ['/'] = '/',  ['b'] = '\b',
        ['f'] = '\f', ['n'] = '\n',  ['r'] = '\r', ['t'] = '\t',
    };
    uint32_t point;
    if (s->at == s->end)
        return json_fail(s, JSON_FAULT_SYNTAX);
    char c = *s->at;
    if (plain[(unsigned char)c]) {
        s->at++;
        *(*out)++ = plain[(unsigned char)c];
        return true;
    }
    if (c != 'u')
        return json_fail(s, JSON_FAULT_SYNTAX);
    s->at++;
    if (!read_point(s, &point))
        return false;
    *out = put_point(*out, point);
    return true;
}

// Where the string that begins at `p` ends, at the latest.
static const char *find_end(const char *p, const char *end)
{
    for (; p < end && *p != '"'; p++)
        p += *p == '\\' && p + 1 < end;
    return p;
}

// The rest of a string from its first escape on, at `at`; `begin` is the string's first byte.
static bool decode(struct json_scan *s, const char *begin, struct str *ret_text)
{
    const char *last = find_end(s->at, s->end);
    char *text = arena_alloc(&s->doc->arena, (size_t)(last - begin) + 1), *out = text;
    if (!text)
        return json_fail(s, JSON_FAULT_MEMORY);
    memcpy(out, begin, (size_t)(s->at - begin));
    out += s->at - begin;
    while (s->at < s->end && *s->at != '"') {
        if (*s->at == '\\') {
            s->at++;
            if (!read_escape(s, &out))
                return false;
            continue;
        }
        const char *p = skip_plain(s->at, s->end);
        if (p == s->at)
            p = (unsigned char)*p >= 0x80 ? skip_utf8(s, p) : NULL;
        if (!p)
            return s->fault ? false : json_fail(s, *s->at ? JSON_FAULT_SYNTAX : JSON_FAULT_STRING);
        memcpy(out, s->at, (size_t)(p - s->at));
        out += p - s->at;
        s->at = p;
    }
    if (s->at == s->end)
        return json_fail(s, JSON_FAULT_SYNTAX);
    s->at++;
    *ret_text = (struct str){text, (size_t)(out - text)};
    return true;
}

bool json_scan_string(struct json_scan *s, struct str *ret_text)
{
    const char *begin = s->at, *p = begin;
    for (;;) {
        p = skip_plain(p, s->end);
        if (p == s->end) {
            s->at = p;
            return json_fail(s, JSON_FAULT_SYNTAX);
        }
        if (*p == '"')
            break;
        if ((unsigned char)*p >= 0x80) {
            p = skip_utf8(s, p);
            if (!p)
                return false;
            continue;
        }
        s->at = p;
        if (*p == '\\')
            return decode(s, begin, ret_text);
        return json_fail(s, *p ? JSON_FAULT_SYNTAX : JSON_FAULT_STRING);
    }
    s->at = p + 1;
    *ret_text = (struct str){json_final(s, begin), (size_t)(p - begin)};
    return true;
}
