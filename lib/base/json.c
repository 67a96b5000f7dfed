// SPDX-License-Identifier: Apache-2.0
// Writing JSON.
#include "lib/base/json.h"

bool json_is_utf8(struct str s)
{
    uint32_t point;
    for (size_t i = 0, n; i < s.len; i += n) {
        n = utf8_sequence((const unsigned char *)s.ptr + i, s.len - i, &point);
        if (!n)
            return false;
    }
    return true;
}

static void put_escape(struct buf *buf, uint32_t point)
{
    static const char shorts[] = {['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f', ['\r'] = 'r'};
    if (point == '"' || point == '\\')
        buf_put(buf, (char[]){'\\', (char)point}, 2);
    else if (point < ARRAY_LEN(shorts) && shorts[point])
        buf_put(buf, (char[]){'\\', shorts[point]}, 2);
    else
        buf_putf(buf, "\\u%04x", (unsigned)point);
}

// Beyond what JSON demands: DEL, the C1 controls and the two Unicode line ends, which steer terminals and
// split lines.
static bool wants_escape(uint32_t point)
{
    return point < 0x20 || point == '"' || point == '\\' || (point >= 0x7f && point < 0xa0) ||
           point == 0x2028 || point == 0x2029;
}

// How many bytes stand for themselves, as nearly all do: ASCII that wants no escape. Eight at a time; a false
// alarm for one of them costs a look at each.
static size_t plain_run(const unsigned char *p, size_t len)
{
    const uint64_t ones = 0x0101010101010101u, tops = 0x80 * ones;
    size_t i = 0;
    for (uint64_t w; len - i >= sizeof(w); i += sizeof(w)) {
        memcpy(&w, p + i, sizeof(w));
        uint64_t quote = w ^ ('"' * ones), slash = w ^ ('\\' * ones), del = w + ones;
        if (((w - 0x20 * ones) | (quote - ones) | (slash - ones) | del | w) & tops)
            break;
    }
    while (i < len && p[i] < 0x80 && !wants_escape(p[i]))
        i++;
    return i;
}

bool json_put_string(struct buf *buf, struct str s)
{
    const unsigned char *p = (const unsigned char *)s.ptr;
    size_t start = 0, i = 0;
    buf_put_char(buf, '"');
    while ((i += plain_run(p + i, s.len - i)) < s.len) {
        uint32_t point = 0;
        size_t n = utf8_sequence(p + i, s.len - i, &point);
        if (n && !wants_escape(point)) {
            i += n;
            continue;
        }
        buf_put(buf, s.ptr + start, i - start);
        if (n)
            put_escape(buf, point);
        else
            buf_put(buf, "\xef\xbf\xbd", 3);
        i += n ? n : 1;
        start = i;
    }
    if (i > start)
        buf_put(buf, s.ptr + start, i - start);
    return buf_put_char(buf, '"');
}

void json_writer_init(struct json_writer *w, struct buf *buf)
{
    *w = (struct json_writer){.buf = buf};
}

// The comma before a value or a name. A name sets `first` again: its value stands behind a colon.
static void separate(struct json_writer *w)
{
    if (w->depth == 0)
        return;
    if (!w->first[w->depth - 1])
        buf_put_char(w->buf, ',');
    w->first[w->depth - 1] = false;
}

static void begin(struct json_writer *w, char bracket)
{
    separate(w);
    BUG_ON(w->depth == ARRAY_LEN(w->first));
    buf_put_char(w->buf, bracket);
    w->first[w->depth++] = true;
}

static void end(struct json_writer *w, char bracket)
{
    BUG_ON(w->depth == 0);
    w->depth--;
    buf_put_char(w->buf, bracket);
}

void json_begin_object(struct json_writer *w)
{
    begin(w, '{');
}

void json_end_object(struct json_writer *w)
{
    end(w, '}');
}

void json_begin_array(struct json_writer *w)
{
    begin(w, '[');
}

void json_end_array(struct json_writer *w)
{
    end(w, ']');
}

void json_key(struct json_writer *w, const char *key)
{
    BUG_ON(w->depth == 0);
    separate(w);
    buf_put_char(w->buf, '"');
    buf_put_cstr(w->buf, key);
    buf_put(w->buf, "\":", 2);
    w->first[w->depth - 1] = true;
}

void json_key_str(struct json_writer *w, struct str key)
{
    BUG_ON(w->depth == 0);
    separate(w);
    json_put_string(w->buf, key);
    buf_put_char(w->buf, ':');
    w->first[w->depth - 1] = true;
}

void json_value_raw(struct json_writer *w, struct str json)
{
    separate(w);
    buf_put_str(w->buf, json);
}

void json_value_null(struct json_writer *w)
{
    json_value_raw(w, STR("null"));
}

void json_value_str(struct json_writer *w, struct str s)
{
    if (!s.ptr) {
        json_value_null(w);
        return;
    }
    separate(w);
    json_put_string(w->buf, s);
}

static void put_decimal(struct json_writer *w, uint64_t magnitude, bool negative)
{
    char digits[21];
    size_t at = sizeof(digits);
    do {
        digits[--at] = (char)('0' + magnitude % 10);
        magnitude /= 10;
    } while (magnitude);
    if (negative)
        digits[--at] = '-';
    json_value_raw(w, str_slice(digits + at, sizeof(digits) - at));
}

void json_value_i64(struct json_writer *w, int64_t v)
{
    put_decimal(w, v < 0 ? 0 - (uint64_t)v : (uint64_t)v, v < 0);
}

void json_value_u64(struct json_writer *w, uint64_t v)
{
    put_decimal(w, v, false);
}

void json_value_bool(struct json_writer *w, bool v)
{
    json_value_raw(w, v ? STR("true") : STR("false"));
}

void json_str(struct json_writer *w, const char *key, struct str s)
{
    json_key(w, key);
    json_value_str(w, s);
}

void json_i64(struct json_writer *w, const char *key, int64_t v)
{
    json_key(w, key);
    json_value_i64(w, v);
}

void json_u64(struct json_writer *w, const char *key, uint64_t v)
{
    json_key(w, key);
    json_value_u64(w, v);
}

void json_bool(struct json_writer *w, const char *key, bool v)
{
    json_key(w, key);
    json_value_bool(w, v);
}
