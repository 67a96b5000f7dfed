// SPDX-License-Identifier: Apache-2.0
// The sink's configuration: one table of options (options.def), read from four sources.
//
// Later sources win: defaults < YAML file (--config or VOX_SINK_CONFIG) < VOX_SINK_* environment <
// command-line flags. An option `queue_events` is `queue_events:` in the file, VOX_SINK_QUEUE_EVENTS in the
// environment and --queue-events as a flag; an empty value counts as not given. A secret (a database URL may
// hold a password) has no flag: it is VOX_SINK_DATABASE_URL, overwritten in the environment once read, or the
// path of a file as VOX_SINK_DATABASE_URL_FILE, `database_url_file:` or --database-url-file, or the systemd
// credential `database_url`, or stands in a configuration file that nobody else can read. Secrets live in
// memory that is locked and not dumped. The same table
// makes --help, `config show` and docs/reference/options.md.
//
// Threads: the one that loads. After a reload strings handed out before stay valid until config_release().
#ifndef VOX_SERVER_CONFIG_H
#define VOX_SERVER_CONFIG_H

#include "lib/base/arena.h"
#include "lib/base/err.h"

#include <stdio.h>
#include <sys/types.h>

enum config_source { CONFIG_DEFAULT, CONFIG_FILE, CONFIG_ENVIRONMENT, CONFIG_FLAG };

// One member for each row: const char * (NULL where unset), or int64_t for INTEGER, in the row's unit.
struct config {
#define OPTION_TEXT(name, ...)    const char *name;
#define OPTION_PATH(name, ...)    const char *name;
#define OPTION_SECRET(name, ...)  const char *name;
#define OPTION_CHOICE(name, ...)  const char *name;
#define OPTION_ADDRESS(name, ...) const char *name;
#define OPTION_INTEGER(name, ...) int64_t name;
#include "server/config/options.def"
    enum config_source *sources;   // by row
    const char **origins;          // by row: "sink.yaml:3", "VOX_SINK_LISTEN", "--listen", "default"
    enum config_source fault;      // after a failed load: the source that was at fault
    const char *unknown;           // after a failed load: the word of argv that is no flag, or NULL
    struct arena arena;            // owns the strings, but for the secrets
    struct config_secret *secrets; // in locked memory
    bool unlocked_secrets;         // the system would not lock it: RLIMIT_MEMLOCK
    bool reloading;
    uid_t owner; // beside root the one whose files may hold secrets: `user` where we are root, else ourselves
};

// argv[0] is the command's name and not looked at; what follows are flags of the configuration, a command's
// own being taken out already, and words. An unknown flag is an error that names it. Words are moved, in
// order, to argv[1] and after, and `*ret_words` is how many; with `ret_words` NULL a word is an error. After
// a failure nothing is to be released, and only `fault` and `unknown` may be read.
MUST_CHECK bool config_load(struct config *config, int argc, char **argv, int *ret_words, struct err *err);
// Reads the same sources again and takes over what is marked reloadable; logs a warning for any other option
// that changed. Keeps every value on an error, and where `accept` refuses the fresh ones (it may be NULL; it
// must not keep what it is shown). Secrets are not read again: those of the environment are gone, and files
// of theirs need not be readable for the user that was become.
typedef bool config_accept(void *context, const struct config *fresh, struct err *err);
MUST_CHECK bool config_reload(struct config *config, int argc, char **argv, config_accept *accept,
                              void *context, struct err *err);
void config_release(struct config *config); // wipes the secrets

// For each VOX_SINK_ variable of the environment that is no option: a misspelt name, most likely.
void config_unknown_variables(void (*found)(void *context, const char *name), void *context);

// One option as --help, shells and the manual tell of it.
#define CONFIG_HELP_MAX 1024
struct config_option {
    char flag[80];              // "--listen"; of a secret that of its file, "--database-url-file"
    const char *value;          // "ADDRESSES", "FILE"
    const char *choices;        // "a|b|c"; NULL: it is no choice
    char help[CONFIG_HELP_MAX]; // with range and default
};
size_t config_option_count(void);
void config_option_at(size_t row, struct config_option *ret_option);
void config_print_help(FILE *out); // the options part of --help
// `config show`: value and source, secrets masked. False when memory is out.
MUST_CHECK bool config_print(const struct config *config, bool json, FILE *out);
void config_print_reference(FILE *out); // docs/reference/options.md

#endif
