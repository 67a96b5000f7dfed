// SPDX-License-Identifier: Apache-2.0
// URIs (RFC 3986), IRIs (RFC 3987) and URI templates (RFC 6570).
#include "lib/schema/format_parts.h"
#include "lib/schema/hex.h"
#include "lib/schema/uri.h"

#include <string.h>

static bool is_escape(struct str s, size_t at)
{
    return s.ptr[at] == '%' && jsv_hex_number(s, at + 1, 2) >= 0;
}

// The character at `at` beyond ASCII; its bytes. The text is UTF-8.
static size_t decode(struct str s, size_t at, uint32_t *ret_code)
{
    unsigned char first = (unsigned char)s.ptr[at];
    size_t len = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    uint32_t code = first & (0x7fu >> len);
    for (size_t i = 1; i < len && at + i < s.len; i++)
        code = code << 6 | ((unsigned char)s.ptr[at + i] & 0x3f);
    *ret_code = code;
    return len;
}

// "ucschar", and in a query "iprivate" too.
static bool is_iri_char(uint32_t code, bool query)
{
    if (code < 0xa0 || (code & 0xfffe) == 0xfffe || (code >= 0xfdd0 && code <= 0xfdef))
        return false;
    if ((code >= 0xe000 && code <= 0xf8ff) || code >= 0xf0000)
        return query;
    return (code < 0xfff0 || code > 0xffff) && (code < 0xe0000 || code >= 0xe1000);
}

enum { IRI = 1, QUERY = 2 };

// Unreserved characters, sub-delimiters, escapes, and `more`.
static bool has_only(struct str s, const char *more, unsigned flags)
{
    for (size_t i = 0; i < s.len;) {
        char c = s.ptr[i];
        uint32_t code;
        if (c & 0x80) {
            i += decode(s, i, &code);
            if (!(flags & IRI) || !is_iri_char(code, flags & QUERY))
                return false;
        } else if (is_escape(s, i)) {
            i += 3;
        } else if (char_is_alpha(c) || char_is_digit(c) ||
                   (c && (strchr("-._~!$&'()*+,;=", c) || strchr(more, c)))) {
            i++;
        } else {
            return false;
        }
    }
    return true;
}

// "[…]": IPv6 or what may come after it ("v" hex "." …).
static bool is_literal(struct str s)
{
    size_t dot = str_find(s, '.');
    if (!s.len || char_lower(s.ptr[0]) != 'v')
        return format_is_ipv6(s);
    for (size_t i = 1; i < dot; i++)
        if (char_hex(s.ptr[i]) < 0)
            return false;
    return dot > 1 && dot + 1 < s.len && !memchr(s.ptr, '%', s.len) && has_only(str_skip(s, dot + 1), ":", 0);
}

static bool is_authority(struct str s, unsigned flags)
{
    size_t at = str_find(s, '@'), end;
    if (at < s.len) {
        if (!has_only(str_slice(s.ptr, at), ":", flags))
            return false;
        s = str_skip(s, at + 1);
    }
    if (s.len && s.ptr[0] == '[') {
        end = str_find(s, ']');
        if (end == s.len || !is_literal(str_slice(s.ptr + 1, end - 1)))
            return false;
        end++;
    } else {
        end = str_find(s, ':');
        if (!has_only(str_slice(s.ptr, end), "", flags))
            return false;
    }
    if (end < s.len && s.ptr[end] != ':')
        return false;
    for (size_t i = end + 1; i < s.len; i++)
        if (!char_is_digit(s.ptr[i]))
            return false;
    return true;
}

static bool is_reference(struct str s, unsigned flags, bool absolute)
{
    struct uri uri = uri_split(s);
    if (absolute && !uri.scheme.ptr)
        return false;
    // A first segment with a colon would read as a scheme.
    if (!uri.scheme.ptr && !uri.authority.ptr && str_find(uri.path, ':') < str_find(uri.path, '/'))
        return false;
    return (!uri.authority.ptr || is_authority(uri.authority, flags)) && has_only(uri.path, ":@/", flags) &&
           has_only(uri.query, ":@/?", flags | QUERY) && has_only(uri.fragment, ":@/?", flags);
}

bool format_is_uri(struct str s)
{
    return is_reference(s, 0, true);
}

bool format_is_uri_reference(struct str s)
{
    return is_reference(s, 0, false);
}

bool format_is_iri(struct str s)
{
    return is_reference(s, IRI, true);
}

bool format_is_iri_reference(struct str s)
{
    return is_reference(s, IRI, false);
}

// "name", "name:3" or "name*".
static bool is_variable(struct str s)
{
    bool dot = true; // none may begin the name, end it or follow another
    size_t i = 0;
    for (; i < s.len && s.ptr[i] != ':' && s.ptr[i] != '*'; i++) {
        char c = s.ptr[i];
        if (c == '.' && dot)
            return false;
        dot = c == '.';
        if (c == '%' ? !is_escape(s, i) : !char_is_alpha(c) && !char_is_digit(c) && c != '_' && c != '.')
            return false;
        i += c == '%' ? 2 : 0;
    }
    if (dot || i == s.len)
        return !dot;
    if (s.ptr[i] == '*')
        return i + 1 == s.len;
    uint64_t length;
    struct str digits = str_skip(s, i + 1);
    return digits.len && digits.len <= 4 && digits.ptr[0] != '0' && str_to_u64(digits, &length);
}

static bool is_expression(struct str s)
{
    if (s.len && strchr("+#./;?&=,!@|", s.ptr[0]))
        s = str_skip(s, 1);
    if (!s.len)
        return false;
    while (s.ptr)
        if (!is_variable(str_cut(&s, ',')))
            return false;
    return true;
}

bool format_is_uri_template(struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        if (c == '{') {
            struct str rest = str_skip(s, i + 1);
            size_t close = str_find(rest, '}');
            if (close == rest.len || !is_expression(str_slice(rest.ptr, close)))
                return false;
            i += close + 1;
        } else if (c <= 0x20 || c == 0x7f || strchr("\"<>\\^`|}", c) || (c == '%' && !is_escape(s, i))) {
            return false;
        }
    }
    return true;
}
