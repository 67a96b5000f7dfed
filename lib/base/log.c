// SPDX-License-Identifier: Apache-2.0
// Renders log lines and writes each with one system call.
#include "lib/base/log.h"
#include "lib/base/buf.h"
#include "lib/base/clock.h"
#include "lib/base/json.h"

#include <errno.h>
#include <stdatomic.h>

#define LOG_LINE_MAX    4096
#define LOG_MESSAGE_MAX 512 // fits the line even if every byte is escaped

static _Atomic int current_level = LOG_INFO;
static _Atomic int current_format = LOG_LOGFMT;

static const char *const level_names[] = {"debug", "info", "warn", "error"};

void log_set_level(enum log_level level)
{
    atomic_store(&current_level, (int)level);
}

void log_set_format(enum log_format format)
{
    atomic_store(&current_format, (int)format);
}

bool log_enabled(enum log_level level)
{
    return (int)level >= atomic_load_explicit(&current_level, memory_order_relaxed);
}

bool log_level_from(struct str name, enum log_level *ret_level)
{
    for (size_t i = 0; i < ARRAY_LEN(level_names); i++) {
        if (str_eq(name, str_from(level_names[i]))) {
            *ret_level = (enum log_level)i;
            return true;
        }
    }
    return false;
}

static bool is_plain(struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        if (c <= ' ' || c == '"' || c == '=' || c == '\\' || c >= 0x7f)
            return false;
    }
    return s.len > 0;
}

static void put_text(struct buf *buf, enum log_format format, struct str s)
{
    if (format == LOG_JSON) {
        if (s.ptr)
            json_put_string(buf, s);
        else
            buf_put_cstr(buf, "null");
    } else if (!s.ptr) {
        buf_put_char(buf, '-');
    } else if (is_plain(s)) {
        buf_put_str(buf, s);
    } else {
        json_put_string(buf, s); // logfmt's quoted form is JSON's
    }
}

static void put_key(struct buf *buf, enum log_format format, const char *key)
{
    if (format == LOG_JSON)
        buf_putf(buf, ",\"%s\":", key);
    else
        buf_putf(buf, " %s=", key);
}

static void put_field(struct buf *buf, enum log_format format, const struct log_field *field)
{
    put_key(buf, format, field->key);
    switch (field->type) {
    case LOG_FIELD_STR:
        put_text(buf, format, field->s);
        break;
    case LOG_FIELD_I64:
        buf_putf(buf, "%lld", (long long)field->n.i);
        break;
    case LOG_FIELD_U64:
        buf_putf(buf, "%llu", (unsigned long long)field->n.u);
        break;
    case LOG_FIELD_F64:
        buf_putf(buf, "%.3f", field->n.f);
        break;
    default:
        BUG("unknown log field type");
    }
}

void log_render(struct buf *buf, enum log_format format, int64_t wall_us, enum log_level level,
                const char *message, const struct log_field *fields, size_t count)
{
    char ts[RFC3339_LEN + 1];
    rfc3339_format(wall_us, ts);
    if (format == LOG_JSON)
        buf_putf(buf, "{\"ts\":\"%s\",\"level\":\"%s\"", ts, level_names[level]);
    else
        buf_putf(buf, "ts=%s level=%s", ts, level_names[level]);
    put_key(buf, format, "msg");
    struct str text = str_from(message);
    text.len = MIN(text.len, (size_t)LOG_MESSAGE_MAX);
    put_text(buf, format, text);
    for (size_t i = 0; i < count; i++) {
        // A field that does not fit is left out whole: the line stays well-formed.
        size_t before = buf->len;
        put_field(buf, format, &fields[i]);
        if (!buf_ok(buf) || buf->len + 2 > buf->ceiling) {
            buf->len = before;
            buf->failed = false;
        }
    }
    buf_put_cstr(buf, format == LOG_JSON ? "}\n" : "\n");
}

void log_write(enum log_level level, const char *message, const struct log_field *fields, size_t count)
{
    // Not of the heap: what is said when memory is out must come through whole.
    char memory[LOG_LINE_MAX];
    struct buf line;
    buf_init_fixed(&line, memory, sizeof(memory));
    log_render(&line, (enum log_format)atomic_load(&current_format), clock_wall_us(clock_system()), level,
               message, fields, count);
    // Logging that fails has nowhere to be reported.
    while (line.len && write(STDERR_FILENO, line.ptr, line.len) < 0 && errno == EINTR)
        ;
}
