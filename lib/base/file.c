// SPDX-License-Identifier: Apache-2.0
// Whole files, by descriptors.
#include "lib/base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <sys/stat.h>

#define READ_STEP ((size_t)64 * 1024)

// read(2) that is not put off by signals.
static ssize_t read_some(int fd, void *ptr, size_t len)
{
    ssize_t n;
    do {
        n = read(fd, ptr, len);
    } while (n < 0 && errno == EINTR);
    return n;
}

static bool too_large(const char *path, const struct buf *buf, struct err *err)
{
    return err_set(err, "cannot read %s: it is larger than the %zu bytes allowed", path, buf->ceiling);
}

// Reads to the end. Room is made for what fstat(2) promised and one byte more, so that the usual file is read
// without growing and a secret leaves no copy behind in a moved block.
static bool append_fd(int fd, const char *path, size_t expected, struct buf *buf, struct err *err)
{
    if (expected > buf->ceiling - buf->len)
        return too_large(path, buf, err);
    for (size_t room = expected + 1;; room = READ_STEP) {
        if (buf->len == buf->cap || room == expected + 1)
            if (!buf_reserve(buf, MIN(room, buf->ceiling - buf->len)))
                return err_set(err, "cannot read %s: out of memory", path);
        char probe;
        bool full = buf->len == buf->cap; // at the ceiling: only the file's end may follow
        ssize_t n = read_some(fd, full ? &probe : buf->ptr + buf->len, full ? 1 : buf->cap - buf->len);
        if (n < 0)
            return err_set_errno(err, "cannot read %s", path);
        if (n == 0)
            return true;
        if (full)
            return too_large(path, buf, err);
        buf->len += (size_t)n;
    }
}

// Opens without waiting for a pipe's other end and refuses whatever is no regular file.
static int open_regular(int dirfd, const char *path, struct stat *ret_stat, struct err *err)
{
    int fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0) {
        err_set_errno(err, "cannot open %s", path);
        return -1;
    }
    bool ok = fstat(fd, ret_stat) == 0;
    if (!ok)
        err_set_errno(err, "cannot read %s", path);
    else if (!S_ISREG(ret_stat->st_mode))
        ok = err_set(err, "cannot read %s: it is not a regular file", path);
    if (!ok) {
        close(fd);
        return -1;
    }
    return fd;
}

bool file_read_at(int dirfd, const char *path, struct buf *buf, struct err *err)
{
    struct stat st;
    size_t before = buf->len;
    if (!buf_ok(buf))
        return err_set(err, "cannot read %s: out of memory", path);
    int fd = open_regular(dirfd, path, &st, err);
    if (fd < 0)
        return false;
    bool ok = append_fd(fd, path, (size_t)st.st_size, buf, err);
    close(fd);
    if (!ok) {
        buf->len = before;
        buf->failed = false;
    }
    return ok;
}

bool file_read_secret(const char *path, struct buf *buf, struct err *err)
{
    return file_read_secret_of(path, geteuid(), buf, err);
}

bool file_read_secret_of(const char *path, uid_t owner, struct buf *buf, struct err *err)
{
    struct stat st;
    size_t before = buf->len;
    int fd = open_regular(AT_FDCWD, path, &st, err);
    if (fd < 0)
        return false;
    bool ok = true;
    if (st.st_mode & (S_IRGRP | S_IWGRP | S_IROTH | S_IWOTH))
        ok = err_set(err, "cannot use %s: group or others can read or write it; chmod 600 it", path);
    else if (st.st_uid != 0 && st.st_uid != geteuid() && st.st_uid != owner)
        ok = err_set(err, "cannot use %s: it belongs to another user; chown it", path);
    else
        ok = append_fd(fd, path, (size_t)st.st_size, buf, err);
    close(fd);
    if (!ok) {
        if (buf->len > before)
            sodium_memzero(buf->ptr + before, buf->len - before);
        buf->len = before;
        return false;
    }
    if (buf->len > before && buf->ptr[buf->len - 1] == '\n')
        buf->len--;
    return true;
}

bool fd_write_all(int fd, const void *ptr, size_t len)
{
    const char *at = ptr;
    while (len) {
        ssize_t n = write(fd, at, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return false;
        if (n == 0) {
            errno = ENOSPC;
            return false;
        }
        at += n;
        len -= (size_t)n;
    }
    return true;
}

static bool sync_folder(int dirfd)
{
    if (dirfd != AT_FDCWD)
        return fsync(dirfd) == 0;
    int fd = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return false;
    bool ok = fsync(fd) == 0;
    int saved = errno;
    close(fd);
    errno = saved;
    return ok;
}

// Creates, fills and syncs the temp file; errno is set on failure and the file is there or not.
static bool write_temp(int dirfd, const char *temp, struct str bytes, unsigned mode)
{
    int fd = openat(dirfd, temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, (mode_t)mode);
    if (fd < 0)
        return false;
    bool ok = fd_write_all(fd, bytes.ptr, bytes.len) && fsync(fd) == 0;
    int saved = errno;
    // After a good fsync nothing of the bytes hangs on close.
    close(fd);
    errno = saved;
    return ok;
}

bool file_write_atomic_at(int dirfd, const char *name, struct str bytes, unsigned mode, struct err *err)
{
    BUG_ON(strchr(name, '/'));
    // The leading dot keeps a temp file that a crash left behind out of whatever lists the folder.
    char temp[32];
    snprintf(temp, sizeof(temp), ".%08x%08x.tmp", randombytes_random(), randombytes_random());
    if (!write_temp(dirfd, temp, bytes, mode) || renameat(dirfd, temp, dirfd, name) != 0) {
        err_set_errno(err, "cannot write %s", name);
        unlinkat(dirfd, temp, 0);
        return false;
    }
    if (!sync_folder(dirfd))
        return err_set_errno(err, "cannot sync the folder of %s", name);
    return true;
}
