// SPDX-License-Identifier: Apache-2.0
// Subcommands of `vox-sink contracts` that have a file of their own, and what they share.
#ifndef VOX_SERVER_CMD_CONTRACTS_H
#define VOX_SERVER_CMD_CONTRACTS_H

#include "lib/contracts/contracts.h"
#include "server/command.h"

extern const struct command contracts_guard, contracts_validate;

// Reads the contracts that the configuration names and runs `run` with them; the exit code.
int contracts_run(const struct call *call,
                  int (*run)(const struct call *call, const struct contract_set *set));

#endif
