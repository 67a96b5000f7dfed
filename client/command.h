// SPDX-License-Identifier: Apache-2.0
// Commands and their options, as tables: parsing, --help and (later) completion read the same rows.
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
    bool json;
    bool quiet;
    bool dry_run;
    bool allow_http;
};

struct option_row {
    const char *name;  // without the dashes
    const char *value; // how the help calls its value; NULL for a switch
    const char *help;
    size_t offset; // of a const char * or a bool in struct options
};
#define OPTION(name, value, member, help)                   \
    {                                                       \
        name, value, help, offsetof(struct options, member) \
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
    enum client_exit (*run)(const struct options *options);
};
#define COMMAND_TABLES(options_, exits_)                                           \
    .options = (options_), .option_count = ARRAY_LEN(options_), .exits = (exits_), \
    .exit_count = ARRAY_LEN(exits_)

extern const struct command cmd_enqueue, cmd_status, cmd_export, cmd_upload, cmd_doctor, cmd_version;

int exit_number(enum client_exit code);

enum parse_result { PARSE_RUN, PARSE_HELP, PARSE_WRONG };
// Reads "--name value", "--name=value" and switches; says on stderr what is wrong.
MUST_CHECK enum parse_result command_parse(const struct command *command, int argc, char **argv,
                                           struct options *ret_options);
void command_help(const struct command *command);

#endif
