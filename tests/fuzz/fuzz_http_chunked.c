// SPDX-License-Identifier: Apache-2.0
// A chunked body as it comes from the wire, against a reader that has all of it at once, and in pieces of any
// size: all give the same.
#include "server/http/chunked.h"

#include "lib/base/base.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct outcome {
    enum chunked_result result;
    char *body;
    size_t len;
    size_t taken;
    struct str reason;
};

// Pieces of one byte without a `seed`, otherwise of sizes that it gives; all at once where `whole`.
static void run(struct str text, bool whole, uint64_t seed, struct outcome *outcome)
{
    struct chunked chunked = {0};
    outcome->len = outcome->taken = 0;
    outcome->result = CHUNKED_MORE;
    outcome->reason = STR_NULL;
    while (outcome->result == CHUNKED_MORE && outcome->taken < text.len) {
        size_t left = text.len - outcome->taken;
        seed = seed * 6364136223846793005ULL + (seed != 0);
        size_t given = whole ? left : MIN(left, 1 + (size_t)(seed >> 33) % 32);
        struct str bytes = str_slice(text.ptr + outcome->taken, given), piece;
        while ((outcome->result = chunked_take(&chunked, &bytes, &piece, &outcome->reason)) ==
               CHUNKED_PIECE) {
            BUG_ON(piece.len == 0 || piece.ptr + piece.len != bytes.ptr);
            memcpy(outcome->body + outcome->len, piece.ptr, piece.len);
            outcome->len += piece.len;
        }
        BUG_ON(outcome->result == CHUNKED_MORE && bytes.len > 0);
        outcome->taken += given - bytes.len;
    }
}

static bool is_same(const struct outcome *a, const struct outcome *b)
{
    return a->result == b->result && a->len == b->len && memcmp(a->body, b->body, a->len) == 0 &&
           str_eq(a->reason, b->reason) && (a->result == CHUNKED_BAD || a->taken == b->taken);
}

static bool is_plain(struct str line)
{
    for (size_t i = 0; i < line.len; i++)
        if (((unsigned char)line.ptr[i] < ' ' && line.ptr[i] != '\t') || line.ptr[i] == 0x7f)
            return false;
    return true;
}

// The next line without its CR LF; absent if it is not whole or holds a control.
static struct str take_line(struct str *rest)
{
    size_t lf = str_find(*rest, '\n');
    struct str line = {rest->ptr, lf};
    if (lf == rest->len || lf == 0 || rest->ptr[lf - 1] != '\r')
        return STR_NULL;
    *rest = str_skip(*rest, lf + 1);
    line.len--;
    return is_plain(line) ? line : STR_NULL;
}

static bool read_size(struct str line, uint64_t *ret_size)
{
    static const char digits[] = "0123456789abcdef";
    size_t count = 0;
    *ret_size = 0;
    for (; count < line.len; count++) {
        const char *digit = strchr(digits, char_lower(line.ptr[count]));
        if (!digit || !line.ptr[count])
            break;
        *ret_size = *ret_size * 16 + (uint64_t)(digit - digits);
    }
    struct str behind = str_trim(str_skip(line, count));
    return count >= 1 && count <= 15 && (line.len == count || (behind.len > 0 && behind.ptr[0] == ';'));
}

static bool is_trailer(struct str line)
{
    struct str name = str_cut(&line, ':');
    for (size_t i = 0; i < name.len; i++)
        if (!char_is_digit(name.ptr[i]) && !char_is_alpha(name.ptr[i]) &&
            !strchr("!#$%&'*+-.^_`|~", name.ptr[i]))
            return false;
    return name.len > 0 && line.ptr;
}

// Line by line, over all of it. False: it is no whole body.
static bool read_at_once(struct str text, struct outcome *outcome)
{
    struct str rest = text;
    uint64_t size = 1, waste = 0;
    outcome->len = 0;
    while (size > 0) {
        struct str line = take_line(&rest);
        if (!line.ptr || line.len + 2 > CHUNKED_LINE_MAX || !read_size(line, &size))
            return false;
        waste += line.len + 2;
        waste -= MIN(waste, 16 + size);
        if (waste > CHUNKED_WASTE_MAX || size > rest.len)
            return false;
        if (size > 0)
            memcpy(outcome->body + outcome->len, rest.ptr, (size_t)size);
        outcome->len += (size_t)size;
        rest = str_skip(rest, (size_t)size);
        if (size > 0 && !str_starts(rest, STR("\r\n")))
            return false;
        rest = str_skip(rest, size > 0 ? 2 : 0);
    }
    size_t trailers = 0;
    for (;;) {
        struct str line = take_line(&rest);
        if (!line.ptr)
            return false;
        if (line.len == 0)
            break;
        trailers += line.len + 2;
        if (trailers > CHUNKED_TRAILER_MAX || !is_trailer(line))
            return false;
    }
    outcome->taken = text.len - rest.len;
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = str_slice(data, size);
    struct outcome a = {.body = malloc(size + 1)}, b = {.body = malloc(size + 1)};
    BUG_ON(!a.body || !b.body);
    run(text, true, 0, &a);
    BUG_ON((a.result == CHUNKED_BAD) != (a.reason.len > 0));
    uint64_t seed = size;
    for (size_t i = 0; i < size; i++)
        seed = (seed ^ data[i]) * 0x100000001b3ULL;
    for (uint64_t round = 0; round < 4; round++) {
        run(text, false, round ? seed + round : 0, &b);
        BUG_ON(!is_same(&a, &b));
    }
    bool is_whole = read_at_once(text, &b);
    BUG_ON(is_whole != (a.result == CHUNKED_END));
    if (is_whole) {
        BUG_ON(a.len != b.len || a.taken != b.taken || memcmp(a.body, b.body, a.len) != 0);
        run(str_slice(data, a.taken - 1), true, 0, &b); // not a byte sooner
        BUG_ON(b.result != CHUNKED_MORE || b.len != a.len);
    }
    free(a.body);
    free(b.body);
    return 0;
}
