// SPDX-License-Identifier: Apache-2.0
// Lines do not depend on how the stream is cut, and an envelope's members lie within its line.
//
// Input: the pieces' length, then the stream.
#include "lib/wire/batch_line.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_within(struct str part, struct str line)
{
    BUG_ON(part.ptr && (part.ptr < line.ptr || part.ptr + part.len > line.ptr + line.len));
}

static void check_envelope(struct str text)
{
    struct batch_line line;
    if (batch_line_parse(text, &line) != PROBLEM_NONE)
        return;
    check_within(line.id, text);
    check_within(line.at, text);
    check_within(line.contract, text);
    check_within(line.event, text);
    BUG_ON(line.event.len < 2 || line.event.ptr[0] != '{');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1)
        return 0;
    struct str rest = str_slice(data + 1, size - 1), line;
    size_t step = 1 + (size_t)data[0];
    struct line_splitter s;
    struct buf joined;
    line_splitter_init(&s);
    buf_init(&joined, size);
    while (rest.len) {
        struct str piece = str_slice(rest.ptr, MIN(step, rest.len));
        bool failed;
        rest = str_skip(rest, piece.len);
        while (line_next(&s, &piece, &line, &failed) != LINE_NONE) {
            BUG_ON(memchr(line.ptr ? line.ptr : "", '\n', line.len));
            check_envelope(line);
            buf_put_str(&joined, line);
            buf_put_char(&joined, '\n');
        }
        BUG_ON(failed || piece.len);
    }
    if (line_last(&s, &line) != LINE_NONE) {
        check_envelope(line);
        buf_put_str(&joined, line);
    }
    BUG_ON(!str_eq(buf_str(&joined), str_slice(data + 1, size - 1)));
    line_splitter_release(&s);
    buf_release(&joined);
    return 0;
}
