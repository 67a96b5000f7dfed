// SPDX-License-Identifier: Apache-2.0
// kept.log: "K <key>", then a line "<wall us> <code> <name>" for each entry.
#include "lib/spool/kept.h"
#include "lib/base/clock.h"
#include "lib/base/file.h"
#include "lib/spool/internal.h"
#include "lib/spool/own.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>

#define LINE_BYTES (KEPT_KEY_MAX + 16)
// Beyond it nothing more is remembered: such entries are offered again, as before.
#define KEPT_MAX ((size_t)4 * 1024 * 1024)

struct kept_row {
    uint64_t hash; // keyed: a collision would only hold an entry back
    int64_t at_us;
    enum problem problem;
};

struct spool_kept {
    struct own_key hash_key;
    struct kept_row *rows; // sorted by hash, then latest first
    size_t count, cap;
    bool fresh; // the log on disk belongs to another key
    char key[KEPT_KEY_MAX + 1];
};

bool spool_kept_is_for(enum problem problem)
{
    return problem == PROBLEM_unknown_contract || problem == PROBLEM_contract_not_allowed ||
           problem == PROBLEM_class_not_allowed;
}

static bool add_row(struct spool_kept *kept, const char *name, int64_t at_us, enum problem problem)
{
    if (kept->count == kept->cap) {
        size_t cap = MAX(kept->cap * 2, (size_t)64);
        struct kept_row *longer = cap <= KEPT_MAX ? realloc(kept->rows, cap * sizeof(*longer)) : NULL;
        if (!longer)
            return false;
        kept->rows = longer;
        kept->cap = cap;
    }
    kept->rows[kept->count++] = (struct kept_row){own_hash(&kept->hash_key, name), at_us, problem};
    return true;
}

static int by_hash(const void *a, const void *b)
{
    const struct kept_row *x = a, *y = b;
    if (x->hash != y->hash)
        return x->hash < y->hash ? -1 : 1;
    return (x->at_us < y->at_us) - (x->at_us > y->at_us);
}

// "<wall us> <code> <name>" in place; false for a line that a crash cut or nobody of ours wrote.
static bool split_line(char *line, int64_t *ret_at, enum problem *ret_problem, const char **ret_name)
{
    struct str rest = str_from(line), at = str_cut(&rest, ' '), code = str_cut(&rest, ' ');
    enum problem problem = problem_from_code(code);
    if (!str_to_i64(at, ret_at) || !spool_kept_is_for(problem) || !rest.len || !spool_name_is_entry(rest.ptr))
        return false;
    *ret_problem = problem;
    *ret_name = rest.ptr;
    return true;
}

bool spool_kept_load(struct spool *spool, const char *key, struct spool_kept **ret_kept, struct err *err)
{
    char line[LINE_BYTES];
    const char *name;
    FILE *file;
    BUG_ON(strlen(key) > KEPT_KEY_MAX || strchr(key, '\n'));
    if (!own_open(spool, KEPT_FILE, &file, err))
        return false;
    struct spool_kept *kept = calloc(1, sizeof(*kept));
    if (!kept) {
        if (file)
            fclose(file);
        return err_set(err, "out of memory");
    }
    crypto_shorthash_keygen(kept->hash_key.bytes);
    memcpy(kept->key, key, strlen(key) + 1);
    kept->fresh = !file || !own_read(file, line, sizeof(line)) || strncmp(line, "K ", 2) != 0 ||
                  strcmp(line + 2, key) != 0;
    while (!kept->fresh && own_read(file, line, sizeof(line))) {
        int64_t at_us;
        enum problem problem;
        if (split_line(line, &at_us, &problem, &name) && !add_row(kept, name, at_us, problem))
            break;
    }
    if (kept->count)
        qsort(kept->rows, kept->count, sizeof(*kept->rows), by_hash);
    bool ok = own_close(spool, KEPT_FILE, file, err);
    if (!ok)
        spool_kept_free(kept);
    else
        *ret_kept = kept;
    return ok;
}

void spool_kept_free(struct spool_kept *kept)
{
    if (kept)
        free(kept->rows);
    free(kept);
}

enum problem spool_kept_find(const struct spool_kept *kept, const char *name, int64_t wall_us)
{
    uint64_t hash = own_hash(&kept->hash_key, name);
    size_t low = own_lower_bound(kept->rows, kept->count, sizeof(*kept->rows), hash);
    if (low == kept->count || kept->rows[low].hash != hash)
        return PROBLEM_NONE;
    const struct kept_row *row = &kept->rows[low];
    bool leave = row->problem != PROBLEM_unknown_contract;
    // A clock that went backwards must not hold an entry for longer than a day either.
    if (leave && (wall_us - row->at_us > USEC_PER_DAY || wall_us < row->at_us))
        return PROBLEM_NONE;
    return row->problem;
}

bool spool_kept_add(struct spool *spool, struct spool_kept *kept, const char *name, enum problem problem,
                    int64_t wall_us, struct err *err)
{
    char line[LINE_BYTES + SPOOL_NAME_MAX + 64];
    int fd;
    BUG_ON(!spool_kept_is_for(problem) || !spool_name_is_entry(name));
    if (strchr(name, '\n'))
        return true; // a line cannot say it: such an entry is offered each time
    int len = snprintf(line, sizeof(line), "%s%s%s%" PRId64 " %s %s\n", kept->fresh ? "K " : "",
                       kept->fresh ? kept->key : "", kept->fresh ? "\n" : "", wall_us,
                       problem_info(problem)->code, name);
    if (kept->fresh) {
        if (!file_write_atomic_at(spool->root, KEPT_FILE, str_slice(line, (size_t)len), 0600, err))
            return err_prefix(err, "%s", spool->path);
        kept->fresh = false;
        return true;
    }
    if (!own_append(spool, KEPT_FILE, &fd, err))
        return false;
    bool ok =
        fd_write_all(fd, line, (size_t)len) || err_set_errno(err, "cannot write %s/" KEPT_FILE, spool->path);
    close(fd);
    return ok;
}

bool spool_kept_any(struct spool *spool, bool *ret_any, struct err *err)
{
    int fd;
    if (!spool_open_own(spool, KEPT_FILE, O_RDONLY, &fd, err))
        return false;
    *ret_any = fd >= 0;
    if (fd >= 0)
        close(fd);
    return true;
}

bool spool_kept_count(struct spool *spool, struct spool_kept_count *ret_count, struct err *err)
{
    struct spool_kept_count count = {0};
    char line[LINE_BYTES];
    FILE *file;
    if (!own_open(spool, KEPT_FILE, &file, err))
        return false;
    while (file && own_read(file, line, sizeof(line))) {
        int64_t at_us;
        enum problem problem;
        const char *name;
        struct stat st;
        if (!split_line(line, &at_us, &problem, &name) ||
            fstatat(spool->folder[SPOOL_PENDING], name, &st, AT_SYMLINK_NOFOLLOW) != 0)
            continue;
        count.unknown_contract += problem == PROBLEM_unknown_contract;
        count.contract_not_allowed += problem == PROBLEM_contract_not_allowed;
        count.class_not_allowed += problem == PROBLEM_class_not_allowed;
    }
    bool ok = own_close(spool, KEPT_FILE, file, err);
    if (ok)
        *ret_count = count;
    return ok;
}

bool spool_kept_forget(struct spool *spool, struct err *err)
{
    if (spool->root < 0 || unlinkat(spool->root, KEPT_FILE, 0) == 0 || errno == ENOENT)
        return true;
    return err_set_errno(err, "cannot remove %s/" KEPT_FILE, spool->path);
}
