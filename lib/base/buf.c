// SPDX-License-Identifier: Apache-2.0
// Growth by doubling up to the ceiling.
#include "lib/base/buf.h"

#include <endian.h>
#include <stdarg.h>

void buf_init(struct buf *buf, size_t ceiling)
{
    *buf = (struct buf){.ceiling = ceiling};
}

void buf_init_fixed(struct buf *buf, void *ptr, size_t cap)
{
    *buf = (struct buf){.ptr = ptr, .cap = cap, .ceiling = cap};
}

void buf_release(struct buf *buf)
{
    free(buf->ptr);
    *buf = (struct buf){.ceiling = buf->ceiling};
}

void buf_clear(struct buf *buf)
{
    buf->len = 0;
    buf->failed = false;
}

void buf_recycle(struct buf *buf, size_t keep)
{
    if (buf->cap > keep)
        buf_release(buf);
    buf_clear(buf);
}

bool buf_reserve(struct buf *buf, size_t extra)
{
    if (buf->failed)
        return false;
    if (extra > buf->ceiling - buf->len) {
        buf->failed = true;
        return false;
    }
    size_t need = buf->len + extra;
    if (need <= buf->cap)
        return true;
    size_t cap = MAX(buf->cap * 2, (size_t)256);
    cap = MIN(MAX(cap, need), buf->ceiling);
    char *ptr = realloc(buf->ptr, cap);
    if (!ptr) {
        buf->failed = true;
        return false;
    }
    buf->ptr = ptr;
    buf->cap = cap;
    return true;
}

// buf_reserve(), without a call where there is room.
static bool make_room(struct buf *buf, size_t extra)
{
    bool has_room = !buf->failed && extra <= buf->cap - buf->len && extra <= buf->ceiling - buf->len;
    return has_room || buf_reserve(buf, extra);
}

bool buf_put(struct buf *buf, const void *ptr, size_t len)
{
    if (!make_room(buf, len))
        return false;
    if (len)
        memcpy(buf->ptr + buf->len, ptr, len);
    buf->len += len;
    return true;
}

bool buf_put_char(struct buf *buf, char c)
{
    if (!make_room(buf, 1))
        return false;
    buf->ptr[buf->len++] = c;
    return true;
}

bool buf_put_u64(struct buf *buf, uint64_t v)
{
    size_t digits = 1;
    for (uint64_t rest = v; rest >= 10; rest /= 10)
        digits++;
    if (!make_room(buf, digits))
        return false;
    buf->len += digits;
    for (char *at = buf->ptr + buf->len; digits > 0; digits--, v /= 10)
        *--at = (char)('0' + v % 10);
    return true;
}

bool buf_putf(struct buf *buf, const char *format, ...)
{
    char small[256];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(small, sizeof(small), format, args);
    va_end(args);
    if (n < 0) {
        buf->failed = true;
        return false;
    }
    if ((size_t)n < sizeof(small))
        return buf_put(buf, small, (size_t)n);
    if (!buf_reserve(buf, (size_t)n + 1))
        return false;
    va_start(args, format);
    vsnprintf(buf->ptr + buf->len, (size_t)n + 1, format, args);
    va_end(args);
    buf->len += (size_t)n;
    return true;
}

bool buf_put_be16(struct buf *buf, uint16_t v)
{
    uint16_t be = htobe16(v);
    return buf_put(buf, &be, sizeof(be));
}

bool buf_put_be32(struct buf *buf, uint32_t v)
{
    uint32_t be = htobe32(v);
    return buf_put(buf, &be, sizeof(be));
}

bool buf_put_be64(struct buf *buf, uint64_t v)
{
    uint64_t be = htobe64(v);
    return buf_put(buf, &be, sizeof(be));
}

bool buf_ok(const struct buf *buf)
{
    return !buf->failed;
}

struct str buf_str(const struct buf *buf)
{
    return (struct str){buf->ptr ? buf->ptr : "", buf->len};
}

char *buf_detach(struct buf *buf, size_t *ret_len)
{
    if (buf->failed)
        return NULL;
    char *ptr = realloc(buf->ptr, buf->len + 1);
    if (!ptr) {
        buf->failed = true;
        return NULL;
    }
    ptr[buf->len] = '\0';
    if (ret_len)
        *ret_len = buf->len;
    *buf = (struct buf){.ceiling = buf->ceiling};
    return ptr;
}
