// SPDX-License-Identifier: Apache-2.0
// Data is taken as it lies, everything else byte by byte: there is little of it.
#include "server/http/chunked.h"

#include "server/http/classes.h"

#define DIGITS_MAX 15
#define LINE_FREE  16 // so much of each chunk's line is no waste

// A step takes one byte and returns why that cannot stand where it does, absent if it can.
static struct str accept_as(struct chunked *chunked, enum chunked_state next)
{
    chunked->state = next;
    return STR_NULL;
}

static struct str refuse_in_line(char c)
{
    if (c == '\n')
        return STR("A line of the chunked body ends with LF alone. End each line with CR LF.");
    return STR("A line of the chunked body holds a control character. Remove it.");
}

static struct str expect_lf(struct chunked *chunked, char c, enum chunked_state next)
{
    if (c != '\n')
        return STR("A CR of the chunked body is not followed by LF. End each line and chunk with CR LF.");
    return accept_as(chunked, next);
}

static struct str take_text(struct chunked *chunked, char c, enum chunked_state next)
{
    if (c == '\r')
        return accept_as(chunked, next);
    return http_is(c, HTTP_IN_CONTROL) ? refuse_in_line(c) : STR_NULL;
}

static struct str take_size(struct chunked *chunked, char c)
{
    int digit = chunked->state == CHUNKED_SIZE ? char_hex(c) : -1;
    if (digit >= 0 && chunked->digits < DIGITS_MAX) {
        chunked->digits++;
        chunked->left = chunked->left * 16 + (unsigned)digit;
        return STR_NULL;
    }
    if (digit >= 0 || chunked->digits == 0)
        return STR("The size of a chunk is not 1 to 15 hexadecimal digits.");
    if (c == ' ' || c == '\t')
        return accept_as(chunked, CHUNKED_SIZE_BLANK);
    if (c == ';')
        return accept_as(chunked, CHUNKED_EXTENSION);
    if (c == '\r' && chunked->state == CHUNKED_SIZE)
        return accept_as(chunked, CHUNKED_SIZE_LF);
    if (c == '\n')
        return refuse_in_line(c);
    return STR("The size of a chunk is followed by neither CR LF nor an extension.");
}

static struct str end_size(struct chunked *chunked, char c)
{
    chunked->waste += chunked->line;
    chunked->waste -= MIN(chunked->waste, LINE_FREE + chunked->left);
    if (chunked->waste > CHUNKED_WASTE_MAX)
        return STR("The chunked body is mostly extensions. Send larger chunks.");
    chunked->digits = chunked->line = 0;
    return expect_lf(chunked, c, chunked->left ? CHUNKED_DATA : CHUNKED_TRAILER);
}

static struct str end_data(struct chunked *chunked, char c)
{
    if (c != '\r')
        return STR("The data of a chunk is not followed by CR LF.");
    return accept_as(chunked, CHUNKED_DATA_LF);
}

static struct str take_name(struct chunked *chunked, char c)
{
    if (c == '\r' && chunked->state == CHUNKED_TRAILER)
        return accept_as(chunked, CHUNKED_LAST_LF);
    if (c == ':' && chunked->state == CHUNKED_NAME)
        return accept_as(chunked, CHUNKED_VALUE);
    if (c == '\n')
        return refuse_in_line(c);
    if (!http_is(c, HTTP_IN_NAME))
        return STR("A trailer of the chunked body is not a name, a colon and a value on one line.");
    return accept_as(chunked, CHUNKED_NAME);
}

static struct str take_byte(struct chunked *chunked, char c)
{
    switch (chunked->state) {
    case CHUNKED_SIZE:
    case CHUNKED_SIZE_BLANK:
        return take_size(chunked, c);
    case CHUNKED_EXTENSION:
        return take_text(chunked, c, CHUNKED_SIZE_LF);
    case CHUNKED_SIZE_LF:
        return end_size(chunked, c);
    case CHUNKED_DATA_CR:
        return end_data(chunked, c);
    case CHUNKED_DATA_LF:
        return expect_lf(chunked, c, CHUNKED_SIZE);
    case CHUNKED_TRAILER:
    case CHUNKED_NAME:
        return take_name(chunked, c);
    case CHUNKED_VALUE:
        return take_text(chunked, c, CHUNKED_VALUE_LF);
    case CHUNKED_VALUE_LF:
        return expect_lf(chunked, c, CHUNKED_TRAILER);
    case CHUNKED_LAST_LF:
        return expect_lf(chunked, c, CHUNKED_OVER);
    case CHUNKED_DATA:
    case CHUNKED_OVER:
    default:
        BUG("a chunked body is read on where it is not");
    }
}

// The CR LF behind the trailers is free.
static struct str count_byte(struct chunked *chunked, char c)
{
    enum chunked_state state = chunked->state;
    bool in_size = state <= CHUNKED_SIZE_LF;
    bool in_trailers = state >= CHUNKED_TRAILER && state <= CHUNKED_VALUE_LF;
    if (in_size && ++chunked->line > CHUNKED_LINE_MAX)
        return STR("The line of a chunk's size is longer than 1024 bytes.");
    if (in_trailers && !(state == CHUNKED_TRAILER && c == '\r') && ++chunked->trailers > CHUNKED_TRAILER_MAX)
        return STR("The trailers of the chunked body are longer than 4096 bytes.");
    return STR_NULL;
}

static struct str take_piece(struct chunked *chunked, struct str *bytes)
{
    struct str piece = str_slice(bytes->ptr, (size_t)MIN((uint64_t)bytes->len, chunked->left));
    *bytes = str_skip(*bytes, piece.len);
    chunked->left -= piece.len;
    if (chunked->left == 0)
        chunked->state = CHUNKED_DATA_CR;
    return piece;
}

enum chunked_result chunked_take(struct chunked *chunked, struct str *bytes, struct str *ret_piece,
                                 struct str *ret_reason)
{
    BUG_ON(chunked->state == CHUNKED_OVER);
    while (bytes->len > 0) {
        if (chunked->state == CHUNKED_DATA) {
            *ret_piece = take_piece(chunked, bytes);
            return CHUNKED_PIECE;
        }
        char c = bytes->ptr[0];
        struct str reason = count_byte(chunked, c);
        if (!reason.ptr)
            reason = take_byte(chunked, c);
        if (reason.ptr) {
            chunked->state = CHUNKED_OVER;
            *ret_reason = reason;
            return CHUNKED_BAD;
        }
        *bytes = str_skip(*bytes, 1);
        if (chunked->state == CHUNKED_OVER)
            return CHUNKED_END;
    }
    return CHUNKED_MORE;
}
