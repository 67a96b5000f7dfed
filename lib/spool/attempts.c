// SPDX-License-Identifier: Apache-2.0
// Reading, adding to and shortening attempts.log.
#include "lib/spool/attempts.h"
#include "lib/base/file.h"
#include "lib/spool/internal.h"
#include "lib/spool/own.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>

#define LINE_BYTES (URL_KEY_BYTES + 64)
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
    struct own_key hash_key;
    struct row *rows; // sorted by hash
    size_t count, cap;
    struct buf fresh; // not written yet
    int fd;           // -1 before the first sync
    bool any_refused;
    int64_t oldest_us;
    char url[URL_KEY_BYTES];
};

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
    attempts->rows[attempts->count++] = (struct row){own_hash(&attempts->hash_key, name), at_us, refused};
    attempts->any_refused = attempts->any_refused || refused;
    attempts->oldest_us = MIN(attempts->oldest_us, at_us);
}

static int by_hash(const void *a, const void *b)
{
    const struct row *x = a, *y = b;
    return (x->hash > y->hash) - (x->hash < y->hash);
}

// "@ <wall us> <url>"; older ones have the whole query.
static bool read_head(const char *line, int64_t *ret_at, char ret_url[static URL_KEY_BYTES])
{
    struct str rest = str_from(line + 2), at = str_cut(&rest, ' ');
    return rest.len && rest.len < URL_KEY_BYTES && str_to_i64(at, ret_at) && url_key(rest.ptr, ret_url);
}

static bool read_rows(struct spool_attempts *attempts, struct err *err)
{
    char line[LINE_BYTES], url[URL_KEY_BYTES];
    FILE *file;
    bool here = false;
    int64_t at_us = 0;
    if (!own_open(attempts->spool, ATTEMPTS_FILE, &file, err))
        return false;
    while (file && own_read(file, line, sizeof(line))) {
        if (str_starts(str_from(line), STR("@ ")))
            here = read_head(line, &at_us, url) && strcmp(url, attempts->url) == 0;
        else if (here && (line[0] == '+' || line[0] == '!') && line[1] == ' ' &&
                 spool_name_is_entry(line + 2))
            add_row(attempts, line + 2, at_us, line[0] == '!');
    }
    bool ok = own_close(attempts->spool, ATTEMPTS_FILE, file, err);
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
    BUG_ON(strlen(url) >= URL_KEY_BYTES || strchr(url, '\n'));
    struct spool_attempts *attempts = calloc(1, sizeof(*attempts));
    if (!attempts)
        return err_set(err, "out of memory");
    attempts->spool = spool;
    attempts->fd = -1;
    attempts->oldest_us = INT64_MAX;
    url_key(url, attempts->url);
    buf_init(&attempts->fresh, PENDING_BYTES);
    crypto_shorthash_keygen(attempts->hash_key.bytes);
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
    uint64_t hash = own_hash(&attempts->hash_key, name);
    struct spool_attempt found = {.first_us = INT64_MAX};
    size_t low = own_lower_bound(attempts->rows, attempts->count, sizeof(*attempts->rows), hash);
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

bool spool_attempts_sync(struct spool_attempts *attempts, struct err *err)
{
    struct buf *fresh = &attempts->fresh;
    if (!buf_ok(fresh))
        return err_set(err, "out of memory");
    if (!fresh->len)
        return true;
    if (attempts->fd < 0 && !own_append(attempts->spool, ATTEMPTS_FILE, &attempts->fd, err))
        return false;
    bool ok = fd_write_all(attempts->fd, fresh->ptr, fresh->len) && fdatasync(attempts->fd) == 0;
    buf_clear(fresh);
    return ok || err_set_errno(err, "cannot write %s/" ATTEMPTS_FILE, attempts->spool->path);
}

// The lines whose entry is still there, each under its head.
static bool collect_rest(struct spool_attempts *attempts, struct buf *rest, struct err *err)
{
    char line[LINE_BYTES], head[LINE_BYTES] = "", url[URL_KEY_BYTES];
    int64_t at_us;
    struct stat st;
    FILE *file;
    int pending;
    uint64_t waiting;
    if (!spool_folder_fd(attempts->spool, SPOOL_PENDING, false, &pending, err) ||
        !spool_count_entries(attempts->spool, SPOOL_PENDING, &waiting, err))
        return false;
    if (!waiting)
        return true; // the usual end: no line needs a look
    if (!own_open(attempts->spool, ATTEMPTS_FILE, &file, err))
        return false;
    while (file && own_read(file, line, sizeof(line))) {
        if (line[0] == '@') {
            snprintf(head, sizeof(head), "@ "); // of no sink, if it is not understood
            if (str_starts(str_from(line), STR("@ ")) && read_head(line, &at_us, url))
                snprintf(head, sizeof(head), "@ %" PRId64 " %s", at_us, url);
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
    return own_close(attempts->spool, ATTEMPTS_FILE, file, err) && buf_ok(rest);
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
