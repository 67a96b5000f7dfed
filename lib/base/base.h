// SPDX-License-Identifier: Apache-2.0
// Attributes and small macros that every file may use.
#ifndef VOX_BASE_BASE_H
#define VOX_BASE_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// The caller must look at the result.
#define MUST_CHECK              __attribute__((warn_unused_result))
#define PRINTF_LIKE(fmt, first) __attribute__((format(printf, fmt, first)))
#define NORETURN                __attribute__((noreturn))
#define UNUSED                  __attribute__((unused))

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))
#define MIN(a, b)    ((a) < (b) ? (a) : (b))
#define MAX(a, b)    ((a) > (b) ? (a) : (b))

// The struct that holds `member` at `ptr`.
#define CONTAINER_OF(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))

// Our own mistake, never the world's or a client's: prints where and aborts, in release builds too.
#define BUG(text) bug_abort(__FILE__, __LINE__, (text))
#define BUG_ON(condition)                       \
    do {                                        \
        if (__builtin_expect(!!(condition), 0)) \
            BUG(#condition);                    \
    } while (0)

NORETURN void bug_abort(const char *file, int line, const char *text);

#endif
