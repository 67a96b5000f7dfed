// SPDX-License-Identifier: Apache-2.0
// A throw-away contracts folder for the tests of lib/contracts: folder_make(), folder_put() files,
// folder_remove().
#ifndef VOX_TESTS_UNIT_TEST_CONTRACTS_FOLDER_H
#define VOX_TESTS_UNIT_TEST_CONTRACTS_FOLDER_H

#include "lib/base/file.h"

#include <check.h>
#include <fcntl.h>
#include <ftw.h>
#include <sys/stat.h>

static char folder[64];

static inline int folder_remove_entry(const char *path, const struct stat *info, int type, struct FTW *walk)
{
    (void)info, (void)type, (void)walk;
    return remove(path);
}

static inline void folder_remove(void)
{
    nftw(folder, folder_remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

// "" is the folder itself; one below it is made when it is missing.
static inline void folder_put(const char *below, const char *name, struct str text)
{
    struct err err;
    char path[128];
    snprintf(path, sizeof(path), "%s/%s", folder, below);
    mkdir(path, 0700);
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    ck_assert_msg(fd >= 0, "%s", path);
    ck_assert_msg(file_write_atomic_at(fd, name, text, 0600, &err), "%s", err.text);
    close(fd);
}

static inline void folder_make(void)
{
    snprintf(folder, sizeof(folder), "/tmp/vox-contracts-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    folder_put("", "guard.yaml",
               STR("rules:\n"
                   "  - {name: posix-path, what: a path, matcher: posix_path, help: No paths.}\n"
                   "  - {name: email, what: an address, matcher: email, help: No addresses.}\n"));
}

#endif
