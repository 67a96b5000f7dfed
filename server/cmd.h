// SPDX-License-Identifier: Apache-2.0
// What a process ends with, and the rows of the command table: one cmd_<name>.c each.
#ifndef VOX_SERVER_CMD_H
#define VOX_SERVER_CMD_H

#include "lib/base/base.h"

enum exit_code {
    EXIT_OK = 0,
    EXIT_FAILED = 1,   // the world said no: database, files; one line on stderr says what to do
    EXIT_USAGE = 2,    // the command line is wrong
    EXIT_CONFIG = 3,   // configuration is wrong
    EXIT_UNHEALTHY = 4 // doctor or contracts check found something
};

struct command;
struct family;

extern const struct family commands; // main.c: all of them

extern const struct command cmd_serve, cmd_migrate, cmd_doctor, cmd_completion, cmd_version;
extern const struct family cmd_project, cmd_token, cmd_master_key, cmd_contracts, cmd_quarantine,
    cmd_retention, cmd_config, cmd_reference;

#endif
