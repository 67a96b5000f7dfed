// SPDX-License-Identifier: Apache-2.0
// server/http/chunked: bodies, what is refused, and that no cut of the stream makes a difference.
#include "check_main.h"
#include "server/http/chunked.h"

#define BODY_MAX (64 * 1024)

struct outcome {
    enum chunked_result result;
    char body[BODY_MAX];
    size_t len;
    size_t taken; // bytes of the stream, up to the end
    struct str reason;
};

static struct outcome whole, cut;

// From a copy of the exact size, so that a sanitizer sees a read past its end.
static void give(struct chunked *chunked, struct str bytes, struct outcome *outcome)
{
    char *copy = malloc(bytes.len + 1);
    ck_assert_ptr_nonnull(copy);
    if (bytes.len)
        memcpy(copy + 1, bytes.ptr, bytes.len);
    struct str rest = str_slice(copy + 1, bytes.len), piece;
    while ((outcome->result = chunked_take(chunked, &rest, &piece, &outcome->reason)) == CHUNKED_PIECE) {
        ck_assert(piece.len > 0 && piece.ptr + piece.len == rest.ptr);
        ck_assert(outcome->len + piece.len <= BODY_MAX);
        memcpy(outcome->body + outcome->len, piece.ptr, piece.len);
        outcome->len += piece.len;
    }
    if (outcome->result == CHUNKED_MORE)
        ck_assert_uint_eq(rest.len, 0);
    outcome->taken += bytes.len - rest.len;
    free(copy);
}

// In pieces of `step`, the first of `first` bytes.
static void run(struct str text, size_t first, size_t step, struct outcome *ret_outcome)
{
    struct chunked chunked = {0};
    ret_outcome->len = ret_outcome->taken = 0;
    ret_outcome->reason = STR_NULL;
    size_t at = 0, n = MIN(first, text.len);
    do {
        give(&chunked, str_slice(text.ptr + at, n), ret_outcome);
        at += n;
        n = MIN(step, text.len - at);
    } while (ret_outcome->result == CHUNKED_MORE && at < text.len);
}

static void assert_same(struct str text, size_t first, size_t step)
{
    run(text, first, step, &cut);
    ck_assert_msg(cut.result == whole.result && cut.len == whole.len && str_eq(cut.reason, whole.reason) &&
                      memcmp(cut.body, whole.body, whole.len) == 0 &&
                      (whole.result == CHUNKED_BAD || cut.taken == whole.taken),
                  "%.*s: cut after %zu and each %zu", STR_FMT(text), first, step);
}

static void run_all(struct str text)
{
    run(text, text.len, text.len, &whole);
    for (size_t step = 1; step <= 9; step++)
        assert_same(text, step, step);
    for (size_t first = 0; first < MIN(text.len, 200U); first++)
        assert_same(text, first, text.len);
}

#define S(text)                  \
    {                            \
        (text), sizeof(text) - 1 \
    }

START_TEST(http_chunked__takes_bodies)
{
    static const struct {
        struct str text;
        const char *body;
        size_t behind; // bytes that do not belong to it
    } rows[] = {
        {S("0\r\n\r\n"), "", 0},
        {S("3\r\nabc\r\n0\r\n\r\n"), "abc", 0},
        {S("3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n"), "abcdefg", 0},
        {S("3\r\n\r\n0\r\n0\r\n\r\n"), "\r\n0", 0},
        {S("A\r\n0123456789\r\n0\r\n\r\n"), "0123456789", 0},
        {S("00000000000000a\r\n0123456789\r\n000000000000000\r\n\r\n"), "0123456789", 0},
        {S("1f\r\n0123456789012345678901234567890\r\n0\r\n\r\n"), "0123456789012345678901234567890", 0},
        {S("3\r\nabc\r\n0\r\n\r\nPOST / HTTP/1.1\r\n"), "abc", 17},
        {S("0\r\n\r\n\r\n\r\n"), "", 4},
        {S("3;a=b\r\nabc\r\n0;c\r\n\r\n"), "abc", 0},
        {S("3 \t ;a=\"b;\t\xc3\xa9\" ; c\r\nabc\r\n0 ;\r\n\r\n"), "abc", 0},
        {S("3;\r\nabc\r\n0\r\n\r\n"), "abc", 0},
        {S("3\r\nabc\r\n0\r\nX-A: b\r\n\r\n"), "abc", 0},
        {S("0\r\nX-A:\r\nx-b:c:\td\xff\r\n\r\nG"), "", 1},
        {S("0\r\nContent-Length: 5\r\n\r\nabcde"), "", 5},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        run_all(rows[i].text);
        ck_assert_msg(whole.result == CHUNKED_END, "row %zu: %d %.*s", i, whole.result,
                      STR_FMT(whole.reason));
        ck_assert_msg(str_eq(str_slice(whole.body, whole.len), str_from(rows[i].body)), "row %zu", i);
        ck_assert_msg(rows[i].text.len - whole.taken == rows[i].behind, "row %zu", i);
    }
}
END_TEST

#define SIZE    "The size of a chunk is not"
#define BEHIND  "The size of a chunk is followed"
#define LF      "A line of the chunked body ends with LF"
#define CONTROL "A line of the chunked body holds"
#define CR      "A CR of the chunked body"
#define DATA    "The data of a chunk"
#define TRAILER "A trailer of the chunked body"

START_TEST(http_chunked__refuses_what_is_odd)
{
    static const struct {
        struct str text;
        const char *reason;
    } rows[] = {
        {S("\r\n"), SIZE},
        {S("\n"), SIZE},
        {S(" 3\r\nabc"), SIZE},
        {S("zz\r\nabc"), SIZE},
        {S("-1\r\nabc"), SIZE},
        {S("+3\r\nabc"), SIZE},
        {S(";a\r\n"), SIZE},
        {S("\0\r\n"), SIZE},
        {S("0000000000000003\r\nabc"), SIZE},
        {S("ffffffffffffffffff\r\nabc"), SIZE},
        {S("0x3\r\nabc"), BEHIND},
        {S("3,\r\nabc"), BEHIND},
        {S("3_0\r\nabc"), BEHIND},
        {S("3.\r\nabc"), BEHIND},
        {S("3\0\r\nabc"), BEHIND},
        {S("3 \r\nabc"), BEHIND},
        {S("3 3\r\nabc"), BEHIND},
        {S("3\t\r\nabc"), BEHIND},
        {S("3 \0;a\r\nabc"), BEHIND},
        {S("3\x0b\r\nabc"), BEHIND},
        {S("3\nabc"), LF},
        {S("3 \nabc"), LF},
        {S("3;a\nabc"), LF},
        {S("3;a\"\n\"\r\nabc"), LF},
        {S("3\r\r\nabc"), CR},
        {S("3\rabc"), CR},
        {S("3\r\0abc"), CR},
        {S("3;a\rb\r\nabc"), CR},
        {S("3;a\0\r\nabc"), CONTROL},
        {S("3;a\177\r\nabc"), CONTROL},
        {S("3;\x0b\r\nabc"), CONTROL},
        {S("3\r\nabcXX0\r\n\r\n"), DATA},
        {S("3\r\nabcd\r\n0\r\n\r\n"), DATA},
        {S("3\r\nabc\n0\r\n\r\n"), DATA},
        {S("3\r\nab\r\n0\r\n\r\n"), DATA},
        {S("3\r\nabc\0\r\n0\r\n\r\n"), DATA},
        {S("3\r\nabc\r0\r\n\r\n"), CR},
        {S("3\r\nabc\r\r\n0\r\n\r\n"), CR},
        {S("3\r\nabc\r\n\r\n0\r\n\r\n"), SIZE},
        {S("0\n\r\n"), LF},
        {S("0\r\n\n"), LF},
        {S("0\r\n\r\r\n"), CR},
        {S("0\r\n\rX"), CR},
        {S("0\r\n\0X-A: b\r\n\r\n"), TRAILER},
        {S("0\r\n: b\r\n\r\n"), TRAILER},
        {S("0\r\n X-A: b\r\n\r\n"), TRAILER},
        {S("0\r\nX-A: b\r\n c\r\n\r\n"), TRAILER},
        {S("0\r\nX-A: b\r\n\tc\r\n\r\n"), TRAILER},
        {S("0\r\nX-A : b\r\n\r\n"), TRAILER},
        {S("0\r\nX A: b\r\n\r\n"), TRAILER},
        {S("0\r\nX-A\r\n\r\n"), TRAILER},
        {S("0\r\nGET / HTTP/1.1\r\n\r\n"), TRAILER},
        {S("0\r\nX-A\n\r\n"), LF},
        {S("0\r\nX-A: b\n\r\n"), LF},
        {S("0\r\nX-A: b\rc\r\n\r\n"), CR},
        {S("0\r\nX-A: b\0\r\n\r\n"), CONTROL},
        {S("0\r\nX-A: \177\r\n\r\n"), CONTROL},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        run_all(rows[i].text);
        ck_assert_msg(whole.result == CHUNKED_BAD && str_starts(whole.reason, str_from(rows[i].reason)),
                      "row %zu: %d %.*s", i, whole.result, STR_FMT(whole.reason));
    }
}
END_TEST

// Up to its last byte a good body asks for more, and whatever is missing is not made up.
START_TEST(http_chunked__waits_for_all_of_it)
{
    const struct str text = STR("3;a=b\r\nabc\r\n000\r\nX-A: b\r\n\r\n");
    for (size_t len = 0; len < text.len; len++) {
        run(str_slice(text.ptr, len), len, len, &whole);
        ck_assert_msg(whole.result == CHUNKED_MORE && whole.taken == len, "after %zu", len);
    }
}
END_TEST

static char text[128 * 1024];

START_TEST(http_chunked__has_limits)
{
    static const struct {
        const char *before;
        int fill;
        const char *behind;
        const char *reason; // NULL: none
    } rows[] = {
        {"3;", CHUNKED_LINE_MAX - 4, "\r\nabc\r\n0\r\n\r\n", NULL},
        {"3;", CHUNKED_LINE_MAX - 3, "\r\nabc\r\n0\r\n\r\n", "The line of a chunk's size"},
        {"3;", 100000, "", "The line of a chunk's size"},
        {"0\r\nX:", CHUNKED_TRAILER_MAX - 4, "\r\n\r\n", NULL},
        {"0\r\nX:", CHUNKED_TRAILER_MAX - 3, "\r\n\r\n", "The trailers"},
        {"0\r\nX:", CHUNKED_TRAILER_MAX - 8, "\r\nY:\r\n\r\n", NULL},
        {"0\r\nX:", CHUNKED_TRAILER_MAX - 7, "\r\nY:\r\n\r\n", "The trailers"},
        {"0\r\n", 100000, "", "The trailers"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        int len = snprintf(text, sizeof(text), "%s%0*d%s", rows[i].before, rows[i].fill, 0, rows[i].behind);
        run_all(str_slice(text, (size_t)len));
        ck_assert_msg(whole.result == (rows[i].reason ? CHUNKED_BAD : CHUNKED_END), "row %zu: %.*s", i,
                      STR_FMT(whole.reason));
        ck_assert_msg(str_starts(whole.reason, str_from(rows[i].reason)), "row %zu: %.*s", i,
                      STR_FMT(whole.reason));
    }
}
END_TEST

// Small chunks are no waste, nor are large extensions of large ones; large ones of small ones are.
START_TEST(http_chunked__bounds_extensions)
{
    size_t len = 0;
    for (size_t i = 0; i < 20000; i++)
        len += (size_t)snprintf(text + len, sizeof(text) - len, "1\r\na\r\n");
    len += (size_t)snprintf(text + len, sizeof(text) - len, "0\r\n\r\n");
    run(str_slice(text, len), len, len, &whole);
    ck_assert(whole.result == CHUNKED_END && whole.len == 20000);
    len = 0;
    for (size_t i = 0; i < 100; i++)
        len += (size_t)snprintf(text + len, sizeof(text) - len, "1;%0*d\r\na\r\n", 1000, 0);
    run_all(str_slice(text, len));
    ck_assert_int_eq(whole.result, CHUNKED_BAD);
    ck_assert(str_starts(whole.reason, STR("The chunked body is mostly extensions")));
    // 1004 bytes of each line less 17.
    ck_assert_uint_eq(whole.len, CHUNKED_WASTE_MAX / (1004 - 17));
    len = 0;
    for (size_t i = 0; i < 60; i++)
        len += (size_t)snprintf(text + len, sizeof(text) - len, "3e8;%0*d\r\n%0*d\r\n", 1000, 0, 1000, 0);
    run(str_slice(text, len), len, len, &whole);
    ck_assert(whole.result == CHUNKED_MORE && whole.len == 60 * 1000);
}
END_TEST

CHECK_MAIN("http_chunked", http_chunked__takes_bodies, http_chunked__refuses_what_is_odd,
           http_chunked__waits_for_all_of_it, http_chunked__has_limits, http_chunked__bounds_extensions)
