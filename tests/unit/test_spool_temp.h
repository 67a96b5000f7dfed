// SPDX-License-Identifier: Apache-2.0
// A throw-away folder and spool for one case.
#ifndef VOX_TESTS_UNIT_TEST_SPOOL_TEMP_H
#define VOX_TESTS_UNIT_TEST_SPOOL_TEMP_H

#include "lib/spool/spool.h"

#include <check.h>
#include <fcntl.h>
#include <ftw.h>
#include <time.h>

static char temp_root[64];

static inline int temp_remove_one(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
    (void)st, (void)kind, (void)ftw;
    return remove(path);
}

static inline void temp_leave(void)
{
    if (temp_root[0])
        nftw(temp_root, temp_remove_one, 16, FTW_DEPTH | FTW_PHYS);
    temp_root[0] = '\0';
}

// A fresh folder; the one of a case that failed half-way goes first.
static inline void temp_enter(void)
{
    temp_leave();
    memcpy(temp_root, "/tmp/vox-spool-XXXXXX", sizeof("/tmp/vox-spool-XXXXXX"));
    ck_assert_ptr_nonnull(mkdtemp(temp_root));
}

// A path in it; the answer lives until the fourth call after.
static inline const char *temp_path(const char *name)
{
    static char paths[4][512];
    static unsigned next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof(paths[0]), "%s/%s", temp_root, name);
    return path;
}

static inline struct spool *temp_spool(bool create)
{
    struct spool_place place;
    struct spool *spool;
    struct err err = {""};
    struct spool_hints hints = {.option = temp_path("spool")};
    ck_assert(spool_locate_from(&hints, &place, &err));
    ck_assert_msg(spool_open(&place, create, &spool, &err), "%s", err.text);
    return spool;
}

static inline void temp_write(const char *name, const char *text)
{
    int fd = open(temp_path(name), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
}

// Last written to so many seconds ago.
static inline void temp_age(const char *name, int seconds)
{
    struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_sec = time(NULL) - seconds}};
    ck_assert_int_eq(utimensat(AT_FDCWD, temp_path(name), times, AT_SYMLINK_NOFOLLOW), 0);
}

static inline bool temp_exists(const char *name)
{
    struct stat st;
    return lstat(temp_path(name), &st) == 0;
}

static inline unsigned temp_mode(const char *name)
{
    struct stat st;
    ck_assert_int_eq(lstat(temp_path(name), &st), 0);
    return st.st_mode & 07777;
}

static inline uint64_t temp_count(struct spool *spool, enum spool_folder folder)
{
    struct spool_count count;
    struct err err;
    ck_assert(spool_count(spool, folder, &count, &err));
    return count.entries;
}

#endif
