// SPDX-License-Identifier: Apache-2.0
// Reading, adding to and shortening attempts.log.
#include "lib/spool/attempts.h"
#include "lib/base/file.h"
#include "lib/spool/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sodium.h>

#define LINE_BYTES (ATTEMPTS_URL_MAX + 64)
// Beyond it nothing more is remembered of the past, and the log is not shortened.
#define ROWS_MAX      ((size_t)4 * 1024 * 1024)
#define PENDING_BYTES ((size_t)8 * 1024 * 1024) // between two syncs
#define LOG_BYTES     ((size_t)256 * 1024 * 1024)

struct row {
    uint64_t hash; // keyed: a collision costs one question for a receipt
    int64_t first_us;
    bool refused;
};

struct spool_attempts {
    struct spool *spool;
    unsigned char hash_key[crypto_shorthash_KEYBYTES];
    struct row *rows; // sorted by hash
    size_t count, cap;
    struct buf fresh; // not written yet
    int fd;           // -1 before the first sync
    bool any_refused;
    int64_t oldest_us;
    char url[ATTEMPTS_URL_MAX + 1];
};

static uint64_t hash_name(const struct spool_attempts *attempts, const char *name)
{
    uint64_t hash;
    crypto_shorthash((unsigned char *)&hash, (const unsigned char *)name, strlen(name), attempts->hash_key);
    return hash;
}

static void add_row(struct spool_attempts *attempts, const char *name, int64_t at_us, bool refused)
{
    if (attempts->count == attempts->cap) {
        size_t cap = MAX(attempts->cap * 2, (size_t)256);
        struct row *longer = cap <= ROWS_MAX ? realloc(attempts->rows, cap * sizeof(*longer)) : NULL;
        if (!longer)
            return; // as if it had never been offered
        attempts->rows = longer;
        attempts->cap = cap;
    }
    attempts->rows[attempts->count++] = (struct row){hash_name(attempts, name), at_us, refused};
    attempts->any_refused = attempts->any_refused || refused;
    attempts->oldest_us = MIN(attempts->oldest_us, at_us);
}

static int by_hash(const void *a, const void *b)
{
    const struct row *x = a, *y = b;
    return (x->hash > y->hash) - (x->hash < y->hash);
}

// Without its newline; false at the end. A line too long for us comes back empty.
static bool read_line(FILE *file, char line[static LINE_BYTES])
{
    if (!fgets(line, LINE_BYTES, file))
        return false;
    size_t len = strcspn(line, "\n");
    if (line[len] == '\n') {
        line[len] = '\0';
        return true;
    }
    // Cut by a crash, or none of ours.
    int c;
    while ((c = getc(file)) != EOF && c != '\n')
        continue;
    line[0] = '\0';
    return true;
}

// "@ <wall us> <url>"
static bool read_head(const char *line, int64_t *ret_at, const char **ret_url)
{
    struct str rest = str_from(line + 2), at = str_cut(&rest, ' ');
    *ret_url = rest.ptr;
    return rest.len && str_to_i64(at, ret_at);
}

static bool open_stream(struct spool *spool, FILE **ret_file, struct err *err)
{
    int fd;
    *ret_file = NULL;
    if (!spool_open_own(spool, ATTEMPTS_FILE, O_RDONLY, &fd, err))
        return false;
    if (fd < 0)
        return true;
    *ret_file = fdopen(fd, "r");
    if (*ret_file)
        return true;
    close(fd);
    return err_set(err, "out of memory");
}

static bool read_rows(struct spool_attempts *attempts, struct err *err)
{
    char line[LINE_BYTES];
    FILE *file;
    bool here = false;
    int64_t at_us = 0;
    if (!open_stream(attempts->spool, &file, err))
        return false;
    while (file && read_line(file, line)) {
        const char *url;
        if (str_starts(str_from(line), STR("@ ")))
            here = read_head(line, &at_us, &url) && strcmp(url, attempts->url) == 0;
        else if (here && (line[0] == '+' || line[0] == '!') && line[1] == ' ' &&
                 spool_name_is_entry(line + 2))
            add_row(attempts, line + 2, at_us, line[0] == '!');
    }
    bool ok =
        !file || !ferror(file) || err_set_errno(err, "cannot read %s/" ATTEMPTS_FILE, attempts->spool->path);
    if (file)
        fclose(file);
    if (attempts->count)
        qsort(attempts->rows, attempts->count, sizeof(*attempts->rows), by_hash);
    return ok;
}

static void release(struct spool_attempts *attempts)
{
    if (attempts->fd >= 0)
        close(attempts->fd);
    buf_release(&attempts->fresh);
    free(attempts->rows);
    free(attempts);
}

bool spool_attempts_load(struct spool *spool, const char *url, struct spool_attempts **ret_attempts,
                         struct err *err)
{
    BUG_ON(strlen(url) > ATTEMPTS_URL_MAX || strchr(url, '\n'));
    struct spool_attempts *attempts = calloc(1, sizeof(*attempts));
    if (!attempts)
        return err_set(err, "out of memory");
    attempts->spool = spool;
    attempts->fd = -1;
    attempts->oldest_us = INT64_MAX;
    snprintf(attempts->url, sizeof(attempts->url), "%s", url);
    buf_init(&attempts->fresh, PENDING_BYTES);
    crypto_shorthash_keygen(attempts->hash_key);
    if (!read_rows(attempts, err)) {
        release(attempts);
        return false;
    }
    *ret_attempts = attempts;
    return true;
}

bool spool_attempts_any(const struct spool_attempts *attempts, int64_t *ret_oldest_us, bool *ret_refused)
{
    *ret_oldest_us = attempts->oldest_us;
    *ret_refused = attempts->any_refused;
    return attempts->count > 0;
}

bool spool_attempts_find(const struct spool_attempts *attempts, const char *name,
                         struct spool_attempt *ret_attempt)
{
    uint64_t hash = hash_name(attempts, name);
    struct spool_attempt found = {.first_us = INT64_MAX};
    size_t low = 0, high = attempts->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (attempts->rows[middle].hash < hash)
            low = middle + 1;
        else
            high = middle;
    }
    for (; low < attempts->count && attempts->rows[low].hash == hash; low++) {
        found.first_us = MIN(found.first_us, attempts->rows[low].first_us);
        found.refused = found.refused || attempts->rows[low].refused;
    }
    if (found.first_us == INT64_MAX)
        return false;
    *ret_attempt = found;
    return true;
}

static bool add_line(struct spool_attempts *attempts, char kind, const char *name, int64_t wall_us)
{
    if (strchr(name, '\n'))
        return true;
    if (!attempts->fresh.len)
        buf_putf(&attempts->fresh, "@ %" PRId64 " %s\n", wall_us, attempts->url);
    buf_put_char(&attempts->fresh, kind);
    buf_put_char(&attempts->fresh, ' ');
    buf_put_cstr(&attempts->fresh, name);
    buf_put_char(&attempts->fresh, '\n');
    return buf_ok(&attempts->fresh);
}

bool spool_attempts_add(struct spool_attempts *attempts, const char *name, int64_t wall_us)
{
    return add_line(attempts, '+', name, wall_us);
}

bool spool_attempts_mark(struct spool_attempts *attempts, const char *name, int64_t wall_us)
{
    return add_line(attempts, '!', name, wall_us);
}

// A last line that a crash cut must not swallow the next.
static bool open_log(struct spool_attempts *attempts, struct err *err)
{
    char last = '\n';
    if (!spool_open_own(attempts->spool, ATTEMPTS_FILE, O_RDWR | O_CREAT | O_APPEND, &attempts->fd, err))
        return false;
    if (attempts->fd < 0)
        return err_set(err, "%s does not exist", attempts->spool->path);
    off_t size = lseek(attempts->fd, 0, SEEK_END);
    bool ok = size >= 0 && (!size || pread(attempts->fd, &last, 1, size - 1) == 1) &&
              (last == '\n' || fd_write_all(attempts->fd, "\n", 1)) &&
              (size || fsync(attempts->spool->root) == 0);
    return ok || err_set_errno(err, "cannot write %s/" ATTEMPTS_FILE, attempts->spool->path);
}

bool spool_attempts_sync(struct spool_attempts *attempts, struct err *err)
{
    struct buf *fresh = &attempts->fresh;
    if (!buf_ok(fresh))
        return err_set(err, "out of memory");
    if (!fresh->len)
        return true;
    if (attempts->fd < 0 && !open_log(attempts, err))
        return false;
    bool ok = fd_write_all(attempts->fd, fresh->ptr, fresh->len) && fdatasync(attempts->fd) == 0;
    buf_clear(fresh);
    return ok || err_set_errno(err, "cannot write %s/" ATTEMPTS_FILE, attempts->spool->path);
}

// The lines whose entry is still there, each under its head.
static bool collect_rest(struct spool_attempts *attempts, struct buf *rest, struct err *err)
{
    char line[LINE_BYTES], head[LINE_BYTES] = "";
    struct stat st;
    FILE *file;
    int pending;
    if (!spool_folder_fd(attempts->spool, SPOOL_PENDING, false, &pending, err) ||
        !open_stream(attempts->spool, &file, err))
        return false;
    while (file && read_line(file, line)) {
        if (line[0] == '@') {
            snprintf(head, sizeof(head), "%s", line);
            continue;
        }
        if (strlen(line) < 3 || !spool_name_is_entry(line + 2) || pending < 0 ||
            fstatat(pending, line + 2, &st, AT_SYMLINK_NOFOLLOW) != 0)
            continue;
        if (head[0])
            buf_putf(rest, "%s\n", head);
        head[0] = '\0';
        buf_putf(rest, "%s\n", line);
    }
    bool ok = !file || !ferror(file);
    if (file)
        fclose(file);
    return ok && buf_ok(rest);
}

// What cannot be shortened stays as it is: longer than it need be, and true.
static bool shorten(struct spool_attempts *attempts, struct err *err)
{
    struct buf rest;
    struct spool *spool = attempts->spool;
    bool ok = true;
    buf_init(&rest, LOG_BYTES);
    if (collect_rest(attempts, &rest, err)) {
        if (rest.len)
            ok = file_write_atomic_at(spool->root, ATTEMPTS_FILE, buf_str(&rest), 0600, err) ||
                 err_prefix(err, "%s", spool->path);
        else if (unlinkat(spool->root, ATTEMPTS_FILE, 0) != 0 && errno != ENOENT)
            ok = err_set_errno(err, "cannot remove %s/" ATTEMPTS_FILE, spool->path);
    }
    buf_release(&rest);
    return ok;
}

bool spool_attempts_close(struct spool_attempts *attempts, struct err *err)
{
    if (!attempts)
        return true;
    bool ok = spool_attempts_sync(attempts, err);
    if (ok && (attempts->count || attempts->fd >= 0))
        ok = shorten(attempts, err);
    release(attempts);
    return ok;
}
