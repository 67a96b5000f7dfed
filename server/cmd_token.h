// SPDX-License-Identifier: Apache-2.0
// The commands of the token family, one file for what belongs together.
#ifndef VOX_SERVER_CMD_TOKEN_H
#define VOX_SERVER_CMD_TOKEN_H

#include "server/token_flags.h"

extern const struct command token_set, token_rotate, token_revoke; // cmd_token_change.c
extern const struct family token_key;                              // cmd_token_key.c

#endif
