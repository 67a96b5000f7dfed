// SPDX-License-Identifier: Apache-2.0
// Failures of the world (memory, disk, database): one complete sentence for a person.
//
// A function that can fail so returns bool (MUST_CHECK) and takes a `struct err *` as its last parameter; the
// struct is untouched on success. The sentence says what failed and what to do, names no secret and no
// payload, and has no trailing newline. Failures of the client's data are `enum problem` (lib/wire/problem.h)
// instead.
#ifndef VOX_BASE_ERR_H
#define VOX_BASE_ERR_H

#include "lib/base/base.h"

struct err {
    char text[512];
};

// Fills `*err` and returns false, so that `return err_set(err, …)` ends a function. A NULL err is allowed.
bool err_set(struct err *err, const char *format, ...) PRINTF_LIKE(2, 3);
// As err_set, with ": <strerror(errno)>" behind it.
bool err_set_errno(struct err *err, const char *format, ...) PRINTF_LIKE(2, 3);
// Puts "<prefix>: " before the sentence that is there, and returns false.
bool err_prefix(struct err *err, const char *format, ...) PRINTF_LIKE(2, 3);

#endif
