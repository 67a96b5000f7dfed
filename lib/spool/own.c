// SPDX-License-Identifier: Apache-2.0
// Lines of the spool's own logs.
#include "lib/spool/own.h"
#include "lib/base/file.h"
#include "lib/spool/internal.h"

#include <errno.h>
#include <fcntl.h>

bool own_open(struct spool *spool, const char *name, FILE **ret_file, struct err *err)
{
    int fd;
    if (!spool_open_own(spool, name, O_RDONLY, &fd, err))
        return false;
    FILE *file = fd >= 0 ? fdopen(fd, "r") : NULL;
    if (fd >= 0 && !file) {
        close(fd);
        return err_set(err, "out of memory");
    }
    *ret_file = file;
    return true;
}

bool own_close(struct spool *spool, const char *name, FILE *file, struct err *err)
{
    bool ok = !file || !ferror(file) || err_set_errno(err, "cannot read %s/%s", spool->path, name);
    if (file)
        fclose(file);
    return ok;
}

bool own_read(FILE *file, char *line, size_t size)
{
    size_t len = 0;
    int c;
    bool fits = true, any = false;
    while ((c = getc_unlocked(file)) != EOF) {
        any = true;
        if (c == '\n')
            break;
        fits = fits && len + 1 < size && c;
        if (fits)
            line[len++] = (char)c;
    }
    line[fits && c == '\n' ? len : 0] = '\0';
    return any;
}

// A last line without its end gets one.
static bool mend(int fd, off_t size)
{
    char last;
    return !size || (pread(fd, &last, 1, size - 1) == 1 && (last == '\n' || fd_write_all(fd, "\n", 1)));
}

bool own_append(struct spool *spool, const char *name, int *ret_fd, struct err *err)
{
    int fd;
    if (!spool_open_own(spool, name, O_RDWR | O_CREAT | O_APPEND, &fd, err))
        return false;
    if (fd < 0)
        return err_set(err, "%s does not exist", spool->path);
    off_t size = lseek(fd, 0, SEEK_END);
    if (size < 0 || !mend(fd, size) || (!size && fsync(spool->root) != 0)) {
        err_set_errno(err, "cannot write %s/%s", spool->path, name);
        close(fd);
        return false;
    }
    *ret_fd = fd;
    return true;
}

uint64_t own_hash(const struct own_key *key, const char *name)
{
    uint64_t hash;
    crypto_shorthash((unsigned char *)&hash, (const unsigned char *)name, strlen(name), key->bytes);
    return hash;
}

size_t own_lower_bound(const void *rows, size_t count, size_t row_size, uint64_t hash)
{
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        uint64_t there;
        memcpy(&there, (const char *)rows + middle * row_size, sizeof(there));
        if (there < hash)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}
