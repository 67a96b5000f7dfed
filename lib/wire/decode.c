// SPDX-License-Identifier: Apache-2.0
// Decoding of gzip and zstd within bounds.
#include "lib/wire/coding.h"

#define ZLIB_CONST
#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>

#define GZIP_WINDOW     (15 + 16)   // the largest window, a gzip header and trailer
#define GZIP_MEMORY     (48 * 1024) // of a stream with that window
#define ZSTD_HEADER_MAX 18 // RFC 8878 section 3.1.1: magic number, descriptor, window, dictionary, size

enum stream_state {
    STREAM_BEGIN,   // nothing of it was seen
    STREAM_INSIDE,  // within a member or frame
    STREAM_BETWEEN, // behind one: the body may end here
    STREAM_BROKEN
};

struct decoder {
    enum coding coding;
    enum stream_state state;
    uint64_t ceiling;
    uint64_t taken, given;
    z_stream gzip;
    ZSTD_DStream *zstd;
    char header[ZSTD_HEADER_MAX]; // of the frame: its first bytes as they come
    size_t header_len;
    uint64_t frame_given;
};

enum problem coding_from_header(struct str value, unsigned count, enum coding *ret_coding)
{
    static const struct {
        struct str name;
        enum coding coding;
    } names[] = {
        {STR("identity"), CODING_IDENTITY},
        {STR("gzip"), CODING_GZIP},
        {STR("x-gzip"), CODING_GZIP}, // RFC 9110 section 8.4.1.3
        {STR("zstd"), CODING_ZSTD},
    };
    if (count == 0) {
        *ret_coding = CODING_IDENTITY;
        return PROBLEM_NONE;
    }
    for (size_t i = 0; count == 1 && i < ARRAY_LEN(names); i++) {
        if (str_eq_nocase(str_trim(value), names[i].name)) {
            *ret_coding = names[i].coding;
            return PROBLEM_NONE;
        }
    }
    return PROBLEM_content_encoding_unsupported;
}

static bool begin(struct decoder *d)
{
    switch (d->coding) {
    case CODING_IDENTITY:
        return true;
    case CODING_GZIP:
        return inflateInit2(&d->gzip, GZIP_WINDOW) == Z_OK;
    case CODING_ZSTD:
        d->zstd = ZSTD_createDStream();
        return d->zstd &&
               !ZSTD_isError(ZSTD_DCtx_setParameter(d->zstd, ZSTD_d_windowLogMax, LIMIT_ZSTD_WINDOW_LOG));
    default:
        BUG("unknown content coding");
    }
}

struct decoder *decoder_new(enum coding coding, uint64_t ceiling)
{
    struct decoder *d = calloc(1, sizeof(*d));
    if (!d)
        return NULL;
    d->coding = coding;
    d->ceiling = ceiling;
    if (begin(d))
        return d;
    decoder_free(d);
    return NULL;
}

void decoder_free(struct decoder *d)
{
    if (!d)
        return;
    if (d->coding == CODING_GZIP)
        inflateEnd(&d->gzip);
    ZSTD_freeDStream(d->zstd);
    free(d);
}

static enum problem read_plain(struct decoder *d, struct str *input, char *out, size_t cap, size_t *ret_len)
{
    size_t len = MIN(input->len, cap);
    if (len)
        memcpy(out, input->ptr, len);
    *input = str_skip(*input, len);
    *ret_len = len;
    d->state = STREAM_BETWEEN; // any end is a good one
    return PROBLEM_NONE;
}

// One step may end a member; the next then begins where it ended.
static enum problem read_gzip(struct decoder *d, struct str *input, char *out, size_t cap, size_t *ret_len)
{
    z_stream *z = &d->gzip;
    z->next_in = (const Bytef *)input->ptr;
    z->avail_in = (uInt)MIN(input->len, (size_t)UINT32_MAX);
    z->next_out = (Bytef *)out;
    z->avail_out = (uInt)MIN(cap, (size_t)UINT32_MAX);
    size_t had = z->avail_in, room = z->avail_out;
    enum problem problem = PROBLEM_NONE;
    while (!problem && z->avail_out && (z->avail_in || d->state == STREAM_INSIDE)) {
        if (d->state == STREAM_BETWEEN && inflateReset(z) != Z_OK)
            problem = PROBLEM_content_encoding_malformed;
        d->state = STREAM_INSIDE;
        int code = problem ? Z_DATA_ERROR : inflate(z, Z_NO_FLUSH);
        if (code == Z_STREAM_END)
            d->state = STREAM_BETWEEN;
        else if (code == Z_MEM_ERROR)
            problem = PROBLEM_overloaded;
        else if (code == Z_BUF_ERROR)
            break; // wants more
        else if (code != Z_OK)
            problem = PROBLEM_content_encoding_malformed;
    }
    size_t took = had - z->avail_in;
    *input = str_skip(*input, took);
    *ret_len = room - z->avail_out;
    return problem;
}

// RFC 8878 section 3.1: the first byte of a frame's or a skippable frame's magic number. The library may be
// built to take the frames of its first versions, too, which begin otherwise: these know no bound of the
// window, and depend on how they are cut (found by fuzz_coding).
static bool begins_frame(const char *byte)
{
    unsigned char first = (unsigned char)*byte;
    return first == 0x28 || (first >= 0x50 && first <= 0x5f);
}

// Some of the frame's bytes went in and out.
static void follow_frame(struct decoder *d, struct str in, size_t given)
{
    size_t len = MIN(in.len, ZSTD_HEADER_MAX - d->header_len);
    if (len)
        memcpy(d->header + d->header_len, in.ptr, len);
    d->header_len += len;
    d->frame_given += given;
}

// The library holds a frame that ends with an empty block to the length in its header only where it comes
// whole (found by fuzz_coding).
static bool frame_is_whole(const struct decoder *d)
{
    unsigned long long told = ZSTD_getFrameContentSize(d->header, d->header_len);
    return told == ZSTD_CONTENTSIZE_UNKNOWN || told == d->frame_given;
}

static enum problem read_zstd(struct decoder *d, struct str *input, char *out, size_t cap, size_t *ret_len)
{
    ZSTD_inBuffer in = {input->ptr, input->len, 0};
    ZSTD_outBuffer to = {out, cap, 0};
    enum problem problem = PROBLEM_NONE;
    while (!problem && to.pos < to.size && (in.pos < in.size || d->state == STREAM_INSIDE)) {
        size_t took = in.pos, gave = to.pos;
        if (d->state != STREAM_INSIDE) {
            if (!begins_frame(input->ptr + in.pos))
                return PROBLEM_content_encoding_malformed;
            d->header_len = d->frame_given = 0;
        }
        size_t code = ZSTD_decompressStream(d->zstd, &to, &in);
        follow_frame(d, str_slice(str_skip(*input, took).ptr, in.pos - took), to.pos - gave);
        if (ZSTD_isError(code))
            problem = ZSTD_getErrorCode(code) == ZSTD_error_memory_allocation
                          ? PROBLEM_overloaded
                          : PROBLEM_content_encoding_malformed;
        else if (code == 0 && !frame_is_whole(d))
            problem = PROBLEM_content_encoding_malformed;
        d->state = code == 0 ? STREAM_BETWEEN : STREAM_INSIDE;
        if (in.pos == took && to.pos == gave)
            break; // wants more
    }
    *input = str_skip(*input, in.pos);
    *ret_len = to.pos;
    return problem;
}

static enum problem read_step(struct decoder *d, struct str *input, char *out, size_t cap, size_t *ret_len)
{
    switch (d->coding) {
    case CODING_IDENTITY:
        return read_plain(d, input, out, cap, ret_len);
    case CODING_GZIP:
        return read_gzip(d, input, out, cap, ret_len);
    case CODING_ZSTD:
        return read_zstd(d, input, out, cap, ret_len);
    default:
        BUG("unknown content coding");
    }
}

static bool out_of_bounds(const struct decoder *d)
{
    return d->given > d->ceiling || (d->coding != CODING_IDENTITY && d->given > LIMIT_INFLATE_FREE &&
                                     d->given / LIMIT_INFLATE_RATIO > d->taken);
}

enum problem decoder_read(struct decoder *d, struct str *input, char *out, size_t cap, size_t *ret_len)
{
    size_t had = input->len, len = 0;
    BUG_ON(cap == 0);
    if (d->state == STREAM_BROKEN)
        return PROBLEM_content_encoding_malformed;
    enum problem problem = read_step(d, input, out, cap, &len);
    d->taken += had - input->len;
    d->given += len;
    if (!problem && out_of_bounds(d))
        problem = PROBLEM_body_too_large;
    if (problem)
        d->state = STREAM_BROKEN;
    else
        *ret_len = len;
    return problem;
}

enum problem decoder_finish(const struct decoder *d)
{
    bool whole = d->state == STREAM_BETWEEN || (d->state == STREAM_BEGIN && d->coding == CODING_IDENTITY);
    return whole ? PROBLEM_NONE : PROBLEM_content_encoding_malformed;
}

size_t decoder_memory(const struct decoder *d)
{
    switch (d->coding) {
    case CODING_IDENTITY:
        return sizeof(*d);
    case CODING_GZIP:
        return sizeof(*d) + GZIP_MEMORY;
    case CODING_ZSTD:
        return sizeof(*d) + ZSTD_sizeof_DStream(d->zstd);
    default:
        BUG("unknown content coding");
    }
}

#define DECODE_STEP (64 * 1024)

enum problem coding_decode(enum coding coding, struct str body, struct buf *out)
{
    struct decoder *d = decoder_new(coding, out->ceiling - out->len);
    enum problem problem = d ? PROBLEM_NONE : PROBLEM_overloaded;
    bool more = true;
    while (!problem && more) {
        // One byte beyond the ceiling, so that what is too much is seen as such.
        char spare;
        size_t room = MIN(out->ceiling - out->len, (size_t)DECODE_STEP), len = 0;
        if (room && !buf_reserve(out, room)) {
            problem = PROBLEM_overloaded;
            break;
        }
        problem = decoder_read(d, &body, room ? out->ptr + out->len : &spare, MAX(room, (size_t)1), &len);
        if (!problem) {
            more = len == MAX(room, (size_t)1) || body.len;
            out->len += len;
        }
    }
    if (!problem)
        problem = decoder_finish(d);
    decoder_free(d);
    return problem;
}
