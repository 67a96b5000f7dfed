// SPDX-License-Identifier: Apache-2.0
// Where the contracts are that came with this program.
#include "lib/contracts/locate.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool holds_contracts(const char *dir, char ret_path[static PATH_MAX])
{
    char index[PATH_MAX + 16], real[PATH_MAX];
    snprintf(index, sizeof(index), "%s/index.yaml", dir);
    if (access(index, R_OK) != 0 || !realpath(dir, real))
        return false;
    memcpy(ret_path, real, strlen(real) + 1);
    return true;
}

void contract_locate(char ret_path[static PATH_MAX])
{
    char exe[PATH_MAX], dir[PATH_MAX + 64];
    ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
    char *slash = n > 0 ? memrchr(exe, '/', (size_t)n) : NULL;
    if (slash) {
        *slash = '\0';
        snprintf(dir, sizeof(dir), "%s/../share/vox-sink/contracts", exe);
        if (holds_contracts(dir, ret_path))
            return;
    }
    if (holds_contracts(VOX_CONTRACTS_DIR, ret_path))
        return;
    if (slash) { // build/<preset>/bin
        snprintf(dir, sizeof(dir), "%s/../../../contracts", exe);
        if (holds_contracts(dir, ret_path))
            return;
    }
    memcpy(ret_path, VOX_CONTRACTS_DIR, sizeof(VOX_CONTRACTS_DIR));
}
