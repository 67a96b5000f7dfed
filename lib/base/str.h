// SPDX-License-Identifier: Apache-2.0
// Strings with a length: views of bytes that somebody else owns.
//
// A `struct str` is passed by value and never freed. It is not NUL-terminated unless its maker says so;
// str_dup_cstr() makes a C string where the OS needs one. {NULL, 0} is "absent", {"", 0} is "empty".
#ifndef VOX_BASE_STR_H
#define VOX_BASE_STR_H

#include "lib/base/base.h"

#include <string.h>

struct str {
    const char *ptr;
    size_t len;
};

#define STR(literal) ((struct str){(literal), sizeof(literal) - 1})
#define STR_NULL     ((struct str){NULL, 0})
// For printf's "%.*s".
#define STR_FMT(s) (int)(s).len, (s).ptr ? (s).ptr : ""

// NULL gives STR_NULL.
static inline struct str str_from(const char *cstr)
{
    return cstr ? (struct str){cstr, strlen(cstr)} : STR_NULL;
}

static inline struct str str_slice(const void *ptr, size_t len)
{
    return (struct str){(const char *)ptr, len};
}

// Absent equals empty.
static inline bool str_eq(struct str a, struct str b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

// Without its first n bytes; n may exceed the length.
static inline struct str str_skip(struct str s, size_t n)
{
    n = MIN(n, s.len);
    return n ? (struct str){s.ptr + n, s.len - n} : s;
}

static inline bool str_starts(struct str s, struct str prefix)
{
    return s.len >= prefix.len && str_eq(str_slice(s.ptr, prefix.len), prefix);
}

static inline bool char_is_digit(char c)
{
    return c >= '0' && c <= '9';
}

// ASCII letters.
static inline bool char_is_alpha(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

// ASCII.
static inline char char_lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

// What a hexadecimal digit of either case stands for; -1 if it is none.
static inline int char_hex(char c)
{
    if (char_is_digit(c))
        return c - '0';
    c = char_lower(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool bytes_eq_nocase(const char *a, const char *b, size_t len); // ASCII only

static inline bool str_eq_nocase(struct str a, struct str b)
{
    return a.len == b.len && bytes_eq_nocase(a.ptr, b.ptr, a.len);
}

int str_cmp(struct str a, struct str b); // byte order
bool str_ends(struct str s, struct str suffix);
struct str str_trim(struct str s); // space, tab, CR, LF at both ends
// Index of the first `c`, or s.len.
size_t str_find(struct str s, char c);
// Cuts `*rest` at the first `sep`: returns what stands before it, leaves what follows. Without a `sep`
// returns all and leaves STR_NULL.
struct str str_cut(struct str *rest, char sep);
// Decimal digits only, no sign, no leading "+", no blanks; false on anything else or overflow.
MUST_CHECK bool str_to_u64(struct str s, uint64_t *ret_value);
// As above with an optional "-".
MUST_CHECK bool str_to_i64(struct str s, int64_t *ret_value);
// malloc'ed, NUL-terminated copy; NULL when memory is out. The caller frees it.
MUST_CHECK char *str_dup_cstr(struct str s);
// Length of the well-formed UTF-8 sequence at `p` (RFC 3629), 0 if there is none; `*ret_point` is its scalar.
// `len` is at least 1.
size_t utf8_sequence(const unsigned char *p, size_t len, uint32_t *ret_point);

#endif
