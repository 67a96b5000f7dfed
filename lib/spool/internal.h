// SPDX-License-Identifier: Apache-2.0
// What the files of lib/spool share; nobody else includes it.
#ifndef VOX_SPOOL_INTERNAL_H
#define VOX_SPOOL_INTERNAL_H

#include "lib/spool/limits.h"
#include "lib/spool/spool.h"

#include <dirent.h>
#include <limits.h>

struct tracked; // git.c

struct spool {
    int root;                  // -1: there is none
    int folder[SPOOL_FOLDERS]; // -1: not opened, or not there
    int lock;
    struct tracked *tracked[SPOOL_FOLDERS]; // NULL until an entry of the folder is read
    struct spool_limits limits;
    char path[SPOOL_PATH_MAX];
};

// The folder's descriptor, opened on first use; -1 in `*ret_fd` where it does not exist and `create` is off.
MUST_CHECK bool spool_folder_fd(struct spool *spool, enum spool_folder folder, bool create, int *ret_fd,
                                struct err *err);
const char *spool_folder_name(enum spool_folder folder);
// Of pending/: no leading dot, and no ending of what is still written.
bool spool_name_is_entry(const char *name);
// An entry that does not end in ".json", in any case, may be another tool's temporary file.
bool spool_name_may_be_young(enum spool_folder folder, const char *name);
// Written to less than a minute ago, or in the future: such a file is no entry yet.
bool spool_is_young(const struct stat *st, int64_t wall_us);
// The name that an entry of bad/ or rejected/ gets back in pending/, if nothing stands there.
// Taken from the note about it; its own where that names none.
void spool_first_name(const struct spool *spool, enum spool_folder folder, const char *name,
                      char ret_name[static NAME_MAX + 1]);
// Of any folder; where there are notes beside the entries these end in ".json".
bool spool_name_is_entry_of(enum spool_folder folder, const char *name);
// Time by name or else by mtime.
int64_t spool_name_time(const char *name, int64_t mtime_us);
int64_t spool_mtime_us(const struct stat *st);
bool spool_same_file(const struct stat *a, const struct stat *b);
// Is what lstat(2) says a plain file of this user with one name? `why` is a clause without subject.
enum spool_read spool_check_stat(const struct stat *st, struct err *why);
// A stream of its own for the folder; NULL without an error where there is none.
MUST_CHECK bool spool_open_stream(struct spool *spool, enum spool_folder folder, DIR **ret_dir,
                                  struct err *err);
// The next name of the stream, NULL with errno 0 at the end.
struct dirent *spool_read_stream(DIR *dir);
// A file of the spool's own in its root, 0600, never followed nor shared. `*ret_fd` is -1 where it does not
// exist and O_CREAT is not among the flags.
MUST_CHECK bool spool_open_own(struct spool *spool, const char *name, int flags, int *ret_fd,
                               struct err *err);

// What git tracks of an open folder, read once. `why` is a clause without subject.
MUST_CHECK bool spool_tracked_load(struct spool *spool, enum spool_folder folder, struct err *why);
bool spool_tracked_has(const struct spool *spool, enum spool_folder folder, const char *name); // after a load
void spool_tracked_free(struct tracked *tracked);

#endif
