// SPDX-License-Identifier: Apache-2.0
// Subcommands of `vox-sink contracts` that have a file of their own.
#ifndef VOX_SERVER_CMD_CONTRACTS_H
#define VOX_SERVER_CMD_CONTRACTS_H

int contracts_guard(int argc, char **argv);
int contracts_validate(int argc, char **argv);

#endif
