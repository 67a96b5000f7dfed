// SPDX-License-Identifier: Apache-2.0
// Commands and their options, as tables: parsing, --help, completion and the manual read the same rows.
#ifndef VOX_CLIENT_COMMAND_H
#define VOX_CLIENT_COMMAND_H

#include "lib/base/base.h"

enum client_exit {
#define CLIENT_EXIT(name, code, text) EXIT_IS_##name,
#include "client/exit.def"
#undef CLIENT_EXIT
    CLIENT_EXITS
};

// What all commands' options fill; texts point into argv.
struct options {
    const char *spool;
    const char *url;
    const char *input;
    const char *out;
    const char *state;
    const char *older_than;
    const char *since;
    const char *from;
    const char *limit;
    const char *contracts;
    const char *max_bytes;
    const char *max_entries;
    const char *max_age;
    const char *max_events;
    const char *max_time;
    const char *concurrency;
    char **operands; // the arguments that are no options
    size_t operand_count;
    bool json;
    bool quiet;
    bool dry_run;
    bool allow_http;
    bool include_older;
    bool drop_oldest;
    bool all;
    bool yes;
    bool offline;
};

struct option_row {
    const char *name;  // without the dashes
    const char *value; // how the help calls its value; NULL for a switch
    const char *help;
    size_t offset;     // of a const char * or a bool in struct options
    const char *words; // what the value may be, with blanks between; NULL: anything
};
#define OPTION(name, value, member, help)                         \
    {                                                             \
        name, value, help, offsetof(struct options, member), NULL \
    }
#define OPTION_WORDS(name, value, member, help, words)               \
    {                                                                \
        name, value, help, offsetof(struct options, member), (words) \
    }
#define OPTION_SPOOL OPTION("spool", "DIR", spool, "the spool, instead of the one found (vox-telemetry help)")

struct command {
    const char *name;
    const char *summary;
    const char *about; // paragraphs of the help; may be NULL
    const struct option_row *options;
    size_t option_count;
    const enum client_exit *exits; // those it can end with
    size_t exit_count;
    const char *required; // an option that must be given; NULL if none
    const char *operands; // how the help calls its arguments; NULL if it takes none
    const char *words;    // what they may be, with blanks between; NULL: anything
    size_t operand_min, operand_max;
    enum client_exit (*run)(const struct options *options);
};
#define COMMAND_TABLES(options_, exits_)                                           \
    .options = (options_), .option_count = ARRAY_LEN(options_), .exits = (exits_), \
    .exit_count = ARRAY_LEN(exits_)

extern const struct command cmd_enqueue, cmd_status, cmd_export, cmd_upload, cmd_check, cmd_history,
    cmd_retry, cmd_purge, cmd_consent, cmd_doctor, cmd_completion, cmd_version;

// All of them, in the order of the help.
extern const struct command *const command_table[];
extern const size_t command_count;

int exit_number(enum client_exit code);
const char *exit_text(enum client_exit code);

enum parse_result { PARSE_RUN, PARSE_HELP, PARSE_WRONG };
// Reads "--name value", "--name=value", switches and operands, which it moves to the front of `argv`; says on
// stderr what is wrong.
MUST_CHECK enum parse_result command_parse(const struct command *command, int argc, char **argv,
                                           struct options *ret_options);
void command_help(const struct command *command);

#endif
