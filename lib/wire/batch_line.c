// SPDX-License-Identifier: Apache-2.0
// Splitting by LF, and the envelope's few members by hand: its event's bytes must stay as they are.
#include "lib/wire/batch_line.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

void line_splitter_init(struct line_splitter *s)
{
    *s = (struct line_splitter){0};
    buf_init(&s->carry, LIMIT_BATCH_LINE);
}

void line_splitter_release(struct line_splitter *s)
{
    buf_release(&s->carry);
}

#define CARRY_KEPT (64 * 1024)

static void forget(struct line_splitter *s)
{
    if (s->taken)
        buf_recycle(&s->carry, CARRY_KEPT);
    s->taken = false;
}

static enum line_found give(struct line_splitter *s, struct str line, struct str *ret_line)
{
    bool too_long = s->too_long || line.len > LIMIT_BATCH_LINE;
    s->taken = true;
    s->too_long = false;
    *ret_line = line;
    return too_long ? LINE_TOO_LONG : LINE_WHOLE;
}

// Keeps the beginning of a line; false when memory is out.
static bool carry(struct line_splitter *s, struct str part)
{
    if (s->too_long || part.len > LIMIT_BATCH_LINE - s->carry.len) {
        s->too_long = true;
        buf_recycle(&s->carry, 0);
        return true;
    }
    return buf_put_str(&s->carry, part);
}

enum line_found line_next(struct line_splitter *s, struct str *input, struct str *ret_line, bool *ret_failed)
{
    *ret_failed = false;
    forget(s);
    if (!input->len)
        return LINE_NONE;
    size_t len = str_find(*input, '\n');
    struct str part = str_slice(input->ptr, len);
    bool whole = len < input->len;
    *input = str_skip(*input, len + whole);
    if (whole && !s->carry.len && !s->too_long)
        return give(s, part, ret_line);
    if (!carry(s, part)) {
        *ret_failed = true;
        return LINE_NONE;
    }
    return whole ? give(s, buf_str(&s->carry), ret_line) : LINE_NONE;
}

enum line_found line_last(struct line_splitter *s, struct str *ret_line)
{
    forget(s);
    if (!s->carry.len && !s->too_long)
        return LINE_NONE;
    return give(s, buf_str(&s->carry), ret_line);
}

// ---- the envelope

static void skip_space(struct str *rest)
{
    while (rest->len && (*rest->ptr == ' ' || *rest->ptr == '\t' || *rest->ptr == '\r'))
        *rest = str_skip(*rest, 1);
}

static bool take_char(struct str *rest, char c)
{
    skip_space(rest);
    if (!rest->len || *rest->ptr != c)
        return false;
    *rest = str_skip(*rest, 1);
    return true;
}

// A string without escapes or controls, without its quotes.
static bool take_string(struct str *rest, struct str *ret_string)
{
    if (!take_char(rest, '"'))
        return false;
    size_t len = 0;
    while (len < rest->len && rest->ptr[len] != '"' && rest->ptr[len] != '\\' &&
           (unsigned char)rest->ptr[len] >= ' ')
        len++;
    if (len == rest->len || rest->ptr[len] != '"')
        return false;
    *ret_string = str_slice(rest->ptr, len);
    *rest = str_skip(*rest, len + 1);
    return true;
}

// Where the search for an object's end is.
struct bracket_scan {
    size_t at;
    size_t depth;
    bool inside; // a string
};

#ifdef __SSE2__
#define BLOCK 64

// A bit for each byte of the block that is `c`, or `c` but for the bit of `blur`.
static uint64_t bits_of(const char *p, char c, char blur)
{
    const __m128i wanted = _mm_set1_epi8(c), mask = _mm_set1_epi8(blur);
    uint64_t bits = 0;
    for (unsigned i = 0; i < BLOCK; i += 16) {
        __m128i bytes = _mm_or_si128(_mm_loadu_si128((const __m128i *)(const void *)(p + i)), mask);
        bits |= (uint64_t)(unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(bytes, wanted)) << i;
    }
    return bits;
}

// Each bit becomes the parity of itself and those below: from an opening quote to before the closing one.
static uint64_t parity_below(uint64_t bits)
{
    for (unsigned i = 1; i < BLOCK; i *= 2)
        bits ^= bits << i;
    return bits;
}

// Passes blocks as long as no escape is in them and the object cannot end in them.
static void pass_blocks(struct bracket_scan *scan, struct str text)
{
    const char blur = '{' ^ '['; // makes '{' of '[', '}' of ']', and neither of anything else
    for (; text.len - scan->at >= BLOCK; scan->at += BLOCK) {
        const char *p = text.ptr + scan->at;
        uint64_t inside = parity_below(bits_of(p, '"', 0)) ^ (scan->inside ? UINT64_MAX : 0);
        uint64_t opening = bits_of(p, '{', blur) & ~inside, closing = bits_of(p, '}', blur) & ~inside;
        size_t closed = (size_t)__builtin_popcountll(closing);
        if (closed >= scan->depth || bits_of(p, '\\', 0))
            return;
        scan->depth += (size_t)__builtin_popcountll(opening) - closed;
        scan->inside = inside >> (BLOCK - 1);
    }
}
#else
#define BLOCK SIZE_MAX

static void pass_blocks(struct bracket_scan *scan, struct str text)
{
    (void)scan, (void)text;
}
#endif

// As many bytes as a block has, one by one. True: the object ends before `at`.
static bool pass_bytes(struct bracket_scan *scan, struct str text)
{
    size_t most = MIN(text.len - scan->at, (size_t)BLOCK), end = scan->at + most;
    while (scan->at < end) {
        char c = text.ptr[scan->at++];
        if (scan->inside && c == '\\')
            scan->at++; // whatever follows it
        else if (c == '"')
            scan->inside = !scan->inside;
        else if (!scan->inside && (c == '{' || c == '['))
            scan->depth++;
        else if (!scan->inside && (c == '}' || c == ']') && --scan->depth == 0)
            return true;
    }
    return false;
}

// An object, from its opening brace to the closing one; what it holds is for the parser.
static bool take_object(struct str *rest, struct str *ret_text)
{
    struct bracket_scan scan = {.at = 1, .depth = 1};
    skip_space(rest);
    if (!rest->len || *rest->ptr != '{')
        return false;
    while (scan.at < rest->len) {
        pass_blocks(&scan, *rest);
        if (pass_bytes(&scan, *rest)) {
            *ret_text = str_slice(rest->ptr, scan.at);
            *rest = str_skip(*rest, scan.at);
            return true;
        }
    }
    return false;
}

static bool take_null(struct str *rest)
{
    skip_space(rest);
    if (!str_starts(*rest, STR("null")))
        return false;
    *rest = str_skip(*rest, 4);
    return true;
}

enum { MEMBER_ID, MEMBER_AT, MEMBER_CONTRACT, MEMBER_EVENT, MEMBER_COUNT };

static int member_of(struct str name)
{
    static const struct str names[] = {STR("id"), STR("at"), STR("contract"), STR("event")};
    for (int i = 0; i < MEMBER_COUNT; i++)
        if (str_eq(name, names[i]))
            return i;
    return MEMBER_COUNT;
}

static bool take_member(struct str *rest, struct str *values, unsigned *seen)
{
    struct str name;
    if (!take_string(rest, &name) || !take_char(rest, ':'))
        return false;
    int member = member_of(name);
    if (member == MEMBER_COUNT || *seen & 1U << member)
        return false;
    *seen |= 1U << member;
    if (member == MEMBER_EVENT)
        return take_object(rest, &values[member]);
    return take_null(rest) || take_string(rest, &values[member]);
}

enum problem batch_line_parse(struct str line, struct batch_line *ret_line)
{
    struct str rest = line, values[MEMBER_COUNT] = {0};
    unsigned seen = 0;
    bool good = take_char(&rest, '{');
    do {
        good = good && take_member(&rest, values, &seen);
    } while (good && take_char(&rest, ','));
    good = good && take_char(&rest, '}');
    skip_space(&rest);
    if (!good || rest.len || !values[MEMBER_EVENT].ptr)
        return PROBLEM_batch_line_malformed;
    *ret_line = (struct batch_line){values[MEMBER_ID], values[MEMBER_AT], values[MEMBER_CONTRACT],
                                    values[MEMBER_EVENT]};
    return PROBLEM_NONE;
}
