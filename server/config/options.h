// SPDX-License-Identifier: Apache-2.0
// The option table as data, and what the files of the configuration share. For config*.c only.
#ifndef VOX_SERVER_CONFIG_TABLE_H
#define VOX_SERVER_CONFIG_TABLE_H

#include "lib/base/str.h"
#include "server/config/config.h"

#define OPTION_NAME_MAX  64   // with prefix and suffix
#define OPTION_VALUE_MAX 8192 // bytes of one value

enum option_row {
#define OPTION_TEXT(name, ...)    OPTION_ROW_##name,
#define OPTION_PATH(name, ...)    OPTION_ROW_##name,
#define OPTION_SECRET(name, ...)  OPTION_ROW_##name,
#define OPTION_CHOICE(name, ...)  OPTION_ROW_##name,
#define OPTION_ADDRESS(name, ...) OPTION_ROW_##name,
#define OPTION_INTEGER(name, ...) OPTION_ROW_##name,
#include "server/config/options.def"
    OPTION_COUNT
};

enum option_type {
    OPTION_TYPE_TEXT,
    OPTION_TYPE_PATH,
    OPTION_TYPE_SECRET,
    OPTION_TYPE_CHOICE,
    OPTION_TYPE_ADDRESS,
    OPTION_TYPE_INTEGER
};

struct option {
    const char *name;
    enum option_type type;
    bool reloadable;
    const char *help;
    const char *text;    // default; NULL: unset
    const char *choices; // CHOICE: "a|b|c"
    const char *path;    // PATH: "FILE" or "DIR"
    int64_t integer;     // INTEGER: default, range, unit
    int64_t min, max;
    const char *unit;
    size_t offset; // of its member in struct config
};

extern const struct option option_table[OPTION_COUNT];

// What one source says of one row; the strings live in the config's arena. NULL where it says nothing.
struct option_given {
    const char *value;
    const char *value_origin;
    const char *path; // SECRET: the file that holds it
    const char *path_origin;
    bool trusted_path; // systemd's own: its mode is not for us to judge
};

// The row of "queue_events", or with `*ret_is_path` of "database_url_file"; OPTION_COUNT if there is none.
enum option_row option_find(struct str name, bool *ret_is_path);
void option_flag(const struct option *option, char ret_flag[static OPTION_NAME_MAX]); // "--queue-events"
void option_variable(const struct option *option, char ret_variable[static OPTION_NAME_MAX]); // "VOX_SINK_…"
const char **option_text(const struct option *option, struct config *config);
int64_t *option_integer(const struct option *option, struct config *config);
const char *option_text_of(const struct option *option, const struct config *config);
int64_t option_integer_of(const struct option *option, const struct config *config);
// Checks the value by the row's type and range and stores it. `value` and `origin` must live as long as the
// config.
MUST_CHECK bool option_set(const struct option *option, struct config *config, const char *value,
                           const char *origin, struct err *err);

// A copy in locked memory; NULL when memory is out.
MUST_CHECK const char *config_keep_secret(struct config *config, struct str text);
void config_forget_secrets(struct config *config); // wipes them
// What the file at given->path says where the option itself would be a secret; NULL with `err`.
MUST_CHECK const char *config_read_secret(struct config *config, const struct option_given *given,
                                          struct err *err);
// False if the file at `path` gives a secret itself and is another user's.
MUST_CHECK bool config_file_is_ours(const char *path, const struct config *config,
                                    const struct option_given *rows, struct err *err);
void config_set_owner(struct config *config, const char *user); // NULL: none is given

// The YAML file's part of the sources, into rows[OPTION_COUNT].
MUST_CHECK bool config_file_read(const char *path, struct arena *arena, struct option_given *rows,
                                 struct err *err);
// Where the contracts are unless an option says: beside an installed binary, the configured place, or the
// source tree that the binary was built in. NULL when memory is out.
MUST_CHECK const char *config_contracts_dir(struct arena *arena);

#endif
