// SPDX-License-Identifier: Apache-2.0
// Is a text an ECMA-262 pattern? The grammar under the u flag, to the letter and without allocating.
#include "lib/schema/hex.h"
#include "lib/schema/regex.h"

#include <string.h>

#define NAMES_MAX 256 // named groups, and references to them

// What an escape means, where it is no single character.
enum { ESCAPE_SET = -1, ESCAPE_BAD = -2 };

struct syntax {
    struct str pattern;
    size_t at;
    bool atom; // a quantifier may follow
    size_t depth;
    uint64_t groups;
    uint64_t highest; // group that a number refers to
    size_t name_count, reference_count;
    struct str names[NAMES_MAX], references[NAMES_MAX];
    uint64_t assertions[REGEX_PATTERN_MAX / 64]; // by depth: the open group is a lookaround
};

static int peek(const struct syntax *s, size_t ahead)
{
    return s->at + ahead < s->pattern.len ? (unsigned char)s->pattern.ptr[s->at + ahead] : -1;
}

static bool is_digit(int c)
{
    return c >= '0' && c <= '9';
}

static int32_t hex(const struct syntax *s, size_t ahead, size_t count)
{
    return jsv_hex_number(s->pattern, s->at + ahead, count);
}

static int32_t code_point(struct syntax *s)
{
    int first = peek(s, 0);
    unsigned more = first < 0xc0 ? 0 : first < 0xe0 ? 1 : first < 0xf0 ? 2 : 3;
    int32_t code = more ? first & (0x3f >> more) : first;
    s->at++;
    for (; more && peek(s, 0) >= 0; more--, s->at++)
        code = code << 6 | (peek(s, 0) & 0x3f);
    return code;
}

// Behind "\u". A lone surrogate is a character to ECMA-262.
static int32_t unicode_escape(struct syntax *s)
{
    if (peek(s, 0) == '{') {
        int32_t code = 0;
        size_t digits = 0;
        for (s->at++; hex(s, 0, 1) >= 0 && code <= 0x10ffff; s->at++, digits++)
            code = code * 16 + hex(s, 0, 1);
        bool ok = digits && code <= 0x10ffff && peek(s, 0) == '}';
        s->at++;
        return ok ? code : ESCAPE_BAD;
    }
    int32_t code = hex(s, 0, 4);
    if (code < 0)
        return ESCAPE_BAD;
    s->at += 4;
    if (code < 0xd800 || code > 0xdbff || peek(s, 0) != '\\' || peek(s, 1) != 'u')
        return code;
    int32_t low = hex(s, 2, 4);
    if (low < 0xdc00 || low > 0xdfff)
        return code;
    s->at += 6;
    return 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
}

// Behind "\p": "{Name}" or "{Name=Value}". Names are not looked up.
static int32_t property(struct syntax *s)
{
    size_t equals = 0, run = 0;
    if (peek(s, 0) != '{')
        return ESCAPE_BAD;
    for (s->at++; peek(s, 0) >= 0 && peek(s, 0) != '}'; s->at++) {
        char c = (char)peek(s, 0);
        if (c == '=' ? !run || equals++ : !char_is_alpha(c) && !char_is_digit(c) && c != '_')
            return ESCAPE_BAD;
        run = c == '=' ? 0 : run + 1;
    }
    if (peek(s, 0) != '}' || !run)
        return ESCAPE_BAD;
    s->at++;
    return ESCAPE_SET;
}

// Behind the backslash, in a class and outside.
static int32_t character_escape(struct syntax *s)
{
    static const char controls[] = "fnrtv", meanings[] = "\f\n\r\t\v";
    int c = peek(s, 0);
    if (c <= 0)
        return ESCAPE_BAD;
    s->at++;
    if (strchr("dDsSwW", c))
        return ESCAPE_SET;
    const char *control = strchr(controls, c);
    if (control)
        return meanings[control - controls];
    if (strchr("^$\\.*+?()[]{}|/", c))
        return c;
    if (c == '0')
        return is_digit(peek(s, 0)) ? ESCAPE_BAD : 0;
    if (c == 'p' || c == 'P')
        return property(s);
    if (c == 'u')
        return unicode_escape(s);
    if (c == 'c' && peek(s, 0) >= 0 && char_is_alpha((char)peek(s, 0)))
        return s->pattern.ptr[s->at++] & 0x1f;
    int32_t code = c == 'x' ? hex(s, 0, 2) : -1;
    s->at += 2;
    return code < 0 ? ESCAPE_BAD : code;
}

static int32_t class_atom(struct syntax *s)
{
    if (peek(s, 0) < 0)
        return ESCAPE_BAD;
    if (peek(s, 0) != '\\')
        return code_point(s);
    s->at++;
    if (peek(s, 0) != 'b' && peek(s, 0) != '-')
        return character_escape(s);
    return s->pattern.ptr[s->at++] == 'b' ? '\b' : '-';
}

// From "[" to "]".
static bool class(struct syntax *s)
{
    s->at++;
    s->at += peek(s, 0) == '^';
    while (peek(s, 0) != ']') {
        int32_t low = class_atom(s);
        if (low == ESCAPE_BAD)
            return false;
        if (peek(s, 0) != '-' || peek(s, 1) == ']' || peek(s, 1) < 0)
            continue;
        s->at++;
        int32_t high = class_atom(s);
        if (low < 0 || high < low) // a set is no end of a range
            return false;
    }
    s->at++;
    s->atom = true;
    return true;
}

// "name>"; kept in `names`.
static bool group_name(struct syntax *s, struct str *names, size_t *count)
{
    size_t start = s->at;
    for (; peek(s, 0) >= 0 && peek(s, 0) != '>';) {
        int c = peek(s, 0);
        bool first = s->at == start;
        if (c == '\\') {
            s->at++;
            if (peek(s, 0) != 'u')
                return false;
            s->at++;
            if (unicode_escape(s) < 0)
                return false;
        } else if (c & 0x80 || char_is_alpha((char)c) || c == '$' || c == '_' || (!first && is_digit(c))) {
            s->at++;
        } else {
            return false;
        }
    }
    if (peek(s, 0) != '>' || s->at == start || *count == NAMES_MAX)
        return false;
    names[(*count)++] = str_slice(s->pattern.ptr + start, s->at - start);
    s->at++;
    return true;
}

static bool open_group(struct syntax *s)
{
    static const char *const assertions[] = {"(?=", "(?!", "(?<=", "(?<!"};
    struct str rest = str_skip(s->pattern, s->at);
    size_t taken = 0;
    for (size_t i = 0; i < ARRAY_LEN(assertions); i++)
        if (str_starts(rest, str_from(assertions[i])))
            taken = strlen(assertions[i]);
    uint64_t bit = UINT64_C(1) << (s->depth % 64), *word = &s->assertions[s->depth / 64];
    *word = taken ? *word | bit : *word & ~bit;
    s->depth++;
    s->atom = false;
    if (taken) {
        s->at += taken;
    } else if (str_starts(rest, STR("(?:"))) {
        s->at += 3;
    } else if (str_starts(rest, STR("(?<"))) {
        s->groups++;
        s->at += 3;
        return group_name(s, s->names, &s->name_count);
    } else if (peek(s, 1) == '?') {
        return false;
    } else {
        s->groups++;
        s->at++;
    }
    return true;
}

static bool close_group(struct syntax *s)
{
    if (!s->depth)
        return false;
    s->depth--;
    s->atom = !(s->assertions[s->depth / 64] >> (s->depth % 64) & 1);
    s->at++;
    return true;
}

// Digits without their leading zeros.
static struct str number(struct syntax *s)
{
    while (peek(s, 0) == '0' && is_digit(peek(s, 1)))
        s->at++;
    size_t start = s->at;
    while (is_digit(peek(s, 0)))
        s->at++;
    return str_slice(s->pattern.ptr + start, s->at - start);
}

// "{m}", "{m,}" or "{m,n}", where n is not below m.
static bool braces(struct syntax *s)
{
    s->at++;
    struct str least = number(s), most = STR_NULL;
    if (peek(s, 0) == ',') {
        s->at++;
        most = number(s);
    }
    if (!least.len || peek(s, 0) != '}')
        return false;
    s->at++;
    return !most.len || most.len > least.len || (most.len == least.len && str_cmp(most, least) >= 0);
}

static bool quantifier(struct syntax *s)
{
    if (!s->atom)
        return false;
    s->atom = false;
    if (peek(s, 0) != '{')
        s->at++;
    else if (!braces(s))
        return false;
    s->at += peek(s, 0) == '?';
    return true;
}

// At the backslash, outside a class.
static bool escape(struct syntax *s)
{
    s->at++;
    int c = peek(s, 0);
    s->atom = c != 'b' && c != 'B';
    if (!s->atom) {
        s->at++;
        return true;
    }
    if (c == 'k') {
        s->at++;
        if (peek(s, 0) != '<')
            return false;
        s->at++;
        return group_name(s, s->references, &s->reference_count);
    }
    if (c < '1' || c > '9')
        return character_escape(s) != ESCAPE_BAD;
    uint64_t value;
    struct str digits = number(s);
    if (!str_to_u64(digits, &value))
        return false; // more groups than a pattern can have
    s->highest = MAX(s->highest, value);
    return true;
}

static bool next(struct syntax *s)
{
    switch (peek(s, 0)) {
    case '\\':
        return escape(s);
    case '[':
        return class(s);
    case '(':
        return open_group(s);
    case ')':
        return close_group(s);
    case '*':
    case '+':
    case '?':
    case '{':
        return quantifier(s);
    case '}':
    case ']':
        return false;
    case '^':
    case '$':
    case '|':
        s->at++;
        s->atom = false;
        return true;
    default:
        (void)code_point(s);
        s->atom = true;
        return true;
    }
}

static bool is_among(const struct str *names, size_t count, struct str name)
{
    for (size_t i = 0; i < count; i++)
        if (str_eq(names[i], name))
            return true;
    return false;
}

bool jsv_regex_is_ecma(struct str pattern)
{
    struct syntax s = {.pattern = pattern};
    if (pattern.len >= REGEX_PATTERN_MAX)
        return false;
    while (s.at < pattern.len)
        if (!next(&s))
            return false;
    if (s.depth || s.highest > s.groups)
        return false;
    for (size_t i = 0; i < s.name_count; i++)
        if (is_among(s.names, i, s.names[i]))
            return false;
    for (size_t i = 0; i < s.reference_count; i++)
        if (!is_among(s.names, s.name_count, s.references[i]))
            return false;
    return true;
}
