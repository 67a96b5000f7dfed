// SPDX-License-Identifier: Apache-2.0
// Adding an entry, deleting one.
#include "lib/base/file.h"
#include "lib/spool/internal.h"
#include "lib/spool/room.h"

#include <errno.h>
#include <fcntl.h>

static enum spool_put write_entry(struct spool *spool, int folder, struct str text, int64_t wall_us,
                                  struct uuid *ret_id, struct err *err)
{
    char name[UUID_TEXT_LEN + sizeof(".json")];
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

enum spool_put spool_enqueue(struct spool *spool, struct str text, int64_t wall_us, struct uuid *ret_id,
                             struct err *err)
{
    struct spool_reader reader;
    int folder;
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
    int turn;
    enum spool_room room = spool_room_take(spool, text.len, wall_us, &turn, err);
    enum spool_put put = room == SPOOL_ROOM      ? write_entry(spool, folder, text, wall_us, ret_id, err)
                         : room == SPOOL_NO_ROOM ? SPOOL_PUT_FULL
                                                 : SPOOL_PUT_FAILED;
    if (turn >= 0)
        close(turn);
    return put;
}

bool spool_same_file(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
           a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

enum spool_done spool_delete(struct spool *spool, const struct spool_entry *entry, struct err *err)
{
    struct stat now;
    int folder = spool->folder[SPOOL_PENDING];
    BUG_ON(folder < 0);
    // The folder is not synced: an entry that a crash brings back is sent again and is a duplicate there.
    if (fstatat(folder, entry->name, &now, AT_SYMLINK_NOFOLLOW) == 0) {
        if (!spool_same_file(&now, &entry->stamp))
            return SPOOL_DONE_CHANGED;
        if (unlinkat(folder, entry->name, 0) == 0)
            return SPOOL_DONE;
    }
    if (errno == ENOENT)
        return SPOOL_DONE;
    err_set_errno(err, "cannot delete an entry in %s/pending", spool->path);
    return SPOOL_DONE_FAILED;
}
