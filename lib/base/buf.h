// SPDX-License-Identifier: Apache-2.0
// A growable byte buffer with a ceiling.
//
// buf_init() with the most bytes it may ever hold, any number of buf_put*(), then look once at buf_ok(): a
// put that passes the ceiling or finds no memory changes nothing and marks the buffer failed, and so do all
// puts after it. buf_release() is safe at any time after init, twice too. One thread at a time.
#ifndef VOX_BASE_BUF_H
#define VOX_BASE_BUF_H

#include "lib/base/str.h"

struct buf {
    char *ptr;
    size_t len;
    size_t cap;
    size_t ceiling;
    bool failed;
};

void buf_init(struct buf *buf, size_t ceiling);
// Over the caller's memory of `cap` bytes, which is also the ceiling. Never released, never detached.
void buf_init_fixed(struct buf *buf, void *ptr, size_t cap);
void buf_release(struct buf *buf);
// Empties it and clears the mark; keeps the memory.
void buf_clear(struct buf *buf);
// As buf_clear, and gives back memory beyond `keep` bytes.
void buf_recycle(struct buf *buf, size_t keep);
// Room for `extra` more bytes; false marks the buffer failed.
bool buf_reserve(struct buf *buf, size_t extra);
bool buf_put(struct buf *buf, const void *ptr, size_t len);

static inline bool buf_put_str(struct buf *buf, struct str s)
{
    return buf_put(buf, s.ptr, s.len);
}

static inline bool buf_put_cstr(struct buf *buf, const char *cstr)
{
    return buf_put(buf, cstr, strlen(cstr));
}

bool buf_put_char(struct buf *buf, char c);
bool buf_put_u64(struct buf *buf, uint64_t v); // in decimal
bool buf_putf(struct buf *buf, const char *format, ...) PRINTF_LIKE(2, 3);
// Integers in network byte order, for PostgreSQL's binary format.
bool buf_put_be16(struct buf *buf, uint16_t v);
bool buf_put_be32(struct buf *buf, uint32_t v);
bool buf_put_be64(struct buf *buf, uint64_t v);
MUST_CHECK bool buf_ok(const struct buf *buf);
struct str buf_str(const struct buf *buf);
// The bytes, malloc'ed and NUL-terminated, now the caller's to free(); the buffer is empty again. NULL if
// failed.
MUST_CHECK char *buf_detach(struct buf *buf, size_t *ret_len);

#endif
