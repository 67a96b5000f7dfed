// SPDX-License-Identifier: Apache-2.0
// The configuration file: any bytes are either refused with a sentence or give a configuration in range.
#include "server/config/config.h"

#include "lib/base/file.h"

#include <sodium.h>
#include <sys/mman.h>
#include <sys/stat.h>

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerInitialize(int *argc UNUSED, char ***argv UNUSED)
{
    BUG_ON(sodium_init() < 0);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int fd = memfd_create("config", MFD_CLOEXEC);
    if (fd < 0 || fchmod(fd, 0600) != 0 || !fd_write_all(fd, data, size)) {
        if (fd >= 0)
            close(fd);
        return 0;
    }
    char path[64];
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    char *argv[] = {"serve", "--config", path};
    struct config config;
    struct err err = {""};
    if (config_load(&config, ARRAY_LEN(argv), argv, NULL, &err)) {
        BUG_ON(config.queue_events < 1 || config.queue_events > 10000000);
        BUG_ON(!config.listen || !config.contracts_dir);
        config_release(&config);
    } else {
        BUG_ON(!err.text[0]);
    }
    close(fd);
    return 0;
}
