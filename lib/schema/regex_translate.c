// SPDX-License-Identifier: Apache-2.0
// ECMA-262 regular expressions in PCRE2's words.
//
// The u flag's grammar, with the two leniencies that schemas in the wild need: an escaped punctuation mark is
// itself, and a brace that starts no quantifier is itself.
#include "lib/schema/hex.h"
#include "lib/schema/regex.h"

// White space and line ends of ECMA-262, as the inside of a class, and all that is neither.
#define SPACES                                                                                             \
    "\\x{9}-\\x{d}\\x{20}\\x{a0}\\x{1680}\\x{2000}-\\x{200a}\\x{2028}\\x{2029}\\x{202f}\\x{205f}\\x{3000}" \
    "\\x{feff}"
#define NO_SPACES                                                                                       \
    "\\x{0}-\\x{8}\\x{e}-\\x{1f}\\x{21}-\\x{9f}\\x{a1}-\\x{167f}\\x{1681}-\\x{1fff}\\x{200b}-\\x{2027}" \
    "\\x{202a}-\\x{202e}\\x{2030}-\\x{205e}\\x{2060}-\\x{2fff}\\x{3001}-\\x{d7ff}\\x{e000}-\\x{fefe}"   \
    "\\x{ff00}-\\x{10ffff}"

struct scan {
    struct str pattern;
    size_t at;
    struct buf *out;
    struct err *err;
    bool atom;     // a quantifier may follow
    unsigned open; // groups
    bool group;    // inside a class
};

// Long names of general categories; PCRE2 10.42 knows only the short ones.
static const struct {
    const char *name;
    const char *category;
} categories[] = {
    {"Other", "C"},
    {"Control", "Cc"},
    {"cntrl", "Cc"},
    {"Format", "Cf"},
    {"Unassigned", "Cn"},
    {"Private_Use", "Co"},
    {"Surrogate", "Cs"},
    {"Letter", "L"},
    {"Cased_Letter", "L&"},
    {"LC", "L&"},
    {"Lowercase_Letter", "Ll"},
    {"Modifier_Letter", "Lm"},
    {"Other_Letter", "Lo"},
    {"Titlecase_Letter", "Lt"},
    {"Uppercase_Letter", "Lu"},
    {"Mark", "M"},
    {"Combining_Mark", "M"},
    {"Spacing_Mark", "Mc"},
    {"Enclosing_Mark", "Me"},
    {"Nonspacing_Mark", "Mn"},
    {"Number", "N"},
    {"Decimal_Number", "Nd"},
    {"digit", "Nd"},
    {"Letter_Number", "Nl"},
    {"Other_Number", "No"},
    {"Punctuation", "P"},
    {"punct", "P"},
    {"Connector_Punctuation", "Pc"},
    {"Dash_Punctuation", "Pd"},
    {"Close_Punctuation", "Pe"},
    {"Final_Punctuation", "Pf"},
    {"Initial_Punctuation", "Pi"},
    {"Other_Punctuation", "Po"},
    {"Open_Punctuation", "Ps"},
    {"Symbol", "S"},
    {"Currency_Symbol", "Sc"},
    {"Modifier_Symbol", "Sk"},
    {"Math_Symbol", "Sm"},
    {"Other_Symbol", "So"},
    {"Separator", "Z"},
    {"Line_Separator", "Zl"},
    {"Paragraph_Separator", "Zp"},
    {"Space_Separator", "Zs"},
};

static bool fail(struct scan *scan, const char *what)
{
    return err_set(scan->err, "the pattern is not ECMA-262 at byte %zu: %s", scan->at, what);
}

static int peek(const struct scan *scan, size_t ahead)
{
    return scan->at + ahead < scan->pattern.len ? (unsigned char)scan->pattern.ptr[scan->at + ahead] : -1;
}

// `count` hex digits at `ahead`; -1 if they are not.
static int32_t hex_at(const struct scan *scan, size_t ahead, unsigned count)
{
    return jsv_hex_number(scan->pattern, scan->at + ahead, count);
}

static bool put_code_point(struct scan *scan, int32_t code, size_t taken)
{
    if (code < 0 || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
        return fail(scan, "no such character");
    scan->at += taken;
    buf_putf(scan->out, "\\x{%x}", (unsigned)code);
    return true;
}

// At the "u" of \u.
static bool unicode_escape(struct scan *scan)
{
    if (peek(scan, 1) == '{') {
        int32_t code = 0;
        size_t i = 2;
        for (int digit; (digit = hex_at(scan, i, 1)) >= 0 && code <= 0x10ffff; i++)
            code = code * 16 + digit;
        if (i == 2 || peek(scan, i) != '}')
            return fail(scan, "\\u{…} holds no character");
        return put_code_point(scan, code, i + 1);
    }
    int32_t code = hex_at(scan, 1, 4);
    if (code >= 0xd800 && code <= 0xdbff && peek(scan, 5) == '\\' && peek(scan, 6) == 'u') {
        int32_t low = hex_at(scan, 7, 4);
        if (low >= 0xdc00 && low <= 0xdfff)
            return put_code_point(scan, 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00), 11);
    }
    return put_code_point(scan, code, 5);
}

// At the "p" or "P" of \p{…}.
static bool property_escape(struct scan *scan)
{
    size_t start = scan->at + 2, end = start;
    if (peek(scan, 1) != '{')
        return fail(scan, "\\p wants {…}");
    while (end < scan->pattern.len && scan->pattern.ptr[end] != '}')
        end++;
    if (end == scan->pattern.len || end == start)
        return fail(scan, "\\p wants {…}");
    struct str name = {scan->pattern.ptr + start, end - start};
    for (size_t i = 0; i < name.len; i++)
        if (!char_is_alpha(name.ptr[i]) && !char_is_digit(name.ptr[i]) && name.ptr[i] != '_' &&
            name.ptr[i] != '=')
            return fail(scan, "a property's name has letters, digits and _ only");
    if (str_starts(name, STR("General_Category=")) || str_starts(name, STR("gc=")))
        name = str_skip(name, str_find(name, '=') + 1);
    for (size_t i = 0; i < ARRAY_LEN(categories); i++)
        if (str_eq(name, str_from(categories[i].name)))
            name = str_from(categories[i].category);
    buf_putf(scan->out, "\\%c{%.*s}", peek(scan, 0), STR_FMT(name));
    scan->at = end + 1;
    return true;
}

// Escapes that are the same in a class and outside, at the character behind the backslash.
static bool character_escape(struct scan *scan)
{
    int c = peek(scan, 0);
    switch (c) {
    case 'd':
    case 'D':
    case 'w':
    case 'W':
    case 'n':
    case 'r':
    case 't':
    case 'f':
        buf_putf(scan->out, "\\%c", c);
        break;
    case 's':
    case 'S':
        buf_putf(scan->out, scan->group ? "%s" : "[%s]", c == 's' ? SPACES : NO_SPACES);
        break;
    case 'v':
        buf_put_cstr(scan->out, "\\x{b}");
        break;
    case '0':
        if (char_is_digit((char)peek(scan, 1)))
            return fail(scan, "octal escapes are not allowed");
        buf_put_cstr(scan->out, "\\x{0}");
        break;
    case 'c':
        if (peek(scan, 1) < 0 || !char_is_alpha((char)peek(scan, 1)))
            return fail(scan, "\\c wants a letter");
        return put_code_point(scan, peek(scan, 1) & 0x1f, 2);
    case 'x':
        return put_code_point(scan, hex_at(scan, 1, 2), 3);
    case 'u':
        return unicode_escape(scan);
    case 'p':
    case 'P':
        return property_escape(scan);
    default:
        if (c < 0x20 || c > 0x7e || char_is_alpha((char)c) || char_is_digit((char)c))
            return fail(scan, "no such escape");
        buf_putf(scan->out, "\\%c", c);
    }
    scan->at++;
    return true;
}

// From "[" to "]".
static bool class(struct scan *scan)
{
    scan->at++;
    if (peek(scan, 0) == ']') { // PCRE2 would repeat "[]" wrongly
        scan->at++;
        scan->atom = true;
        buf_put_cstr(scan->out, "[^\\x{0}-\\x{10ffff}]");
        return true;
    }
    buf_put_char(scan->out, '[');
    if (peek(scan, 0) == '^') {
        buf_put_char(scan->out, '^');
        scan->at++;
    }
    scan->group = true;
    for (;;) {
        int c = peek(scan, 0);
        if (c < 0)
            return fail(scan, "a class has no end");
        if (c == ']')
            break;
        scan->at++;
        if (c == '[') { // else PCRE2 would look for [:alpha:]
            buf_put_cstr(scan->out, "\\[");
        } else if (c != '\\') {
            buf_put_char(scan->out, (char)c);
        } else if (peek(scan, 0) == 'b') {
            buf_put_cstr(scan->out, "\\x{8}");
            scan->at++;
        } else if (!character_escape(scan)) {
            return false;
        }
    }
    scan->group = false;
    scan->at++;
    buf_put_char(scan->out, ']');
    scan->atom = true;
    return true;
}

// Escapes that exist outside a class only; at the backslash.
static bool atom_escape(struct scan *scan)
{
    scan->at++;
    int c = peek(scan, 0);
    scan->atom = true;
    if (c == 'b' || c == 'B') {
        scan->atom = false;
        scan->at++;
        buf_putf(scan->out, "\\%c", c);
        return true;
    }
    if (c >= '1' && c <= '9') {
        unsigned number = 0;
        for (; peek(scan, 0) >= '0' && peek(scan, 0) <= '9' && number < 1000; scan->at++)
            number = number * 10 + (unsigned)(peek(scan, 0) - '0');
        buf_putf(scan->out, "\\g{%u}", number);
        return true;
    }
    if (c != 'k')
        return character_escape(scan);
    scan->at++;
    if (peek(scan, 0) != '<')
        return fail(scan, "\\k wants <name>");
    buf_put_cstr(scan->out, "\\k"); // "<name>" follows as it stands
    for (; peek(scan, 0) >= 0 && peek(scan, 0) != '>'; scan->at++)
        buf_put_char(scan->out, scan->pattern.ptr[scan->at]);
    if (peek(scan, 0) < 0)
        return fail(scan, "\\k wants <name>");
    buf_put_char(scan->out, '>');
    scan->at++;
    return true;
}

static bool open_group(struct scan *scan)
{
    static const char *const kinds[] = {"(?:", "(?=", "(?!", "(?<=", "(?<!", "(?<"};
    struct str rest = str_skip(scan->pattern, scan->at);
    scan->atom = false;
    scan->open++;
    if (peek(scan, 1) == '*')
        return fail(scan, "nothing to repeat");
    if (peek(scan, 1) != '?') {
        buf_put_char(scan->out, '(');
        scan->at++;
        return true;
    }
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        struct str kind = str_from(kinds[i]);
        if (!str_starts(rest, kind))
            continue;
        buf_put_str(scan->out, kind);
        scan->at += kind.len;
        if (i == ARRAY_LEN(kinds) - 1)
            for (; peek(scan, 0) >= 0 && peek(scan, 0) != '>'; scan->at++)
                buf_put_char(scan->out, scan->pattern.ptr[scan->at]);
        return true;
    }
    return fail(scan, "no such group");
}

// Bytes of a quantifier "{m}", "{m,}" or "{m,n}" at the brace; 0 if it is none.
static size_t braces(const struct scan *scan)
{
    size_t i = 1;
    bool comma = false;
    if (peek(scan, 1) < '0' || peek(scan, 1) > '9')
        return 0;
    for (; peek(scan, i) >= 0 && peek(scan, i) != '}'; i++) {
        int c = peek(scan, i);
        if (c == ',' && !comma)
            comma = true;
        else if (c < '0' || c > '9')
            return 0;
    }
    return peek(scan, i) == '}' ? i + 1 : 0;
}

static bool quantifier(struct scan *scan, size_t len)
{
    if (!scan->atom)
        return fail(scan, "nothing to repeat");
    buf_put(scan->out, scan->pattern.ptr + scan->at, len);
    scan->at += len;
    if (peek(scan, 0) == '?') {
        buf_put_char(scan->out, '?');
        scan->at++;
    }
    scan->atom = false; // what PCRE2 would read as possessive is an error
    return true;
}

static bool literal(struct scan *scan, const char *text, bool atom)
{
    buf_put_cstr(scan->out, text);
    scan->at++;
    scan->atom = atom;
    return true;
}

static bool next(struct scan *scan)
{
    int c = peek(scan, 0);
    switch (c) {
    case '\\':
        return atom_escape(scan);
    case '[':
        return class(scan);
    case '(':
        return open_group(scan);
    case ')':
        return scan->open-- ? literal(scan, ")", true) : fail(scan, "a group ends that did not begin");
    case '|':
        return literal(scan, "|", false);
    case '^':
        return literal(scan, "^", false);
    case '$':
        return literal(scan, "$", false);
    case '.':
        return literal(scan, "[^\\n\\r\\x{2028}\\x{2029}]", true);
    case '*':
    case '+':
    case '?':
        return quantifier(scan, 1);
    case '{':
        return braces(scan) ? quantifier(scan, braces(scan)) : literal(scan, "\\{", true);
    case '}':
        return literal(scan, "\\}", true);
    case ']':
        return literal(scan, "\\]", true);
    default: {
        char byte = (char)c;
        buf_put_char(scan->out, byte);
        scan->at++;
        scan->atom = true;
        return true;
    }
    }
}

bool jsv_regex_translate(struct str pattern, struct buf *translated, struct err *err)
{
    struct scan scan = {.pattern = pattern, .out = translated, .err = err};
    while (scan.at < pattern.len)
        if (!next(&scan))
            return false;
    return !scan.open || fail(&scan, "a group has no end");
}
