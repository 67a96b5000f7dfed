// SPDX-License-Identifier: Apache-2.0
// Small steps that several commands take.
#ifndef VOX_CLIENT_COMMON_H
#define VOX_CLIENT_COMMON_H

#include "client/command.h"
#include "lib/base/err.h"
#include "lib/spool/spool.h"

#ifndef VOX_VERSION
#define VOX_VERSION "0"
#endif

#define USER_AGENT "vox-telemetry/" VOX_VERSION

// Prints "vox-telemetry: <sentence>." on stderr, control characters escaped, and returns `code`.
enum client_exit complain(enum client_exit code, const struct err *err);
// Finds and opens the spool.
MUST_CHECK bool open_spool(const struct options *options, bool create, struct spool_place *ret_place,
                           struct spool **ret_spool, struct err *err);
// "found in this repository", for people.
const char *source_text(enum spool_source source);

#endif
