// SPDX-License-Identifier: Apache-2.0
// What every command shares: its row in the tables, its flags and words, --help, the configuration, errors,
// the database.
//
//     enum { FLAG_PROJECT, FLAG_JSON };
//     static const struct flag flags[] = {[FLAG_PROJECT] = {"project", "NAME", "whose token it is"},
//                                         [FLAG_JSON] = FLAG_FOR_JSON};
//     static const struct command create = {.name = "token create", .about = "Makes a token.",
//                                           COMMAND_FLAGS(flags), .run = run};
//
//     static int run(struct call *call)
//     {
//         … call->flags[FLAG_PROJECT].value, call->config …
//         return EXIT_OK;
//     }
//
// Commands stand in families, and the first of these is `commands` of main.c: help, completion and the manual
// are made of the same rows.
#ifndef VOX_SERVER_COMMAND_H
#define VOX_SERVER_COMMAND_H

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/base/json.h"
#include "server/cmd.h"
#include "server/config/config.h"
#include "server/config/table.h"
#include "server/store/db.h"

struct flag {
    const char *name;       // without "--"
    const char *value_name; // NULL: a switch; with FILE or DIR in it, a path
    const char *help;
    const char *choices; // "a|b|c": what shells offer for its value; NULL: nothing
    const char *value;   // filled in a call; NULL where not given
    bool given;
};
#define FLAG_FOR_JSON                                \
    {                                                \
        "json", NULL, "one JSON object for machines" \
    }

#define COMMAND_FLAGS_MAX    16
#define COMMAND_FLAGS(table) .flags = (table), .flag_count = ARRAY_LEN(table)

struct db;
struct call;

struct command {
    const char *name;  // "token create"
    const char *words; // "NAME", "[DIR]"; NULL: none
    const char
        *word_choices; // "a|b|c": what shells offer; NULL: nothing, or paths where `words` is FILE or DIR
    int min_words, max_words;
    const char *about; // sentences, may have line breaks
    const struct flag *flags;
    size_t flag_count;
    bool lists_options; // --help shows every option; a variable that is none is warned of
    bool uses_database; // --help says which one
    // One of the two; the exit code. The second is called with a connection whose schema fits and an arena
    // for what is read.
    int (*run)(struct call *call);
    int (*run_database)(const struct call *call, struct db *db, struct arena *arena);
};

// A command while it runs.
struct call {
    const struct command *command;
    struct config config;
    const struct flag *flags; // the command's, filled
    int word_count;
    char **word;
    int argc; // what came in, for who reads the configuration again
    char **argv;
};

// One row of a family: a command, or a family of its own, or neither, which its owner knows by name.
struct subcommand {
    const char *name;
    const char *summary;
    const struct command *command;
    const struct family *family;
};

struct family {
    const char *name;  // "token", "token key"
    const char *about; // a sentence
    const struct subcommand *subs;
    size_t count;
};

// All of a command: --help, or flags, words and configuration read, `run`, and an end. The exit code.
int command_run(const struct command *command, int argc, char **argv);
// Runs the one that argv[1] names, with argv from there on.
int command_dispatch(const struct family *family, int argc, char **argv);
// The list of the family's commands, as help prints it.
void command_list(const struct family *family, FILE *out);
// The name in the family that is nearest to a misspelt one; NULL if none is near.
const char *command_nearest(const struct family *family, const char *name);

// Says `vox-sink: <sentence>` on stderr and returns `code`.
int command_error(int code, const char *format, ...) PRINTF_LIKE(2, 3);
// Warns of variables that are no option.
void command_warn_variables(void);
// Connects as the owner: migrate_database_url, else database_url; `with_schema`: and the schema must fit.
// NULL after saying why not; `*ret_code` is the exit code.
MUST_CHECK struct db *command_database(const struct call *call, bool with_schema, int *ret_code);
// Prints `table` on stdout and releases it; the exit code.
int command_table(struct table *table);
// {"<name>":[ … ]} on stdout: begins the list in `buf` and `w`, which are set up; ends and writes it.
void command_json_begin(struct buf *buf, struct json_writer *w, const char *name);
int command_json_end(struct buf *buf, struct json_writer *w);
// Writes `buf` and a newline to stdout and releases it; the exit code.
int command_write(struct buf *buf);

#endif
