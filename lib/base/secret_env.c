// SPDX-License-Identifier: Apache-2.0
// Overwrites values where the process was given them.
#include "lib/base/secret_env.h"

#include "lib/base/str.h"

#include <sodium.h>
#include <unistd.h>

void secret_env_wipe(const char *name)
{
    size_t length = strlen(name);
    // A variable may stand there more than once; getenv() knows the first.
    for (char **entry = environ; *entry; entry++)
        if (strncmp(*entry, name, length) == 0 && (*entry)[length] == '=')
            sodium_memzero(*entry + length + 1, strlen(*entry + length + 1));
}

bool secret_env_hide(const char *name, struct err *err)
{
    const char *value = getenv(name);
    if (!value || !*value)
        return true;
    char *copy = str_dup_cstr(str_from(value));
    if (!copy)
        return err_set(err, "cannot read %s: out of memory", name);
    secret_env_wipe(name);
    bool ok = setenv(name, copy, 1) == 0 || err_set_errno(err, "cannot read %s", name);
    sodium_memzero(copy, strlen(copy));
    free(copy);
    return ok;
}
