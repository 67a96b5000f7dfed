// SPDX-License-Identifier: Apache-2.0
// The commands of the token family, one file for what belongs together.
#ifndef VOX_SERVER_CMD_TOKEN_H
#define VOX_SERVER_CMD_TOKEN_H

#include "server/token_flags.h"

// cmd_token_change.c
int token_set(int argc, char **argv);
int token_rotate(int argc, char **argv);
int token_revoke(int argc, char **argv);
// cmd_token_key.c
int token_key(int argc, char **argv);

#endif
