// SPDX-License-Identifier: Apache-2.0
// What every command shares: its flags and words, --help, the configuration, errors, the database.
//
//     enum { FLAG_PROJECT, FLAG_JSON };
//     struct flag flags[] = {[FLAG_PROJECT] = {"project", "NAME", "whose token it is"},
//                            [FLAG_JSON] = {"json", NULL, "one JSON object for machines"}};
//     struct command command = {.name = "token create", .about = "Makes a token.",
//                               .flags = flags, .flag_count = ARRAY_LEN(flags)};
//     int code;
//     if (!command_begin(&command, argc, argv, &code))
//         return code; // --help was asked for, or something was wrong and has been said
//     … flags[FLAG_PROJECT].value, command.config …
//     command_end(&command);
#ifndef VOX_SERVER_COMMAND_H
#define VOX_SERVER_COMMAND_H

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "server/cmd.h"
#include "server/config/config.h"
#include "server/config/table.h"
#include "server/store/db.h"

struct flag {
    const char *name;       // without "--"
    const char *value_name; // NULL: a switch
    const char *help;
    const char *value; // filled; NULL where not given
    bool given;
};

struct command {
    const char *name;  // "token create"
    const char *words; // "NAME", "[DIR]"; NULL: none
    int min_words, max_words;
    const char *about; // sentences, may have line breaks
    struct flag *flags;
    size_t flag_count;
    bool lists_options; // --help shows every option; a variable that is none is warned of
    bool uses_database; // --help says which one

    struct config config; // filled
    int word_count;
    char **word;
};

MUST_CHECK bool command_begin(struct command *command, int argc, char **argv, int *ret_code);
void command_end(struct command *command);

// One command of a family: "create" of "token".
struct subcommand {
    const char *name;
    const char *summary;
    int (*run)(int argc, char **argv);
};

// Runs the one that argv[1] names, with argv from there on. `family` is "token", `about` a sentence.
int command_dispatch(const char *family, const char *about, const struct subcommand *subs, size_t count,
                     int argc, char **argv);
// The list of `subs`, as help prints it.
void command_list(const struct subcommand *subs, size_t count, FILE *out);
// The name of `subs` that is nearest to a misspelt one; NULL if none is near.
const char *command_nearest(const struct subcommand *subs, size_t count, const char *name);

// Says `vox-sink: <sentence>` on stderr and returns `code`.
int command_error(int code, const char *format, ...) PRINTF_LIKE(2, 3);
// Warns of variables that are no option.
void command_warn_variables(void);
// Connects as the owner: migrate_database_url, else database_url; `with_schema`: and the schema must fit.
// NULL after saying why not; `*ret_code` is the exit code.
MUST_CHECK struct db *command_database(const struct command *command, bool with_schema, int *ret_code);
// All of a command that works on the database: begins, connects (the schema must fit), runs `run` with an
// arena for what it reads, ends. The exit code.
int command_run(struct command *command, int argc, char **argv,
                int (*run)(const struct command *command, struct db *db, struct arena *arena));
// Prints `table` on stdout and releases it; the exit code.
int command_table(struct table *table);
// Writes `buf` and a newline to stdout and releases it; the exit code.
int command_write(struct buf *buf);

#endif
