// SPDX-License-Identifier: Apache-2.0
// Content decoding keeps its bounds and does not depend on how the body is cut; what we encode comes back.
//
// Input: the coding and whether the bytes are also taken for a text, the piece's and the room's length, then
// a body. Large outputs, where the ratio counts, are for large rooms: byte by byte they would take seconds.
#include "lib/wire/coding.h"

#define CEILING_SMALL ((size_t)64 << 10)
#define CEILING_LARGE ((size_t)2 << 20)
#define ROOM_LARGE    ((size_t)8 << 10)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static enum problem decode(enum coding coding, struct str body, size_t step, size_t room, size_t ceiling,
                           struct buf *out)
{
    struct decoder *d = decoder_new(coding, ceiling);
    enum problem problem = PROBLEM_NONE;
    BUG_ON(!d);
    while (!problem && body.len) {
        struct str piece = str_slice(body.ptr, MIN(step, body.len));
        body = str_skip(body, piece.len);
        size_t len = room;
        while (!problem && (piece.len || len == room)) {
            BUG_ON(!buf_reserve(out, room));
            problem = decoder_read(d, &piece, out->ptr + out->len, room, &len);
            if (!problem) {
                BUG_ON(len > room);
                out->len += len;
            }
        }
    }
    if (!problem)
        problem = decoder_finish(d);
    decoder_free(d);
    return problem;
}

static void check_round(enum coding coding, struct str text)
{
    struct buf body, back;
    struct encoder *e = encoder_new(coding);
    buf_init(&body, (size_t)1 << 24);
    buf_init(&back, CEILING_LARGE);
    BUG_ON(!e || !encoder_write(e, text, &body) || !encoder_finish(e, &body));
    encoder_free(e);
    BUG_ON(coding_decode(coding, buf_str(&body), &back) != PROBLEM_NONE);
    BUG_ON(!str_eq(buf_str(&back), text));
    buf_release(&body);
    buf_release(&back);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 3)
        return 0;
    enum coding coding = data[0] % 3;
    size_t room = 1 + (size_t)data[2] * 64, ceiling = room < ROOM_LARGE ? CEILING_SMALL : CEILING_LARGE;
    struct str body = str_slice(data + 3, size - 3);
    struct buf cut, whole;
    buf_init(&cut, ceiling * 2);
    buf_init(&whole, ceiling);
    enum problem by_piece = decode(coding, body, 1 + data[1], room, ceiling, &cut);
    enum problem at_once = coding_decode(coding, body, &whole);
    BUG_ON((by_piece == PROBLEM_NONE) != (at_once == PROBLEM_NONE));
    BUG_ON(at_once == PROBLEM_NONE && !str_eq(buf_str(&cut), buf_str(&whole)));
    if (coding != CODING_IDENTITY && data[0] >= 128)
        check_round(coding, body);
    buf_release(&cut);
    buf_release(&whole);
    return 0;
}
