// SPDX-License-Identifier: Apache-2.0
// The characters and character sets that a pattern names.
#include "lib/schema/linear_parse.h"

#include "lib/schema/hex.h"

#include <string.h>

static int32_t hex(struct parser *p, size_t count)
{
    int32_t value = jsv_hex_number(p->pattern, p->at, count);
    p->at += count;
    return value;
}

// Behind "\u".
static int32_t unicode(struct parser *p)
{
    if (peek(p, 0) == '{') {
        size_t close = p->at + 1;
        while (close < p->pattern.len && p->pattern.ptr[close] != '}')
            close++;
        p->at++;
        int32_t code = close - p->at <= 6 ? hex(p, close - p->at) : -1;
        p->at++;
        return code;
    }
    int32_t code = hex(p, 4);
    if (code < 0xd800 || code > 0xdfff)
        return code;
    if (peek(p, 0) != '\\' || peek(p, 1) != 'u')
        return -1;
    p->at += 2;
    int32_t low = hex(p, 4);
    return 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
}

int32_t linear_escaped_char(struct parser *p)
{
    static const char letters[] = "nrtfv0", meanings[] = "\n\r\t\f\v";
    int c = peek(p, 0);
    p->at++;
    const char *letter = c > 0 ? strchr(letters, c) : NULL;
    if (letter)
        return meanings[letter - letters];
    if (c == 'c' && peek(p, 0) >= 0) {
        p->at++;
        return p->pattern.ptr[p->at - 1] & 0x1f;
    }
    if (c == 'x')
        return hex(p, 2);
    if (c == 'u')
        return unicode(p);
    bool word = c < 0x20 || c > 0x7e || char_is_alpha((char)c) || char_is_digit((char)c);
    return word ? -1 : c;
}

int32_t linear_plain_char(struct parser *p)
{
    int first = peek(p, 0);
    unsigned more = first < 0xc0 ? 0 : first < 0xe0 ? 1 : first < 0xf0 ? 2 : 3;
    int32_t code = more ? first & (0x3f >> more) : first;
    p->at++;
    for (; more && peek(p, 0) >= 0; more--, p->at++)
        code = code << 6 | (peek(p, 0) & 0x3f);
    return code;
}

bool linear_class_escape(struct parser *p, struct set *set)
{
    int c = peek(p, 0);
    if (c < 0 || !strchr("dDwWsS", c))
        return false;
    p->at++;
    set_add_named(set, (char)c);
    return true;
}

int32_t linear_class_char(struct parser *p, struct set *set)
{
    if (peek(p, 0) != '\\')
        return linear_plain_char(p);
    p->at++;
    if (linear_class_escape(p, set))
        return -1;
    if (peek(p, 0) == 'b') {
        p->at++;
        return '\b';
    }
    int32_t code = linear_escaped_char(p);
    p->failed = p->failed || code < 0;
    return code;
}
