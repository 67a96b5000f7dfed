// SPDX-License-Identifier: Apache-2.0
// Moving entries between the folders, each with the note that explains it.
#include "lib/base/file.h"
#include "lib/spool/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>

#define RANDOM_PART 9 // "~" and 8 hex digits
#define ENDING      ".json"
#define MARKED      "~.json" // of a name that did not end so
// In a note about an entry that was renamed: the rest of the note but for its last LF is the name it had. No
// reason and no sink's JSON holds a line that begins so.
#define FIRST_NAME "\nFirst name: "
// Of a note; the answer of a sink that is kept has a smaller limit of its own.
#define NOTE_BYTES ((size_t)1024 * 1024)
// Of an entry beside which a note must fit.
#define MOVED_MAX (NAME_MAX - strlen(".reason"))

static const char *const suffixes[SPOOL_FOLDERS] = {[SPOOL_BAD] = ".reason", [SPOOL_REJECTED] = ".answer"};

// A name that is free in `folder`: the entry's own, with MARKED behind it if it has another ending; else, and
// if it is too long, with a random part before ".json".
static bool choose_name(int folder, const char *name, char ret_name[static NAME_MAX + 1])
{
    struct stat st;
    bool ends = str_ends(str_from(name), STR(ENDING));
    size_t stem = strlen(name) - (ends ? strlen(ENDING) : 0);
    const char *ending = ends ? ENDING : MARKED;
    bool fits = stem + strlen(ending) <= MOVED_MAX;
    for (int tries = fits ? 0 : 1; tries < 8; tries++) {
        if (!tries)
            snprintf(ret_name, NAME_MAX + 1, "%.*s%s", (int)stem, name, ending);
        else
            snprintf(ret_name, NAME_MAX + 1, "%.*s~%08x%s",
                     (int)MIN(stem, MOVED_MAX - RANDOM_PART - strlen(ending)), name, randombytes_random(),
                     ending);
        if (fstatat(folder, ret_name, &st, AT_SYMLINK_NOFOLLOW) != 0)
            return errno == ENOENT;
    }
    errno = EEXIST;
    return false;
}

// 0, or -1 with errno; never over another file.
static int rename_free(int from, const char *name, int to, const char *target)
{
    int done = renameat2(from, name, to, target, RENAME_NOREPLACE);
    struct stat st;
    // Not every file system knows the flag.
    if (done != 0 && (errno == EINVAL || errno == ENOSYS)) {
        if (fstatat(to, target, &st, AT_SYMLINK_NOFOLLOW) == 0) {
            errno = EEXIST;
            return -1;
        }
        done = renameat(from, name, to, target);
    }
    return done;
}

static bool write_note(int folder, const char *beside, const struct spool_entry *entry, const char *target,
                       struct str note, struct err *err)
{
    struct buf text;
    if (strcmp(entry->name, target) == 0)
        return file_write_atomic_at(folder, beside, note, 0600, err);
    buf_init(&text, NOTE_BYTES);
    buf_put_str(&text, note.len && note.ptr[note.len - 1] == '\n' ? str_slice(note.ptr, note.len - 1) : note);
    buf_put_str(&text, STR(FIRST_NAME));
    buf_put_str(&text, str_from(entry->name));
    buf_put_char(&text, '\n');
    bool ok = buf_ok(&text) || err_set(err, "out of memory");
    ok = ok && file_write_atomic_at(folder, beside, buf_str(&text), 0600, err);
    buf_release(&text);
    return ok;
}

// The note goes first, so that no crash leaves a moved file that nobody can explain.
static enum spool_done move_entry(struct spool *spool, const struct spool_entry *entry, enum spool_folder to,
                                  struct str note, struct err *err)
{
    char target[NAME_MAX + 1], beside[NAME_MAX + 32];
    struct stat now;
    int from_fd = spool->folder[SPOOL_PENDING], to_fd;
    BUG_ON(from_fd < 0);
    if (!spool_folder_fd(spool, to, true, &to_fd, err))
        return SPOOL_DONE_FAILED;
    if (fstatat(from_fd, entry->name, &now, AT_SYMLINK_NOFOLLOW) != 0 && errno == ENOENT)
        return SPOOL_DONE;
    if (!spool_same_file(&now, &entry->stamp))
        return SPOOL_DONE_CHANGED;
    if (!choose_name(to_fd, entry->name, target)) {
        err_set_errno(err, "cannot choose a name in %s/%s", spool->path, spool_folder_name(to));
        return SPOOL_DONE_FAILED;
    }
    snprintf(beside, sizeof(beside), "%s%s", target, suffixes[to]);
    if (!write_note(to_fd, beside, entry, target, note, err)) {
        err_prefix(err, "%s/%s", spool->path, spool_folder_name(to));
        return SPOOL_DONE_FAILED;
    }
    int done = rename_free(from_fd, entry->name, to_fd, target);
    if (done != 0 && errno == ENOENT) {
        unlinkat(to_fd, beside, 0);
        return SPOOL_DONE;
    }
    // What another tool left readable for others does not stay so; what its owner may do does.
    if (done == 0 && (now.st_mode & 0177))
        (void)!fchmodat(to_fd, target, now.st_mode & 0600, AT_SYMLINK_NOFOLLOW);
    if (done != 0 || fsync(to_fd) != 0 || fsync(from_fd) != 0) {
        err_set_errno(err, "cannot move an entry to %s/%s", spool->path, spool_folder_name(to));
        return SPOOL_DONE_FAILED;
    }
    return SPOOL_DONE;
}

enum spool_done spool_set_bad(struct spool *spool, const struct spool_entry *entry, struct str reason,
                              struct err *err)
{
    return move_entry(spool, entry, SPOOL_BAD, reason, err);
}

enum spool_done spool_set_rejected(struct spool *spool, const struct spool_entry *entry, struct str answer,
                                   struct err *err)
{
    return move_entry(spool, entry, SPOOL_REJECTED, answer, err);
}

void spool_first_name(const struct spool *spool, enum spool_folder folder, const char *name,
                      char ret_name[static NAME_MAX + 1])
{
    char beside[NAME_MAX + 32];
    struct buf note;
    struct err err;
    snprintf(ret_name, NAME_MAX + 1, "%s", name);
    if (folder == SPOOL_PENDING)
        return;
    buf_init(&note, NOTE_BYTES);
    snprintf(beside, sizeof(beside), "%s%s", name, suffixes[folder]);
    if (file_read_at(spool->folder[folder], beside, &note, &err) && buf_put_char(&note, '\0')) {
        const char *at = strstr(note.ptr, FIRST_NAME);
        struct str first = at ? str_from(at + strlen(FIRST_NAME)) : STR_NULL;
        if (first.len > 1 && first.len <= NAME_MAX + 1 && first.ptr[first.len - 1] == '\n') {
            note.ptr[note.len - 2] = '\0';
            if (spool_name_is_entry(first.ptr))
                snprintf(ret_name, NAME_MAX + 1, "%s", first.ptr);
        }
    }
    buf_release(&note);
}

// Of an entry outside pending/: may it be touched at all?
static enum spool_again check_own(struct spool *spool, enum spool_folder folder, int fd, const char *name,
                                  struct err *err)
{
    struct stat st;
    if (!spool_tracked_load(spool, folder, err))
        return SPOOL_AGAIN_FAILED;
    if (spool_tracked_has(spool, folder, name)) {
        err_set(err, "is tracked by git: it came with the repository");
        return SPOOL_AGAIN_SKIPPED;
    }
    if (fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return errno == ENOENT ? SPOOL_AGAIN_GONE
                               : (err_set_errno(err, "cannot be looked at"), SPOOL_AGAIN_FAILED);
    return spool_check_stat(&st, err) == SPOOL_READ_OK ? SPOOL_AGAIN_DONE : SPOOL_AGAIN_SKIPPED;
}

enum spool_again spool_retry(struct spool *spool, enum spool_folder folder, const char *name, struct err *err)
{
    char target[NAME_MAX + 1], beside[NAME_MAX + 32];
    int from_fd, to_fd;
    BUG_ON(folder == SPOOL_PENDING);
    if (!spool_name_is_entry_of(folder, name))
        return SPOOL_AGAIN_GONE;
    if (!spool_folder_fd(spool, folder, false, &from_fd, err) ||
        !spool_folder_fd(spool, SPOOL_PENDING, true, &to_fd, err))
        return SPOOL_AGAIN_FAILED;
    if (from_fd < 0)
        return SPOOL_AGAIN_GONE;
    enum spool_again own = check_own(spool, folder, from_fd, name, err);
    if (own != SPOOL_AGAIN_DONE)
        return own;
    spool_first_name(spool, folder, name, target);
    int done = rename_free(from_fd, name, to_fd, target);
    if (done != 0 && strcmp(target, name) != 0)
        done = rename_free(from_fd, name, to_fd, name);
    if (done != 0 && errno == EEXIST) {
        err_set(err, "is in pending/ already, under the same name");
        return SPOOL_AGAIN_SKIPPED;
    }
    if (done != 0 && errno == ENOENT)
        return SPOOL_AGAIN_GONE;
    if (done != 0 || fsync(to_fd) != 0) {
        err_set_errno(err, "cannot be moved to pending/");
        return SPOOL_AGAIN_FAILED;
    }
    // A note that a crash leaves behind explains nothing and harms nothing.
    snprintf(beside, sizeof(beside), "%s%s", name, suffixes[folder]);
    unlinkat(from_fd, beside, 0);
    return SPOOL_AGAIN_DONE;
}

enum spool_again spool_age_of(struct spool *spool, enum spool_folder folder, const char *name,
                              int64_t *ret_time_us, struct err *err)
{
    struct stat st;
    int fd;
    if (!spool_folder_fd(spool, folder, false, &fd, err))
        return SPOOL_AGAIN_FAILED;
    if (fd < 0)
        return SPOOL_AGAIN_GONE;
    if (fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW) != 0) {
        if (errno == ENOENT)
            return SPOOL_AGAIN_GONE;
        err_set_errno(err, "cannot be looked at");
        return SPOOL_AGAIN_FAILED;
    }
    *ret_time_us = spool_name_time(name, spool_mtime_us(&st));
    return SPOOL_AGAIN_DONE;
}

enum spool_again spool_purge(struct spool *spool, enum spool_folder folder, const char *name, struct err *err)
{
    char beside[NAME_MAX + 32];
    int fd;
    if (!spool_name_is_entry_of(folder, name))
        return SPOOL_AGAIN_GONE;
    if (!spool_folder_fd(spool, folder, false, &fd, err))
        return SPOOL_AGAIN_FAILED;
    if (fd < 0)
        return SPOOL_AGAIN_GONE;
    enum spool_again own = check_own(spool, folder, fd, name, err);
    if (own != SPOOL_AGAIN_DONE)
        return own;
    if (unlinkat(fd, name, 0) != 0 && errno != ENOENT) {
        err_set_errno(err, "cannot be deleted");
        return SPOOL_AGAIN_FAILED;
    }
    if (suffixes[folder]) {
        snprintf(beside, sizeof(beside), "%s%s", name, suffixes[folder]);
        unlinkat(fd, beside, 0);
    }
    return SPOOL_AGAIN_DONE;
}
