// SPDX-License-Identifier: Apache-2.0
// The sink's configuration: one table of options (options.def), read from four sources.
//
// Later sources win: defaults < YAML file (--config or VOX_SINK_CONFIG) < VOX_SINK_* environment <
// command-line flags. An option `queue_events` is `queue_events:` in the file, VOX_SINK_QUEUE_EVENTS in the
// environment and --queue-events as a flag. Secrets (database URLs may hold passwords) have no flag; they
// also come as VOX_SINK_…_FILE. The same table makes --help, `config show` and docs/reference/options.md.
#ifndef VOX_SERVER_CONFIG_H
#define VOX_SERVER_CONFIG_H

#include "lib/base/arena.h"
#include "lib/base/err.h"

#include <stdio.h>

enum config_source { CONFIG_DEFAULT, CONFIG_FILE, CONFIG_ENVIRONMENT, CONFIG_FLAG };

// One member for each row: const char * for TEXT and SECRET (NULL where unset), int64_t for INTEGER (in the
// row's unit).
struct config {
#define OPTION_TEXT(name, ...)    const char *name;
#define OPTION_SECRET(name, ...)  const char *name;
#define OPTION_INTEGER(name, ...) int64_t name;
#include "server/options.def"
    enum config_source *sources; // by row
    struct arena arena;          // owns the strings
};

// `argv` holds the flags of a command after its own were taken out; anything it does not know is an error
// that names it. `*ret_rest` (may be NULL: then positional words are errors) is how many positional words
// were left at the front of argv.
MUST_CHECK bool config_load(struct config *config, int argc, char **argv, int *ret_rest, struct err *err);
// Reads the same sources again and takes over what is marked reloadable; keeps the old values on any error.
MUST_CHECK bool config_reload(struct config *config, int argc, char **argv, struct err *err);
void config_release(struct config *config);
void config_print_help(FILE *out); // the options part of --help
void config_print(const struct config *config, bool json,
                  FILE *out); // `config show`: value and source, secrets masked

#endif
