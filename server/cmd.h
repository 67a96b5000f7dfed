// SPDX-License-Identifier: Apache-2.0
// The command table's functions: one cmd_<name>.c each. They return the process's exit code.
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

// argv[0] is the command's name.
int cmd_serve(int argc, char **argv);
int cmd_migrate(int argc, char **argv);
int cmd_project(int argc, char **argv);
int cmd_token(int argc, char **argv);
int cmd_master_key(int argc, char **argv);
int cmd_contracts(int argc, char **argv);
int cmd_quarantine(int argc, char **argv);
int cmd_retention(int argc, char **argv);
int cmd_doctor(int argc, char **argv);
int cmd_config(int argc, char **argv);
int cmd_reference(int argc, char **argv);
int cmd_version(int argc, char **argv);

#endif
