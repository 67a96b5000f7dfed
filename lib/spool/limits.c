// SPDX-License-Identifier: Apache-2.0
// Does one more event fit, and if not, what goes.
#include "lib/spool/limits.h"
#include "lib/base/clock.h"
#include "lib/base/file.h"
#include "lib/spool/internal.h"
#include "lib/spool/room.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/file.h>

#define DROPPED_FILE  "dropped"
#define DROPPED_BYTES 256

// The oldest entries of a pass, a max-heap by time and name.
#define VICTIMS 256
struct victim {
    int64_t time_us;
    uint64_t bytes;
    char name[SPOOL_NAME_MAX + 1];
};
struct victims {
    size_t count;
    struct victim rows[VICTIMS];
};

void spool_set_limits(struct spool *spool, const struct spool_limits *limits)
{
    spool->limits = *limits;
}

static int compare(const void *a, const void *b)
{
    const struct victim *x = a, *y = b;
    if (x->time_us != y->time_us)
        return x->time_us < y->time_us ? -1 : 1;
    return strcmp(x->name, y->name);
}

static void swap(struct victim *a, struct victim *b)
{
    struct victim kept = *a;
    *a = *b;
    *b = kept;
}

static void sift_down(struct victims *v)
{
    for (size_t i = 0, child; (child = 2 * i + 1) < v->count; i = child) {
        if (child + 1 < v->count && compare(&v->rows[child + 1], &v->rows[child]) > 0)
            child++;
        if (compare(&v->rows[child], &v->rows[i]) <= 0)
            return;
        swap(&v->rows[i], &v->rows[child]);
    }
}

static void offer(struct victims *v, const char *name, int64_t time_us, uint64_t bytes)
{
    struct victim row = {.time_us = time_us, .bytes = bytes};
    memcpy(row.name, name, strlen(name) + 1);
    if (v->count < VICTIMS) {
        size_t i = v->count++;
        v->rows[i] = row;
        for (; i && compare(&v->rows[i], &v->rows[(i - 1) / 2]) > 0; i = (i - 1) / 2)
            swap(&v->rows[i], &v->rows[(i - 1) / 2]);
    } else if (compare(&row, &v->rows[0]) < 0) {
        v->rows[0] = row;
        sift_down(v);
    }
}

// What pending/ holds, and which of it may go first.
static bool look(struct spool *spool, int64_t wall_us, struct spool_count *count, struct victims *victims,
                 struct err *err)
{
    DIR *dir;
    struct dirent *entry;
    struct err why;
    *count = (struct spool_count){.oldest_us = INT64_MAX};
    victims->count = 0;
    if (!spool_open_stream(spool, SPOOL_PENDING, &dir, err))
        return false;
    while (dir && (entry = spool_read_stream(dir))) {
        struct stat st;
        if (!spool_name_is_entry(entry->d_name) ||
            fstatat(spool->folder[SPOOL_PENDING], entry->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0 ||
            (spool_name_may_be_young(SPOOL_PENDING, entry->d_name) && spool_is_young(&st, wall_us)))
            continue;
        int64_t time_us = spool_name_time(entry->d_name, spool_mtime_us(&st));
        count->entries++;
        count->bytes += (uint64_t)st.st_size;
        count->oldest_us = MIN(count->oldest_us, time_us);
        if (spool_check_stat(&st, &why) == SPOOL_READ_OK &&
            !spool_tracked_has(spool, SPOOL_PENDING, entry->d_name))
            offer(victims, entry->d_name, time_us, (uint64_t)st.st_size);
    }
    bool ok = !dir || errno == 0 || err_set_errno(err, "cannot list %s/pending", spool->path);
    if (dir)
        closedir(dir);
    return ok;
}

static const char *what_is_full(const struct spool_limits *limits, const struct spool_count *count,
                                uint64_t bytes, int64_t wall_us)
{
    if (limits->entries && count->entries >= limits->entries)
        return "entries";
    if (limits->bytes && (bytes > limits->bytes || count->bytes > limits->bytes - bytes))
        return "bytes";
    if (limits->age_us && count->entries && wall_us - count->oldest_us > limits->age_us)
        return "age";
    return NULL;
}

bool spool_dropped(struct spool *spool, struct spool_dropped *ret_dropped, struct err *err)
{
    struct spool_dropped dropped = {0};
    char text[DROPPED_BYTES];
    int fd;
    if (!spool_open_own(spool, DROPPED_FILE, O_RDONLY, &fd, err))
        return false;
    ssize_t n = fd >= 0 ? read(fd, text, sizeof(text) - 1) : 0;
    if (fd >= 0)
        close(fd);
    if (n < 0)
        return err_set_errno(err, "cannot read %s/" DROPPED_FILE, spool->path);
    if (n > 0) {
        struct str rest = str_slice(text, (size_t)n), entries = str_cut(&rest, ' ');
        if (!str_to_u64(entries, &dropped.entries) || !str_to_u64(str_trim(rest), &dropped.bytes))
            return err_set(err, "%s/" DROPPED_FILE " is not understood: remove it to count anew",
                           spool->path);
    }
    *ret_dropped = dropped;
    return true;
}

// Counted first: a crash in between counts some that stayed, and never lets one go uncounted.
static bool drop(struct spool *spool, const struct victim *victims, size_t count, struct err *err)
{
    struct spool_dropped dropped;
    char text[DROPPED_BYTES];
    if (!spool_dropped(spool, &dropped, err))
        return false;
    for (size_t i = 0; i < count; i++)
        dropped.bytes += victims[i].bytes;
    snprintf(text, sizeof(text), "%" PRIu64 " %" PRIu64 "\n", dropped.entries + count, dropped.bytes);
    if (!file_write_atomic_at(spool->root, DROPPED_FILE, str_from(text), 0600, err))
        return err_prefix(err, "%s", spool->path);
    for (size_t i = 0; i < count; i++)
        if (unlinkat(spool->folder[SPOOL_PENDING], victims[i].name, 0) != 0 && errno != ENOENT)
            return err_set_errno(err, "cannot delete an entry in %s/pending", spool->path);
    return true;
}

// The limit that is in the way when as many of the pass's victims have gone as are needed, or all of them.
static const char *choose_victims(const struct spool_limits *limits, struct spool_count count,
                                  const struct victims *victims, uint64_t bytes, int64_t wall_us,
                                  size_t *ret_chosen)
{
    size_t next = 0;
    const char *full;
    bool helps = limits->drop_oldest && (!limits->bytes || bytes <= limits->bytes);
    while ((full = what_is_full(limits, &count, bytes, wall_us)) && helps && next < victims->count) {
        count.entries--;
        count.bytes -= victims->rows[next++].bytes;
        // Behind the last of this pass others may follow: as old as it until the next pass has looked.
        if (next < victims->count)
            count.oldest_us = victims->rows[next].time_us;
    }
    *ret_chosen = next;
    return full;
}

static bool make_room(struct spool *spool, uint64_t bytes, int64_t wall_us, struct victims *victims,
                      bool *ret_fits, struct err *err)
{
    const char *full;
    size_t chosen;
    do {
        struct spool_count count;
        if (!look(spool, wall_us, &count, victims, err))
            return false;
        qsort(victims->rows, victims->count, sizeof(victims->rows[0]), compare);
        full = choose_victims(&spool->limits, count, victims, bytes, wall_us, &chosen);
        if (chosen && !drop(spool, victims->rows, chosen, err))
            return false;
    } while (full && chosen);
    *ret_fits = !full;
    if (full)
        err_set(err, "the spool %s is full: its limit on %s is reached; upload, or raise the limit",
                spool->path, full);
    return true;
}

static bool take_turn(struct spool *spool, int *ret_fd, struct err *err)
{
    int fd;
    if (!spool_open_own(spool, "enqueue.lock", O_RDWR | O_CREAT, &fd, err))
        return false;
    while (flock(fd, LOCK_EX) != 0) {
        if (errno == EINTR)
            continue;
        err_set_errno(err, "cannot lock %s/enqueue.lock", spool->path);
        close(fd);
        return false;
    }
    *ret_fd = fd;
    return true;
}

enum spool_room spool_room_take(struct spool *spool, uint64_t bytes, int64_t wall_us, int *ret_turn,
                                struct err *err)
{
    const struct spool_limits *limits = &spool->limits;
    struct err why;
    int turn;
    bool fits = true;
    *ret_turn = -1;
    if (!limits->bytes && !limits->entries && !limits->age_us)
        return SPOOL_ROOM;
    if (!spool_tracked_load(spool, SPOOL_PENDING, &why)) {
        err_set(err, "entries of %s %s", spool->path, why.text);
        return SPOOL_ROOM_FAILED;
    }
    struct victims *victims = malloc(sizeof(*victims));
    if (!victims) {
        err_set(err, "out of memory");
        return SPOOL_ROOM_FAILED;
    }
    bool ok = take_turn(spool, &turn, err);
    if (ok && !make_room(spool, bytes, wall_us, victims, &fits, err)) {
        close(turn);
        ok = false;
    }
    free(victims);
    if (!ok)
        return SPOOL_ROOM_FAILED;
    *ret_turn = turn;
    return fits ? SPOOL_ROOM : SPOOL_NO_ROOM;
}
