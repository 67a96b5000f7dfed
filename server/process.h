// SPDX-License-Identifier: Apache-2.0
// What the process may do and leave behind: no core dumps, no root, no secret in memory that is swapped out.
//
//     process_seal(&err)                           first thing in main(), before any secret is read
//     process_may_serve(user, &err)                before sockets are bound
//     process_drop(user, &err)                     after they are bound, before any thread or peer's byte
//
// Threads: before there is a second one.
#ifndef VOX_SERVER_PROCESS_H
#define VOX_SERVER_PROCESS_H

#include "lib/base/err.h"

// No core dump, and nobody else's debugger or /proc look into us.
MUST_CHECK bool process_seal(struct err *err);
// May `serve` run as who we are? Not as root unless `user` (NULL: not given) is someone to drop to, and not
// with a `user` whom we cannot become.
MUST_CHECK bool process_may_serve(const char *user, struct err *err);
// Becomes `user` with his groups, for good, and seals again. Nothing to do where `user` is NULL or ourselves.
// The signal that the death of our parent sends stays as it was asked for.
MUST_CHECK bool process_drop(const char *user, struct err *err);

#endif
