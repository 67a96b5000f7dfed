// SPDX-License-Identifier: Apache-2.0
// Reading one entry: is it ours to touch, what does it say, who is it.
#include "lib/base/clock.h"
#include "lib/spool/internal.h"
#include "lib/wire/limits.h"

#include <errno.h>
#include <fcntl.h>

// The tree of the largest text that is let through stays below this.
#define TREE_BYTES ((size_t)32 * 1024 * 1024)
// RFC 3339 knows years of four digits.
#define TIME_MAX_US (253402300800LL * USEC_PER_SEC)

bool spool_time_can_be_said(int64_t time_us)
{
    return time_us >= 0 && time_us < TIME_MAX_US;
}

void spool_reader_init(struct spool_reader *reader)
{
    buf_init(&reader->raw, SPOOL_FILE_BYTES);
    buf_init(&reader->text, SPOOL_FILE_BYTES);
    json_parser_init(&reader->parser);
    json_doc_init(&reader->doc, &reader->parser, TREE_BYTES);
}

void spool_reader_release(struct spool_reader *reader)
{
    buf_release(&reader->raw);
    buf_release(&reader->text);
    json_doc_release(&reader->doc);
    json_parser_release(&reader->parser);
}

enum problem spool_check_text(struct str text, struct spool_reader *reader)
{
    buf_clear(&reader->text);
    buf_put_str(&reader->text, text);
    if (!buf_ok(&reader->text))
        return text.len > reader->text.ceiling ? PROBLEM_body_too_large : PROBLEM_overloaded;
    return event_text_parse(&reader->doc, reader->text.ptr, &reader->text.len);
}

struct uuid spool_entry_id(const char *name, const uint8_t hash[static SHA256_LEN])
{
    char bytes[SPOOL_NAME_MAX + 1 + SHA256_LEN];
    uint8_t digest[SHA256_LEN];
    struct uuid uuid;
    size_t len = strlen(name);
    char canonical[UUID_TEXT_LEN + 1];
    // "<uuid>" alone and "<uuid>.JSON" are other entries than "<uuid>.json".
    if (len > 5 && strcmp(name + len - 5, ".json") == 0 && uuid_parse(str_slice(name, len - 5), &uuid)) {
        // Two names that differ in case are two entries, which must not share an id.
        uuid_format(&uuid, canonical);
        if (memcmp(name, canonical, UUID_TEXT_LEN) == 0)
            return uuid;
    }
    // The NUL ends the name, so that no name and hash read as another pair.
    len = MIN(len, (size_t)SPOOL_NAME_MAX);
    memcpy(bytes, name, len);
    bytes[len] = '\0';
    memcpy(bytes + len + 1, hash, SHA256_LEN);
    sha256(str_slice(bytes, len + 1 + SHA256_LEN), digest);
    return uuid_v8(digest);
}

static enum spool_read skipped(struct err *why, const char *text)
{
    err_set(why, "%s", text);
    return SPOOL_READ_SKIPPED;
}

static enum spool_read open_failed(struct err *why)
{
    switch (errno) {
    case ENOENT:
        return SPOOL_READ_GONE;
    case ELOOP:
        return skipped(why, "is a symbolic link");
    default:
        err_set_errno(why, "cannot be opened");
        return SPOOL_READ_FAILED;
    }
}

enum spool_read spool_check_stat(const struct stat *st, struct err *why)
{
    if (S_ISLNK(st->st_mode))
        return skipped(why, "is a symbolic link");
    if (!S_ISREG(st->st_mode))
        return skipped(why, "is no regular file");
    if (st->st_uid != geteuid())
        return skipped(why, "belongs to another user");
    if (st->st_nlink == 0)
        return SPOOL_READ_GONE;
    if (st->st_nlink > 1)
        return skipped(why, "has more than one hard link");
    return SPOOL_READ_OK;
}

static enum spool_read check_size(const struct stat *st, struct err *why)
{
    if (st->st_size <= SPOOL_FILE_BYTES)
        return SPOOL_READ_OK;
    err_set(why, "is larger than %d MiB", SPOOL_FILE_BYTES >> 20);
    return SPOOL_READ_BAD;
}

static enum spool_read open_entry(struct spool *spool, enum spool_folder which, const char *name, int *ret_fd,
                                  struct stat *ret_stat, struct err *why)
{
    struct stat st;
    int folder;
    if (!spool_folder_fd(spool, which, false, &folder, why))
        return SPOOL_READ_FAILED;
    if (folder < 0)
        return SPOOL_READ_GONE;
    if (!spool_tracked_load(spool, which, why))
        return SPOOL_READ_FAILED;
    if (spool_tracked_has(spool, which, name))
        return skipped(why, "is tracked by git: it came with the repository");
    // Looked at before it is opened: opening a pipe or a device can have effects of its own.
    if (fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return open_failed(why);
    enum spool_read result = spool_check_stat(&st, why);
    *ret_stat = st;
    if (result == SPOOL_READ_OK)
        result = check_size(&st, why);
    if (result != SPOOL_READ_OK)
        return result;
    int fd = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0 && errno == EACCES) {
        if (st.st_mode & S_IRUSR) // a policy of the system's, which may change
            return skipped(why, "cannot be opened for reading: permission denied");
        err_set(why, "cannot be opened for reading; chmod u+r it, then retry --state bad");
        return SPOOL_READ_BAD;
    }
    if (fd < 0)
        return open_failed(why);
    if (fstat(fd, ret_stat) != 0)
        result = open_failed(why);
    else
        result = spool_check_stat(ret_stat, why);
    if (result == SPOOL_READ_OK)
        result = check_size(ret_stat, why);
    if (result != SPOOL_READ_OK) {
        close(fd);
        return result;
    }
    *ret_fd = fd;
    return SPOOL_READ_OK;
}

static enum spool_read read_bytes(int fd, size_t size, struct buf *raw, struct err *why)
{
    buf_clear(raw);
    if (!buf_reserve(raw, MAX(size, (size_t)1))) {
        err_set(why, "cannot be read: out of memory");
        return SPOOL_READ_FAILED;
    }
    while (raw->len < size) {
        ssize_t n = read(fd, raw->ptr + raw->len, size - raw->len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            err_set_errno(why, "cannot be read");
            return SPOOL_READ_FAILED;
        }
        if (n == 0)
            break; // shorter than it was a moment ago: judged as it is
        raw->len += (size_t)n;
    }
    return SPOOL_READ_OK;
}

static enum spool_read judge(struct spool_reader *reader, struct err *why)
{
    if (!reader->raw.len) {
        err_set(why, "is empty");
        return SPOOL_READ_BAD;
    }
    enum problem problem = spool_check_text(buf_str(&reader->raw), reader);
    if (problem == PROBLEM_NONE)
        return SPOOL_READ_OK;
    const struct problem_info *info = problem_info(problem);
    if (info->status >= 500) {
        err_set(why, "cannot be read: out of memory");
        return SPOOL_READ_FAILED;
    }
    err_set(why, "is not one JSON object that can be sent: %s (%s)", info->title, info->code);
    return SPOOL_READ_BAD;
}

static enum spool_read read_text(struct spool *spool, enum spool_folder folder, const char *name,
                                 struct spool_reader *reader, struct stat *ret_stat, struct err *why)
{
    int fd = -1;
    enum spool_read result = open_entry(spool, folder, name, &fd, ret_stat, why);
    if (result == SPOOL_READ_OK) {
        result = read_bytes(fd, (size_t)ret_stat->st_size, &reader->raw, why);
        close(fd);
    }
    return result == SPOOL_READ_OK ? judge(reader, why) : result;
}

bool spool_id_of(struct spool *spool, enum spool_folder folder, const char *name, struct spool_reader *reader,
                 struct uuid *ret_id)
{
    char first[NAME_MAX + 1];
    uint8_t hash[SHA256_LEN];
    struct stat st;
    struct err why;
    if (read_text(spool, folder, name, reader, &st, &why) != SPOOL_READ_OK)
        return false;
    sha256(buf_str(&reader->text), hash);
    spool_first_name(spool, folder, name, first);
    *ret_id = spool_entry_id(first, hash);
    return true;
}

enum spool_read spool_read(struct spool *spool, const char *name, struct spool_reader *reader,
                           struct spool_entry *ret_entry, struct err *why)
{
    struct spool_entry entry = {.name = name};
    enum spool_read result = read_text(spool, SPOOL_PENDING, name, reader, &entry.stamp, why);
    entry.mtime_us = spool_mtime_us(&entry.stamp);
    if (result == SPOOL_READ_OK) {
        entry.text = buf_str(&reader->text);
        sha256(entry.text, entry.sha256);
        entry.id = spool_entry_id(name, entry.sha256);
        entry.time_us = spool_name_time(name, entry.mtime_us);
        entry.has_time = spool_time_can_be_said(entry.time_us);
    }
    if (result == SPOOL_READ_OK || result == SPOOL_READ_BAD)
        *ret_entry = entry;
    return result;
}
