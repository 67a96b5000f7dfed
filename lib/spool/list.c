// SPDX-License-Identifier: Apache-2.0
// Walking a folder of entries in order of name, in bounded memory.
#include "lib/base/clock.h"
#include "lib/spool/internal.h"

#include <errno.h>
#include <fcntl.h>

// Names held at once. The folder is read once for each so many: 25 times for 100,000 entries.
#define WINDOW 4096

// A writer of a minute's silence has finished, or died.
#define YOUNG_US (60 * USEC_PER_SEC)

struct spool_iter {
    struct spool *spool;
    enum spool_folder folder;
    char (*names)[SPOOL_NAME_MAX + 1];
    char *slot[WINDOW]; // while filling a max-heap of the smallest names so far, then sorted
    size_t count, next;
    bool more; // names beyond the window exist
    char last[SPOOL_NAME_MAX + 1];
};

static bool ends_nocase(struct str text, struct str suffix)
{
    return text.len >= suffix.len && str_eq_nocase(str_skip(text, text.len - suffix.len), suffix);
}

bool spool_name_is_entry(const char *name)
{
    static const char *const unfinished[] = {".tmp", ".part", ".partial",    "~",
                                             ".swp", ".swx",  ".crdownload", ".lock"};
    struct str text = str_from(name);
    for (size_t i = 0; i < ARRAY_LEN(unfinished); i++)
        if (ends_nocase(text, str_from(unfinished[i])))
            return false;
    if (text.len > 1 && name[0] == '#' && name[text.len - 1] == '#')
        return false;
    return text.len && text.len <= SPOOL_NAME_MAX && name[0] != '.' && !strchr(name, '/');
}

bool spool_name_is_entry_of(enum spool_folder folder, const char *name)
{
    return spool_name_is_entry(name) &&
           (folder == SPOOL_PENDING || (strlen(name) > 5 && str_ends(str_from(name), STR(".json"))));
}

bool spool_name_may_be_young(enum spool_folder folder, const char *name)
{
    return folder == SPOOL_PENDING && !ends_nocase(str_from(name), STR(".json"));
}

bool spool_is_young(const struct stat *st, int64_t wall_us)
{
    return spool_mtime_us(st) > wall_us - YOUNG_US;
}

// Looks at the file only where its name alone does not tell.
static bool is_due(struct spool *spool, enum spool_folder folder, const char *name, int64_t wall_us)
{
    struct stat st;
    return !spool_name_may_be_young(folder, name) ||
           (fstatat(spool->folder[folder], name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
            !spool_is_young(&st, wall_us));
}

struct spool_iter *spool_iter_new(struct spool *spool, enum spool_folder folder)
{
    struct spool_iter *iter = calloc(1, sizeof(*iter));
    if (!iter)
        return NULL;
    iter->names = malloc(WINDOW * sizeof(*iter->names));
    if (!iter->names) {
        free(iter);
        return NULL;
    }
    iter->spool = spool;
    iter->folder = folder;
    iter->more = true;
    return iter;
}

void spool_iter_free(struct spool_iter *iter)
{
    if (!iter)
        return;
    free(iter->names);
    free(iter);
}

static void swap(char **slot, size_t a, size_t b)
{
    char *kept = slot[a];
    slot[a] = slot[b];
    slot[b] = kept;
}

static void sift_up(char **slot, size_t i)
{
    for (; i && strcmp(slot[i], slot[(i - 1) / 2]) > 0; i = (i - 1) / 2)
        swap(slot, i, (i - 1) / 2);
}

static void sift_down(char **slot, size_t count)
{
    for (size_t i = 0, child; (child = 2 * i + 1) < count; i = child) {
        if (child + 1 < count && strcmp(slot[child + 1], slot[child]) > 0)
            child++;
        if (strcmp(slot[child], slot[i]) <= 0)
            return;
        swap(slot, i, child);
    }
}

static void set_name(char *slot, const char *name)
{
    memcpy(slot, name, strlen(name) + 1);
}

static void offer(struct spool_iter *iter, const char *name, int64_t wall_us)
{
    bool full = iter->count == WINDOW;
    if (strcmp(name, iter->last) <= 0 || (full && iter->more && strcmp(name, iter->slot[0]) >= 0) ||
        !is_due(iter->spool, iter->folder, name, wall_us))
        return;
    if (!full) {
        iter->slot[iter->count] = iter->names[iter->count];
        set_name(iter->slot[iter->count], name);
        sift_up(iter->slot, iter->count++);
        return;
    }
    iter->more = true;
    if (strcmp(name, iter->slot[0]) >= 0)
        return;
    set_name(iter->slot[0], name);
    sift_down(iter->slot, iter->count);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

bool spool_open_stream(struct spool *spool, enum spool_folder folder, DIR **ret_dir, struct err *err)
{
    int folder_fd;
    *ret_dir = NULL;
    if (!spool_folder_fd(spool, folder, false, &folder_fd, err))
        return false;
    if (folder_fd < 0)
        return true;
    int fd = openat(folder_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
    if (!dir) {
        err_set_errno(err, "cannot list %s/%s", spool->path, spool_folder_name(folder));
        if (fd >= 0)
            close(fd);
        return false;
    }
    *ret_dir = dir;
    return true;
}

struct dirent *spool_read_stream(DIR *dir)
{
    errno = 0;
    return readdir(dir);
}

// Right after a read that gave NULL. `dir` may be NULL.
static bool end_stream(const struct spool *spool, enum spool_folder folder, DIR *dir, struct err *err)
{
    bool ok =
        !dir || errno == 0 || err_set_errno(err, "cannot list %s/%s", spool->path, spool_folder_name(folder));
    if (dir)
        closedir(dir);
    return ok;
}

static bool fill(struct spool_iter *iter, struct err *err)
{
    int64_t wall_us = clock_wall_us(clock_system());
    DIR *dir;
    struct dirent *entry;
    if (!spool_open_stream(iter->spool, iter->folder, &dir, err))
        return false;
    iter->count = iter->next = 0;
    iter->more = false;
    if (!dir)
        return true;
    while ((entry = spool_read_stream(dir)))
        if (spool_name_is_entry_of(iter->folder, entry->d_name))
            offer(iter, entry->d_name, wall_us);
    bool ok = end_stream(iter->spool, iter->folder, dir, err);
    qsort(iter->slot, iter->count, sizeof(iter->slot[0]), by_name);
    return ok;
}

bool spool_iter_next(struct spool_iter *iter, const char **ret_name, struct err *err)
{
    if (iter->next == iter->count && iter->more && !fill(iter, err))
        return false;
    if (iter->next == iter->count) {
        *ret_name = NULL;
        return true;
    }
    *ret_name = iter->slot[iter->next++];
    set_name(iter->last, *ret_name);
    return true;
}

int64_t spool_mtime_us(const struct stat *st)
{
    // Some file systems keep any 64-bit number of seconds.
    const int64_t most = INT64_MAX / 2 / USEC_PER_SEC;
    return MIN(MAX((int64_t)st->st_mtim.tv_sec, -most), most) * USEC_PER_SEC + st->st_mtim.tv_nsec / 1000;
}

int64_t spool_name_time(const char *name, int64_t mtime_us)
{
    struct uuid uuid;
    int64_t time_us;
    struct str stem = {name, strlen(name) - MIN(strlen(name), strlen(".json"))};
    return uuid_parse(stem, &uuid) && uuid_v7_time(&uuid, &time_us) ? time_us : mtime_us;
}

bool spool_count(struct spool *spool, enum spool_folder folder, struct spool_count *ret_count,
                 struct err *err)
{
    struct spool_count count = {.oldest_us = INT64_MAX};
    int64_t wall_us = clock_wall_us(clock_system());
    DIR *dir;
    struct dirent *entry;
    if (!spool_open_stream(spool, folder, &dir, err))
        return false;
    while (dir && (entry = spool_read_stream(dir))) {
        struct stat st;
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        if (!spool_name_is_entry_of(folder, entry->d_name)) {
            count.ignored++;
            continue;
        }
        if (fstatat(spool->folder[folder], entry->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0)
            continue; // gone meanwhile
        if (spool_name_may_be_young(folder, entry->d_name) && spool_is_young(&st, wall_us)) {
            count.young++;
            continue;
        }
        count.entries++;
        count.bytes += (uint64_t)st.st_size;
        count.loose += (st.st_mode & (S_IRWXG | S_IRWXO)) != 0;
        count.oldest_us = MIN(count.oldest_us, spool_name_time(entry->d_name, spool_mtime_us(&st)));
    }
    if (!end_stream(spool, folder, dir, err))
        return false;
    *ret_count = count;
    return true;
}

bool spool_count_entries(struct spool *spool, enum spool_folder folder, uint64_t *ret_entries,
                         struct err *err)
{
    uint64_t entries = 0;
    int64_t wall_us = clock_wall_us(clock_system());
    DIR *dir;
    struct dirent *entry;
    if (!spool_open_stream(spool, folder, &dir, err))
        return false;
    while (dir && (entry = spool_read_stream(dir)))
        entries +=
            spool_name_is_entry_of(folder, entry->d_name) && is_due(spool, folder, entry->d_name, wall_us);
    if (!end_stream(spool, folder, dir, err))
        return false;
    *ret_entries = entries;
    return true;
}
