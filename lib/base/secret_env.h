// SPDX-License-Identifier: Apache-2.0
// Secrets in the environment: /proc/<pid>/environ shows for ever what the process was started with, unless it
// is overwritten there.
//
// Threads: at the start, before there is a second one; getenv() of others would look on.
#ifndef VOX_BASE_SECRET_ENV_H
#define VOX_BASE_SECRET_ENV_H

#include "lib/base/err.h"

// Overwrites the variable's value wherever it stands; it is then empty.
void secret_env_wipe(const char *name);
// Moves the value to memory of our own: getenv() finds it as before, /proc does not show it. For who reads
// the variable later, such as a library.
MUST_CHECK bool secret_env_hide(const char *name, struct err *err);

#endif
