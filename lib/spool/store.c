// SPDX-License-Identifier: Apache-2.0
// Changing the spool: adding an entry, ending one.
#include "lib/base/file.h"
#include "lib/spool/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>

enum spool_put spool_enqueue(struct spool *spool, struct str text, int64_t wall_us, struct uuid *ret_id,
                             struct err *err)
{
    struct spool_reader reader;
    int folder;
    char name[UUID_TEXT_LEN + sizeof(".json")];
    if (text.len > SPOOL_FILE_BYTES) {
        err_set(err, "the event is larger than %d MiB", SPOOL_FILE_BYTES >> 20);
        return SPOOL_PUT_REFUSED;
    }
    spool_reader_init(&reader);
    enum problem problem = spool_check_text(text, &reader);
    spool_reader_release(&reader);
    if (problem) {
        const struct problem_info *info = problem_info(problem);
        err_set(err, "%s (%s): %s", info->title, info->code, info->detail);
        return info->status >= 500 ? SPOOL_PUT_FAILED : SPOOL_PUT_REFUSED;
    }
    if (!spool_folder_fd(spool, SPOOL_PENDING, true, &folder, err))
        return SPOOL_PUT_FAILED;
    if (folder < 0) {
        err_set(err, "%s does not exist", spool->path);
        return SPOOL_PUT_FAILED;
    }
    struct uuid id = uuid_v7(wall_us);
    uuid_format(&id, name);
    memcpy(name + UUID_TEXT_LEN, ".json", sizeof(".json"));
    if (!file_write_atomic_at(folder, name, text, 0600, err)) {
        // It may stand there, its folder not synced: told to try again, the caller would store it twice.
        unlinkat(folder, name, 0);
        err_prefix(err, "%s/pending", spool->path);
        return SPOOL_PUT_FAILED;
    }
    *ret_id = id;
    return SPOOL_PUT_STORED;
}

static bool same_file(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
           a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

enum spool_delete spool_delete(struct spool *spool, const struct spool_entry *entry, struct err *err)
{
    struct stat now;
    int folder = spool->folder[SPOOL_PENDING];
    BUG_ON(folder < 0);
    // The folder is not synced: an entry that a crash brings back is sent again and is a duplicate there.
    if (fstatat(folder, entry->name, &now, AT_SYMLINK_NOFOLLOW) == 0) {
        if (!same_file(&now, &entry->stamp))
            return SPOOL_DELETE_CHANGED;
        if (unlinkat(folder, entry->name, 0) == 0)
            return SPOOL_DELETED;
    }
    if (errno == ENOENT)
        return SPOOL_DELETED;
    err_set_errno(err, "cannot delete an entry in %s/pending", spool->path);
    return SPOOL_DELETE_FAILED;
}

// A name that is free in `folder`: the entry's own, else with a random part before ".json".
static bool choose_name(int folder, const char *name, char ret_name[static NAME_MAX + 1])
{
    size_t len = strlen(name);
    struct stat st;
    memcpy(ret_name, name, len + 1);
    for (int tries = 0; tries < 8; tries++) {
        if (fstatat(folder, ret_name, &st, AT_SYMLINK_NOFOLLOW) != 0)
            return errno == ENOENT;
        snprintf(ret_name, NAME_MAX + 1, "%.*s~%08x.json", (int)(len - strlen(".json")), name,
                 randombytes_random());
    }
    errno = EEXIST;
    return false;
}

// The note goes first, so that no crash leaves a moved file that nobody can explain.
static bool move_entry(struct spool *spool, const char *name, enum spool_folder to, const char *suffix,
                       struct str note, struct err *err)
{
    char target[NAME_MAX + 1], beside[NAME_MAX + 32];
    int from_fd = spool->folder[SPOOL_PENDING], to_fd;
    BUG_ON(from_fd < 0);
    if (!spool_folder_fd(spool, to, true, &to_fd, err))
        return false;
    if (!choose_name(to_fd, name, target))
        return err_set_errno(err, "cannot choose a name in %s/%s", spool->path, spool_folder_name(to));
    snprintf(beside, sizeof(beside), "%s%s", target, suffix);
    if (!file_write_atomic_at(to_fd, beside, note, 0600, err))
        return err_prefix(err, "%s/%s", spool->path, spool_folder_name(to));
    int done = renameat2(from_fd, name, to_fd, target, RENAME_NOREPLACE);
    // Not every file system knows the flag; the name was free a moment ago and this is the only uploader.
    if (done != 0 && (errno == EINVAL || errno == ENOSYS))
        done = renameat(from_fd, name, to_fd, target);
    if (done != 0 && errno == ENOENT) {
        unlinkat(to_fd, beside, 0);
        return true;
    }
    if (done != 0 || fsync(to_fd) != 0 || fsync(from_fd) != 0)
        return err_set_errno(err, "cannot move an entry to %s/%s", spool->path, spool_folder_name(to));
    return true;
}

bool spool_set_bad(struct spool *spool, const char *name, struct str reason, struct err *err)
{
    return move_entry(spool, name, SPOOL_BAD, ".reason", reason, err);
}

bool spool_set_rejected(struct spool *spool, const char *name, struct str answer, struct err *err)
{
    return move_entry(spool, name, SPOOL_REJECTED, ".answer", answer, err);
}
