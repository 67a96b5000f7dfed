// SPDX-License-Identifier: Apache-2.0
// A chunked body, taken apart as it comes (RFC 9112 section 7.1).
//
// A zero-initialised struct is the start. chunked_take() with the bytes that came until it says MORE, and
// again with the next ones; not any more after END or BAD. Nothing is copied or kept, and any cut of the
// stream gives the same result. Strict: a size is 1 to 15 hexadecimal digits, every line and all data ends
// with CR LF and nothing else, no line holds another control but the tab. Extensions (behind a semicolon) and
// trailers (lines like a head's, not folded) are dropped.
// Limits: CHUNKED_LINE_MAX for a size's line, CHUNKED_TRAILER_MAX for the trailers, their ends included, and
// CHUNKED_WASTE_MAX for what sizes and extensions take beyond the bytes of body that they bring.
#ifndef VOX_HTTP_CHUNKED_H
#define VOX_HTTP_CHUNKED_H

#include "lib/base/str.h"

#define CHUNKED_LINE_MAX    1024
#define CHUNKED_TRAILER_MAX 4096
#define CHUNKED_WASTE_MAX   (16 * 1024)

// What comes next. A line of a chunk goes SIZE, (SIZE_BLANK, EXTENSION,) SIZE_LF; then DATA, DATA_CR, DATA_LF
// and the next line, or behind the chunk of no bytes TRAILER, which goes NAME, VALUE, VALUE_LF and back, or
// LAST_LF to the end.
enum chunked_state {
    CHUNKED_SIZE,       // a digit, or the end of the size
    CHUNKED_SIZE_BLANK, // blanks before a semicolon
    CHUNKED_EXTENSION,  // anything up to CR
    CHUNKED_SIZE_LF,
    CHUNKED_DATA,
    CHUNKED_DATA_CR,
    CHUNKED_DATA_LF,
    CHUNKED_TRAILER, // a name's first character, or the CR of the empty line
    CHUNKED_NAME,    // more of it, or its colon
    CHUNKED_VALUE,   // anything up to CR
    CHUNKED_VALUE_LF,
    CHUNKED_LAST_LF,
    CHUNKED_OVER, // END or BAD was said
};

struct chunked {
    enum chunked_state state;
    unsigned digits;   // of the size
    unsigned line;     // bytes of the size's line
    unsigned trailers; // bytes of them all
    uint64_t left;     // of the chunk
    uint64_t waste;
};

enum chunked_result {
    CHUNKED_MORE,  // all was taken, and more must come
    CHUNKED_PIECE, // `*ret_piece` is body, one byte or more, a view of the bytes given; call again
    CHUNKED_END,   // the body is whole; `*bytes` is what stands behind it
    CHUNKED_BAD,   // `*ret_reason` (static) says why, for the client
};

// Takes from the front of `*bytes`.
MUST_CHECK enum chunked_result chunked_take(struct chunked *chunked, struct str *bytes, struct str *ret_piece,
                                            struct str *ret_reason);

#endif
