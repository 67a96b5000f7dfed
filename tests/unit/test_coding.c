// SPDX-License-Identifier: Apache-2.0
#include "lib/wire/coding.h"

#include "tests/unit/check_main.h"

static void fill(struct buf *text, size_t len, bool dull)
{
    uint32_t x = 1;
    buf_init(text, len);
    while (text->len < len) {
        x = x * 1664525 + 1013904223;
        buf_put_char(text, dull ? 'a' : (char)(x >> 24));
    }
    ck_assert(buf_ok(text));
}

static void encode(enum coding coding, struct str text, size_t step, struct buf *out)
{
    struct encoder *e = encoder_new(coding);
    ck_assert_ptr_nonnull(e);
    for (size_t i = 0; i < text.len; i += step)
        ck_assert(encoder_write(e, str_slice(text.ptr + i, MIN(step, text.len - i)), out));
    ck_assert(encoder_finish(e, out));
    encoder_free(e);
}

// By pieces of `step` bytes into room of `room` bytes.
static enum problem decode(enum coding coding, struct str body, size_t step, size_t room, uint64_t ceiling,
                           struct buf *out)
{
    struct decoder *d = decoder_new(coding, ceiling);
    enum problem problem = PROBLEM_NONE;
    ck_assert_ptr_nonnull(d);
    for (size_t i = 0; !problem && i < body.len; i += step) {
        struct str piece = str_slice(body.ptr + i, MIN(step, body.len - i));
        size_t len = room;
        while (!problem && (piece.len || len == room)) {
            ck_assert(buf_reserve(out, room));
            problem = decoder_read(d, &piece, out->ptr + out->len, room, &len);
            if (!problem)
                out->len += len;
        }
    }
    if (!problem)
        problem = decoder_finish(d);
    decoder_free(d);
    return problem;
}

#define CEILING ((uint64_t)8 << 20)

static void check_round(enum coding coding, struct str text)
{
    struct buf body, back;
    static const size_t steps[] = {1, 7, 4096, 1 << 20};
    buf_init(&body, 16 << 20);
    encode(coding, text, 1000, &body);
    for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
        buf_init(&back, 16 << 20);
        ck_assert_int_eq(decode(coding, buf_str(&body), steps[i], i % 2 ? 64 : 1000, CEILING, &back),
                         PROBLEM_NONE);
        ck_assert(str_eq(buf_str(&back), text));
        buf_release(&back);
    }
    buf_release(&body);
}

START_TEST(coding__round)
{
    static const size_t sizes[] = {0, 1, 1000, 40000};
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        for (int dull = 0; dull < 2; dull++) {
            struct buf text;
            fill(&text, sizes[i], dull);
            check_round(CODING_GZIP, buf_str(&text));
            check_round(CODING_ZSTD, buf_str(&text));
            buf_release(&text);
        }
    }
}
END_TEST

static void two_in_a_row(enum coding coding)
{
    struct buf body, back;
    buf_init(&body, 1 << 20);
    buf_init(&back, 1 << 20);
    encode(coding, STR("one,"), 2, &body);
    encode(coding, STR(""), 2, &body);
    encode(coding, STR("two"), 2, &body);
    ck_assert_int_eq(decode(coding, buf_str(&body), 1, 3, CEILING, &back), PROBLEM_NONE);
    ck_assert(str_eq(buf_str(&back), STR("one,two")));
    buf_release(&body);
    buf_release(&back);
}

START_TEST(coding__members_and_frames_in_a_row)
{
    two_in_a_row(CODING_GZIP);
    two_in_a_row(CODING_ZSTD);
}
END_TEST

static void check_broken(enum coding coding)
{
    struct buf body, back;
    buf_init(&body, 1 << 20);
    encode(coding, STR("some text, and some text again"), 100, &body);
    size_t whole = body.len;
    for (size_t len = 0; len < whole; len++) {
        buf_init(&back, 1 << 20);
        ck_assert_int_eq(decode(coding, str_slice(body.ptr, len), 5, 100, CEILING, &back),
                         PROBLEM_content_encoding_malformed);
        buf_release(&back);
    }
    buf_put_cstr(&body, "garbage");
    buf_init(&back, 1 << 20);
    ck_assert_int_eq(decode(coding, buf_str(&body), 1000, 1000, CEILING, &back),
                     PROBLEM_content_encoding_malformed);
    buf_release(&back);
    body.len = whole;
    body.ptr[whole - 3] ^= 1; // the checksum
    buf_init(&back, 1 << 20);
    ck_assert_int_eq(decode(coding, buf_str(&body), 1000, 1000, CEILING, &back),
                     PROBLEM_content_encoding_malformed);
    buf_release(&back);
    buf_release(&body);
}

START_TEST(coding__truncated_trailing_and_damaged)
{
    check_broken(CODING_GZIP);
    check_broken(CODING_ZSTD);
}
END_TEST

static void check_bomb(enum coding coding)
{
    struct buf text, body, back;
    fill(&text, 4 << 20, true);
    buf_init(&body, 1 << 20);
    encode(coding, buf_str(&text), 1 << 20, &body);
    ck_assert_uint_lt(body.len * LIMIT_INFLATE_RATIO, text.len);
    buf_init(&back, 16 << 20);
    ck_assert_int_eq(decode(coding, buf_str(&body), 4096, 65536, CEILING, &back), PROBLEM_body_too_large);
    ck_assert_uint_le(back.len, LIMIT_INFLATE_FREE + 65536);
    buf_release(&back);
    buf_release(&body);
    // A small body is never too repetitive.
    buf_init(&body, 1 << 20);
    buf_init(&back, 16 << 20);
    encode(coding, str_slice(text.ptr, LIMIT_INFLATE_FREE), 1 << 20, &body);
    ck_assert_int_eq(decode(coding, buf_str(&body), 4096, 65536, CEILING, &back), PROBLEM_NONE);
    buf_release(&back);
    buf_release(&body);
    buf_release(&text);
}

START_TEST(coding__ratio_is_bounded)
{
    check_bomb(CODING_GZIP);
    check_bomb(CODING_ZSTD);
}
END_TEST

START_TEST(coding__ceiling)
{
    static const enum coding all[] = {CODING_IDENTITY, CODING_GZIP, CODING_ZSTD};
    struct buf text;
    fill(&text, 1000, false);
    for (size_t i = 0; i < ARRAY_LEN(all); i++) {
        for (size_t ceiling = 999; ceiling <= 1000; ceiling++) {
            struct buf body, back;
            buf_init(&body, 1 << 20);
            buf_init(&back, ceiling);
            if (all[i] == CODING_IDENTITY)
                buf_put_str(&body, buf_str(&text));
            else
                encode(all[i], buf_str(&text), 100, &body);
            ck_assert_int_eq(coding_decode(all[i], buf_str(&body), &back),
                             ceiling < 1000 ? PROBLEM_body_too_large : PROBLEM_NONE);
            buf_release(&body);
            buf_release(&back);
        }
    }
    buf_release(&text);
}
END_TEST

// Magic, a descriptor without content size, and a window byte: exponent 5 bits, mantissa 3.
START_TEST(coding__zstd_window)
{
    struct buf back;
    for (int log = 23; log <= 24; log++) {
        char body[] = {'\x28', '\xb5', '\x2f', '\xfd', 0, (char)((log - 10) << 3), 1, 0, 0};
        buf_init(&back, 1 << 20);
        ck_assert_int_eq(coding_decode(CODING_ZSTD, str_slice(body, sizeof(body)), &back),
                         log == 23 ? PROBLEM_NONE : PROBLEM_content_encoding_malformed);
        buf_release(&back);
    }
}
END_TEST

// The empty frame of each format that libzstd may know: an empty raw block, the last, behind whatever head.
START_TEST(coding__zstd_of_old)
{
    static const char skipped[] = "\x50\x2a\x4d\x18\x01\x00\x00\x00!";
    static const char frame[] = "\x28\xb5\x2f\xfd\x20\x00\x01\x00\x00";
    static const unsigned char firsts[] = {0x1e, 0x22, 0x23, 0x24, 0x25, 0x26, 0x27, 0x29};
    char body[] = "....\xb5\x2f\xfd\x00\xff\x03\x41";
    struct buf back, both;
    buf_init(&back, 1 << 20);
    buf_init(&both, 1 << 10);
    buf_put(&both, skipped, sizeof(skipped) - 1);
    buf_put(&both, frame, sizeof(frame) - 1);
    ck_assert_int_eq(coding_decode(CODING_ZSTD, buf_str(&both), &back), PROBLEM_NONE);
    for (size_t i = 0; i < ARRAY_LEN(firsts); i++) {
        body[3] = (char)firsts[i];
        for (size_t len = 1; len < sizeof(body) - 3; len++)
            ck_assert_int_eq(coding_decode(CODING_ZSTD, str_slice(body + 3, len), &back),
                             PROBLEM_content_encoding_malformed);
    }
    buf_put(&both, body + 3, 8);
    ck_assert_int_eq(coding_decode(CODING_ZSTD, buf_str(&both), &back), PROBLEM_content_encoding_malformed);
    ck_assert_uint_eq(back.len, 0);
    buf_release(&both);
    buf_release(&back);
}
END_TEST

// A header that tells a length, and an empty block, the last; whole and byte by byte.
START_TEST(coding__zstd_length)
{
    for (int told = 0; told <= 1; told++) {
        char body[] = {'\x28', '\xb5', '\x2f', '\xfd', '\x20', (char)told, 1, 0, 0}, out[64];
        struct decoder *decoder = decoder_new(CODING_ZSTD, 100);
        enum problem problem = PROBLEM_NONE, want = told ? PROBLEM_content_encoding_malformed : PROBLEM_NONE;
        struct buf back;
        buf_init(&back, 1 << 10);
        ck_assert_int_eq(coding_decode(CODING_ZSTD, str_slice(body, sizeof(body)), &back), want);
        for (size_t i = 0; i < sizeof(body) && !problem; i++) {
            struct str piece = str_slice(body + i, 1);
            size_t len;
            problem = decoder_read(decoder, &piece, out, sizeof(out), &len);
        }
        ck_assert_int_eq(problem, want);
        decoder_free(decoder);
        buf_release(&back);
    }
}
END_TEST

// A window is counted as soon as the frame's header asks for it.
START_TEST(coding__memory)
{
    static const char large[] = {'\x28', '\xb5',  '\x2f', '\xfd',
                                 0,      13 << 3, 0,      0}; // 2^(10 + 13), not the end
    for (int coding = CODING_IDENTITY; coding <= CODING_ZSTD; coding++) {
        struct decoder *decoder = decoder_new((enum coding)coding, 100);
        ck_assert_ptr_nonnull(decoder);
        ck_assert_uint_lt(decoder_memory(decoder), 1 << 20);
        decoder_free(decoder);
    }
    struct decoder *decoder = decoder_new(CODING_ZSTD, 100);
    struct str piece = str_slice(large, sizeof(large));
    char out[64];
    size_t len;
    ck_assert_int_eq(decoder_read(decoder, &piece, out, sizeof(out), &len), PROBLEM_NONE);
    ck_assert_uint_ge(decoder_memory(decoder), (size_t)1 << LIMIT_ZSTD_WINDOW_LOG);
    ck_assert_uint_lt(decoder_memory(decoder), (size_t)9 << 20);
    decoder_free(decoder);
}
END_TEST

START_TEST(coding__header)
{
    static const struct {
        const char *value;
        unsigned count;
        int coding; // -1: refused
    } rows[] = {
        {NULL, 0, CODING_IDENTITY},
        {"identity", 1, CODING_IDENTITY},
        {"gzip", 1, CODING_GZIP},
        {" GZip\t", 1, CODING_GZIP},
        {"x-gzip", 1, CODING_GZIP},
        {"zstd", 1, CODING_ZSTD},
        {"", 1, -1},
        {"br", 1, -1},
        {"deflate", 1, -1},
        {"gzip, zstd", 1, -1},
        {"gzip,", 1, -1},
        {"gzip", 2, -1},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        enum coding coding;
        struct str value = rows[i].value ? str_from(rows[i].value) : STR_NULL;
        enum problem problem = coding_from_header(value, rows[i].count, &coding);
        ck_assert_int_eq(problem, rows[i].coding < 0 ? PROBLEM_content_encoding_unsupported : PROBLEM_NONE);
        if (!problem)
            ck_assert_int_eq((int)coding, rows[i].coding);
    }
}
END_TEST

CHECK_MAIN("coding", coding__round, coding__members_and_frames_in_a_row,
           coding__truncated_trailing_and_damaged, coding__ratio_is_bounded, coding__ceiling,
           coding__zstd_window, coding__zstd_of_old, coding__zstd_length, coding__memory, coding__header)
