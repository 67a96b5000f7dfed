// SPDX-License-Identifier: Apache-2.0
// Encoding to gzip and zstd.
#include "lib/wire/coding.h"

#define ZLIB_CONST
#include <zlib.h>
#include <zstd.h>

#define GZIP_WINDOW (15 + 16)
#define GZIP_LEVEL  6
#define GZIP_MEMORY 8
#define ZSTD_LEVEL  1
#define ENCODE_STEP (16 * 1024)

struct encoder {
    enum coding coding;
    z_stream gzip;
    ZSTD_CStream *zstd;
};

static bool begin(struct encoder *e)
{
    if (e->coding == CODING_GZIP)
        return deflateInit2(&e->gzip, GZIP_LEVEL, Z_DEFLATED, GZIP_WINDOW, GZIP_MEMORY, Z_DEFAULT_STRATEGY) ==
               Z_OK;
    e->zstd = ZSTD_createCStream();
    return e->zstd && !ZSTD_isError(ZSTD_CCtx_setParameter(e->zstd, ZSTD_c_compressionLevel, ZSTD_LEVEL)) &&
           !ZSTD_isError(ZSTD_CCtx_setParameter(e->zstd, ZSTD_c_checksumFlag, 1));
}

struct encoder *encoder_new(enum coding coding)
{
    BUG_ON(coding != CODING_GZIP && coding != CODING_ZSTD);
    struct encoder *e = calloc(1, sizeof(*e));
    if (!e)
        return NULL;
    e->coding = coding;
    if (begin(e))
        return e;
    encoder_free(e);
    return NULL;
}

void encoder_free(struct encoder *e)
{
    if (!e)
        return;
    if (e->coding == CODING_GZIP)
        deflateEnd(&e->gzip);
    ZSTD_freeCStream(e->zstd);
    free(e);
}

static bool step_gzip(struct encoder *e, struct str *bytes, bool last, struct buf *out, bool *ret_more)
{
    z_stream *z = &e->gzip;
    z->next_in = (const Bytef *)bytes->ptr;
    z->avail_in = (uInt)MIN(bytes->len, (size_t)UINT32_MAX);
    z->next_out = (Bytef *)(out->ptr + out->len);
    z->avail_out = ENCODE_STEP;
    size_t had = z->avail_in;
    int code = deflate(z, last ? Z_FINISH : Z_NO_FLUSH);
    if (code != Z_OK && code != Z_STREAM_END && code != Z_BUF_ERROR)
        return false;
    size_t took = had - z->avail_in;
    *bytes = str_skip(*bytes, took);
    out->len += ENCODE_STEP - z->avail_out;
    *ret_more = bytes->len || z->avail_out == 0 || (last && code != Z_STREAM_END);
    return true;
}

static bool step_zstd(struct encoder *e, struct str *bytes, bool last, struct buf *out, bool *ret_more)
{
    ZSTD_inBuffer in = {bytes->ptr, bytes->len, 0};
    ZSTD_outBuffer to = {out->ptr + out->len, ENCODE_STEP, 0};
    size_t left = ZSTD_compressStream2(e->zstd, &to, &in, last ? ZSTD_e_end : ZSTD_e_continue);
    if (ZSTD_isError(left))
        return false;
    *bytes = str_skip(*bytes, in.pos);
    out->len += to.pos;
    *ret_more = bytes->len || (last && left);
    return true;
}

static bool put(struct encoder *e, struct str bytes, bool last, struct buf *out)
{
    bool more = last || bytes.len;
    while (more) {
        if (!buf_reserve(out, ENCODE_STEP))
            return false;
        bool good = e->coding == CODING_GZIP ? step_gzip(e, &bytes, last, out, &more)
                                             : step_zstd(e, &bytes, last, out, &more);
        if (!good)
            return false;
    }
    return true;
}

bool encoder_write(struct encoder *e, struct str bytes, struct buf *out)
{
    return put(e, bytes, false, out);
}

bool encoder_finish(struct encoder *e, struct buf *out)
{
    return put(e, STR(""), true, out);
}
