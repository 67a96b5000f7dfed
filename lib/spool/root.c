// SPDX-License-Identifier: Apache-2.0
// Opening, creating, checking and locking the spool's folders.
#include "lib/base/file.h"
#include "lib/spool/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>

#define TEMP_NAME_LEN  21 // "." 16 hex digits ".tmp", as file_write_atomic_at() makes them
#define TEMP_MAX_AGE_S 3600

static const char *const folder_names[SPOOL_FOLDERS] = {
    [SPOOL_PENDING] = "pending", [SPOOL_BAD] = "bad", [SPOOL_REJECTED] = "rejected"};

const char *spool_folder_name(enum spool_folder folder)
{
    return folder_names[folder];
}

static bool check_folder(int fd, const char *name, bool strict, struct err *err)
{
    struct stat st;
    if (fstat(fd, &st) != 0)
        return err_set_errno(err, "cannot look at the spool folder %s", name);
    if (st.st_uid != geteuid())
        return err_set(err,
                       "the spool folder %s belongs to another user (uid %u): use one of your own with "
                       "--spool",
                       name, (unsigned)st.st_uid);
    if (strict && (st.st_mode & (S_IWGRP | S_IWOTH)))
        return err_set(err, "the spool folder %s can be written by group or others: chmod go-w it", name);
    return true;
}

// One step down. `*ret_fd` is -1 where there is nothing and `create` is off.
static bool open_below(int parent, const char *name, bool create, bool strict, int *ret_fd, struct err *err)
{
    const int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
    int fd = openat(parent, name, flags);
    if (fd < 0 && errno == ENOENT && !create) {
        *ret_fd = -1;
        return true;
    }
    if (fd < 0 && errno == ENOENT) {
        if (mkdirat(parent, name, 0700) != 0 && errno != EEXIST)
            return err_set_errno(err, "cannot create the spool folder %s", name);
        if (fsync(parent) != 0)
            return err_set_errno(err, "cannot sync the folder of %s", name);
        fd = openat(parent, name, flags);
    }
    if (fd < 0 && (errno == ENOTDIR || errno == ELOOP))
        return err_set(err, "the spool folder %s is a symbolic link or no folder: not followed", name);
    if (fd < 0)
        return err_set_errno(err, "cannot open the spool folder %s", name);
    if (!check_folder(fd, name, strict, err)) {
        close(fd);
        return false;
    }
    *ret_fd = fd;
    return true;
}

// The part of the path that is taken as it is. Missing folders are made, as mkdir -p does.
static int open_given(const char *path, bool create)
{
    const int flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;
    if (!*path)
        return open(".", flags);
    int fd = open(path, flags);
    if (fd >= 0 || errno != ENOENT || !create)
        return fd;
    char part[SPOOL_PATH_MAX];
    size_t len = strlen(path);
    for (size_t i = 1; i <= len; i++) {
        if (path[i] != '/' && path[i] != '\0')
            continue;
        memcpy(part, path, i);
        part[i] = '\0';
        if (mkdir(part, 0700) != 0 && errno != EEXIST)
            return -1;
    }
    return open(path, flags);
}

static bool open_root(const struct spool_place *place, bool create, int *ret_fd, struct err *err)
{
    char given[SPOOL_PATH_MAX];
    memcpy(given, place->path, place->given);
    given[place->given] = '\0';
    // "/" alone, as the root of the file system, must not become "" (the current folder).
    if (!place->given && place->path[0] == '/')
        memcpy(given, "/", 2);
    int fd = open_given(given, create);
    if (fd < 0 && errno == ENOENT && !create) {
        *ret_fd = -1;
        return true;
    }
    if (fd < 0)
        return err_set_errno(err, "cannot open %s, where the spool belongs", given);

    struct str rest = str_from(place->path + place->given);
    if (!rest.len) {
        close(fd);
        return err_set(err, "%s cannot be a spool: name a folder in it", place->path);
    }
    while (fd >= 0 && rest.len) {
        char name[NAME_MAX + 1];
        struct str part = str_cut(&rest, '/');
        if (!part.len)
            continue;
        bool fits = part.len < sizeof(name);
        if (fits) {
            memcpy(name, part.ptr, part.len);
            name[part.len] = '\0';
        }
        int next = -1;
        bool ok = fits ? open_below(fd, name, create, !rest.len, &next, err)
                       : err_set(err, "a part of the spool's path is too long");
        close(fd);
        if (!ok)
            return false;
        fd = next;
    }
    *ret_fd = fd;
    return true;
}

static bool write_gitignore(int root, struct err *err)
{
    struct stat st;
    if (fstatat(root, ".gitignore", &st, AT_SYMLINK_NOFOLLOW) == 0)
        return true;
    return file_write_atomic_at(root, ".gitignore", STR("*\n"), 0600, err);
}

bool spool_folder_fd(struct spool *spool, enum spool_folder folder, bool create, int *ret_fd, struct err *err)
{
    int *fd = &spool->folder[folder];
    if (*fd < 0 && spool->root >= 0 && !open_below(spool->root, folder_names[folder], create, true, fd, err))
        return err_prefix(err, "%s", spool->path);
    *ret_fd = *fd;
    return true;
}

bool spool_open(const struct spool_place *place, bool create, struct spool **ret_spool, struct err *err)
{
    int pending;
    struct spool *spool = malloc(sizeof(*spool));
    if (!spool)
        return err_set(err, "out of memory");
    *spool = (struct spool){.root = -1, .folder = {-1, -1, -1}, .lock = -1};
    memcpy(spool->path, place->path, sizeof(spool->path));
    bool ok = open_root(place, create, &spool->root, err);
    if (!ok)
        err_prefix(err, "%s", spool->path);
    ok = ok && (!create || write_gitignore(spool->root, err)) &&
         spool_folder_fd(spool, SPOOL_PENDING, create, &pending, err);
    if (!ok) {
        spool_close(spool);
        return false;
    }
    *ret_spool = spool;
    return true;
}

static void close_fd(int fd)
{
    if (fd >= 0)
        close(fd);
}

void spool_close(struct spool *spool)
{
    if (!spool)
        return;
    for (size_t i = 0; i < SPOOL_FOLDERS; i++)
        close_fd(spool->folder[i]);
    close_fd(spool->lock);
    close_fd(spool->root);
    for (size_t i = 0; i < SPOOL_FOLDERS; i++)
        spool_tracked_free(spool->tracked[i]);
    free(spool);
}

bool spool_exists(const struct spool *spool)
{
    return spool->root >= 0;
}

const char *spool_path(const struct spool *spool)
{
    return spool->path;
}

bool spool_is_private(const struct spool *spool)
{
    struct stat st;
    bool is_private = spool->root < 0 || fstat(spool->root, &st) != 0 || !(st.st_mode & (S_IRWXG | S_IRWXO));
    for (size_t i = 0; i < SPOOL_FOLDERS; i++)
        if (spool->folder[i] >= 0 && fstat(spool->folder[i], &st) == 0)
            is_private = is_private && !(st.st_mode & (S_IRWXG | S_IRWXO));
    return is_private;
}

bool spool_open_own(struct spool *spool, const char *name, int flags, int *ret_fd, struct err *err)
{
    struct stat st;
    int fd = spool->root < 0
                 ? -1
                 : openat(spool->root, name, flags | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0600);
    *ret_fd = fd;
    if (spool->root < 0 || (fd < 0 && errno == ENOENT && !(flags & O_CREAT)))
        return true;
    if (fd < 0)
        return err_set_errno(err, "cannot open %s/%s", spool->path, name);
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_uid == geteuid() && st.st_nlink == 1)
        return true;
    close(fd);
    return err_set(err, "%s/%s is not a plain file of this user: move it away", spool->path, name);
}

static bool is_temp_name(const char *name)
{
    struct str text = str_from(name);
    return text.len == TEMP_NAME_LEN && name[0] == '.' && str_ends(text, STR(".tmp")) &&
           strspn(name + 1, "0123456789abcdef") == TEMP_NAME_LEN - 5;
}

// Best effort: what cannot be removed now is met again by the next upload.
static void remove_old_temps(int folder)
{
    int fd = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
    if (!dir) {
        close_fd(fd);
        return;
    }
    time_t now = time(NULL);
    struct dirent *entry;
    while ((entry = readdir(dir))) {
        struct stat st;
        if (is_temp_name(entry->d_name) && fstatat(folder, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
            S_ISREG(st.st_mode) && st.st_mtime + TEMP_MAX_AGE_S < now)
            unlinkat(folder, entry->d_name, 0);
    }
    closedir(dir);
}

bool spool_lock(struct spool *spool, bool *ret_taken, struct err *err)
{
    BUG_ON(spool->lock >= 0);
    *ret_taken = true;
    if (spool->root < 0)
        return true;
    int fd;
    if (!spool_open_own(spool, "upload.lock", O_RDWR | O_CREAT, &fd, err))
        return false;
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        int reason = errno;
        close(fd);
        errno = reason;
        *ret_taken = false;
        return reason == EWOULDBLOCK || err_set_errno(err, "cannot lock %s/upload.lock", spool->path);
    }
    spool->lock = fd;
    // A root that was made by hand gets it too. What cannot be written now keeps nothing from being sent.
    struct err unwritten;
    (void)!write_gitignore(spool->root, &unwritten);
    for (size_t i = 0; i < SPOOL_FOLDERS; i++) {
        int folder;
        struct err ignored;
        if (spool_folder_fd(spool, (enum spool_folder)i, false, &folder, &ignored) && folder >= 0)
            remove_old_temps(folder);
    }
    return true;
}
