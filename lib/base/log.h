// SPDX-License-Identifier: Apache-2.0
// Structured logging: one line per event on stderr, logfmt or JSON.
//
//     log_info("batch committed", LOG_U64("events", n), LOG_STR("code", code));
//
// writes `ts=2026-11-22T08:01:02.123456Z level=info msg="batch committed" events=12 code=-`. Values are
// escaped, so that a peer's text can neither end a line nor forge a field. Never pass a token, a payload
// value or SQL. Any thread; each line is one write(2). Level and format are the process's only mutable
// logging state.
#ifndef VOX_BASE_LOG_H
#define VOX_BASE_LOG_H

#include "lib/base/str.h"

struct buf;

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };
enum log_format { LOG_LOGFMT, LOG_JSON };

struct log_field {
    const char *key; // [a-z_]+
    enum { LOG_FIELD_STR, LOG_FIELD_I64, LOG_FIELD_U64, LOG_FIELD_F64 } type;
    struct str s;
    union {
        int64_t i;
        uint64_t u;
        double f;
    } n;
};

#define LOG_STR(k, v)  ((struct log_field){.key = (k), .type = LOG_FIELD_STR, .s = (v)})
#define LOG_CSTR(k, v) LOG_STR((k), str_from(v))
#define LOG_I64(k, v)  ((struct log_field){.key = (k), .type = LOG_FIELD_I64, .n.i = (int64_t)(v)})
#define LOG_U64(k, v)  ((struct log_field){.key = (k), .type = LOG_FIELD_U64, .n.u = (uint64_t)(v)})
#define LOG_F64(k, v)  ((struct log_field){.key = (k), .type = LOG_FIELD_F64, .n.f = (v)})

#define log_debug(...) log_at_(LOG_DEBUG, __VA_ARGS__)
#define log_info(...)  log_at_(LOG_INFO, __VA_ARGS__)
#define log_warn(...)  log_at_(LOG_WARN, __VA_ARGS__)
#define log_error(...) log_at_(LOG_ERROR, __VA_ARGS__)

void log_set_level(enum log_level level); // default LOG_INFO
void log_set_format(enum log_format format);
bool log_enabled(enum log_level level);
// The names "debug", "info", "warn", "error"; false if `name` is none of them.
MUST_CHECK bool log_level_from(struct str name, enum log_level *ret_level);
void log_write(enum log_level level, const char *message, const struct log_field *fields, size_t count);
// The line without writing it, for tests; `wall_us` is its time.
void log_render(struct buf *buf, enum log_format format, int64_t wall_us, enum log_level level,
                const char *message, const struct log_field *fields, size_t count);

// One empty field at the end keeps the array legal when there are none.
#define log_at_(level, ...)                                            \
    do {                                                               \
        if (log_enabled(level))                                        \
            log_at_fields_(level, __VA_ARGS__, (struct log_field){0}); \
    } while (0)
#define log_at_fields_(level, message, ...)                                \
    log_write((level), (message), (const struct log_field[]){__VA_ARGS__}, \
              ARRAY_LEN(((const struct log_field[]){__VA_ARGS__})) - 1)

#endif
