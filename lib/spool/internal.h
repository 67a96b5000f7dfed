// SPDX-License-Identifier: Apache-2.0
// What the files of lib/spool share; nobody else includes it.
#ifndef VOX_SPOOL_INTERNAL_H
#define VOX_SPOOL_INTERNAL_H

#include "lib/spool/spool.h"

struct tracked; // git.c

struct spool {
    int root;                  // -1: there is none
    int folder[SPOOL_FOLDERS]; // -1: not opened, or not there
    int lock;
    struct tracked *tracked; // NULL until the first entry is read
    char path[SPOOL_PATH_MAX];
};

// The folder's descriptor, opened on first use; -1 in `*ret_fd` where it does not exist and `create` is off.
MUST_CHECK bool spool_folder_fd(struct spool *spool, enum spool_folder folder, bool create, int *ret_fd,
                                struct err *err);
const char *spool_folder_name(enum spool_folder folder);
// Ends in ".json", no leading dot, not too long.
bool spool_name_is_entry(const char *name);
// Time by name or else by mtime.
int64_t spool_name_time(const char *name, int64_t mtime_us);
int64_t spool_mtime_us(const struct stat *st);

// What git tracks of pending/, read once. `why` is a clause without subject.
MUST_CHECK bool spool_tracked_load(struct spool *spool, struct err *why);
bool spool_tracked_has(const struct spool *spool, const char *name); // after a load
void spool_tracked_free(struct tracked *tracked);

#endif
