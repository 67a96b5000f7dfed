// SPDX-License-Identifier: Apache-2.0
// Composes error sentences in their fixed buffer.
#include "lib/base/err.h"

#include <errno.h>
#include <stdarg.h>

PRINTF_LIKE(2, 0) static void format_into(struct err *err, const char *format, va_list args)
{
    int n = vsnprintf(err->text, sizeof(err->text), format, args);
    if (n < 0)
        err->text[0] = '\0';
}

bool err_set(struct err *err, const char *format, ...)
{
    if (err) {
        va_list args;
        va_start(args, format);
        format_into(err, format, args);
        va_end(args);
    }
    return false;
}

bool err_set_errno(struct err *err, const char *format, ...)
{
    int saved = errno;
    if (err) {
        va_list args;
        va_start(args, format);
        format_into(err, format, args);
        va_end(args);
        char reason[128];
        size_t used = strlen(err->text);
        snprintf(err->text + used, sizeof(err->text) - used, ": %s",
                 strerror_r(saved, reason, sizeof(reason)));
    }
    errno = saved;
    return false;
}

bool err_prefix(struct err *err, const char *format, ...)
{
    if (err) {
        struct err old = *err;
        va_list args;
        va_start(args, format);
        format_into(err, format, args);
        va_end(args);
        size_t used = strlen(err->text);
        snprintf(err->text + used, sizeof(err->text) - used, ": %s", old.text);
    }
    return false;
}
