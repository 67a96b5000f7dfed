// SPDX-License-Identifier: Apache-2.0
// Content codings of bodies: gzip (RFC 1952) and zstd (RFC 8878), both ways, as a stream.
//
// Decoding: decoder_new(), decoder_read() with each piece of the body until it takes no more and gives no
// more, decoder_finish() at the body's end. What comes out is bounded: by the ceiling given, and to
// LIMIT_INFLATE_RATIO times what went in as soon as it is more than LIMIT_INFLATE_FREE, so that a small body
// is never refused for being repetitive. A zstd window beyond LIMIT_ZSTD_WINDOW_LOG is refused (RFC 9659 asks
// no more of a receiver); several gzip members or zstd frames in a row are one body. Nothing may follow the
// last.
//
// Encoding: encoder_new(), encoder_write() any number of times, encoder_finish() once.
//
// Threads: one at a time for one coder.
#ifndef VOX_WIRE_CODING_H
#define VOX_WIRE_CODING_H

#include "lib/wire/limits.h"
#include "lib/wire/problem.h"

enum coding { CODING_IDENTITY, CODING_GZIP, CODING_ZSTD };

// For Accept-Encoding.
#define CODINGS_TAKEN "gzip, zstd"

// Content-Encoding: absent and "identity" are none; one of ours; else content_encoding_unsupported. `count`
// is how often the header is there.
MUST_CHECK enum problem coding_from_header(struct str value, unsigned count, enum coding *ret_coding);

struct decoder;

// NULL when memory is out. `ceiling`: bytes that may come out.
MUST_CHECK struct decoder *decoder_new(enum coding coding, uint64_t ceiling);
void decoder_free(struct decoder *decoder); // NULL is allowed
// Takes from the front of `input` and writes up to `cap` bytes, cap at least 1. Call again while `*ret_len`
// is `cap` or `input` is not empty. content_encoding_malformed, body_too_large, or overloaded (no memory) end
// it for good.
MUST_CHECK enum problem decoder_read(struct decoder *decoder, struct str *input, char *out, size_t cap,
                                     size_t *ret_len);
// content_encoding_malformed unless the stream is whole.
MUST_CHECK enum problem decoder_finish(const struct decoder *decoder);
// Bytes that it takes at the moment. It grows only in decoder_read(), with the window that a zstd frame asks
// for.
size_t decoder_memory(const struct decoder *decoder);
// A whole body at once, appended to `out`.
MUST_CHECK enum problem coding_decode(enum coding coding, struct str body, struct buf *out);

struct encoder;

// GZIP or ZSTD. NULL when memory is out.
MUST_CHECK struct encoder *encoder_new(enum coding coding);
void encoder_free(struct encoder *encoder); // NULL is allowed
// Appends what is ready; false when the buffer failed or memory is out.
MUST_CHECK bool encoder_write(struct encoder *encoder, struct str bytes, struct buf *out);
MUST_CHECK bool encoder_finish(struct encoder *encoder, struct buf *out);

#endif
