// SPDX-License-Identifier: Apache-2.0
// Where the contracts are that came with this program.
#ifndef VOX_CONTRACTS_LOCATE_H
#define VOX_CONTRACTS_LOCATE_H

#include "lib/base/base.h"

#include <limits.h>

// The folder beside the program (../share/vox-sink/contracts), else where the build was told to install it,
// else that of the source tree that the program was built in. Where there is none, where it would be.
void contract_locate(char ret_path[static PATH_MAX]);

#endif
