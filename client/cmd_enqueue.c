// SPDX-License-Identifier: Apache-2.0
// vox-telemetry enqueue: one JSON object from a file or standard input into the spool.
#include "client/common.h"
#include "client/units.h"
#include "lib/base/clock.h"
#include "lib/base/file.h"
#include "lib/spool/limits.h"

#include <errno.h>
#include <fcntl.h>

static bool read_stdin(struct buf *buf, struct err *err)
{
    for (;;) {
        if (buf->len == buf->ceiling)
            return err_set(err, "the input is larger than %d MiB", SPOOL_FILE_BYTES >> 20);
        if (!buf_reserve(buf, MIN((size_t)64 * 1024, buf->ceiling - buf->len)))
            return err_set(err, "out of memory");
        ssize_t n = read(STDIN_FILENO, buf->ptr + buf->len, buf->cap - buf->len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_set_errno(err, "cannot read standard input");
        if (n == 0)
            return true;
        buf->len += (size_t)n;
    }
}

// The option, else the variable, else NULL.
static const char *setting(const char *option, const char *variable)
{
    const char *value = option ? option : getenv(variable);
    return value && *value ? value : NULL;
}

static bool read_limits(const struct options *options, struct spool_limits *ret_limits, struct err *err)
{
    struct spool_limits limits = {.drop_oldest = options->drop_oldest};
    const char *bytes = setting(options->max_bytes, "VOX_TELEMETRY_SPOOL_MAX_BYTES");
    const char *entries = setting(options->max_entries, "VOX_TELEMETRY_SPOOL_MAX_ENTRIES");
    const char *age = setting(options->max_age, "VOX_TELEMETRY_SPOOL_MAX_AGE");
    const char *full = setting(NULL, "VOX_TELEMETRY_SPOOL_WHEN_FULL");
    if (bytes && !units_bytes(bytes, &limits.bytes))
        return err_set(err, "the spool's limit on bytes needs a size such as 10MiB");
    if (entries && (!str_to_u64(str_from(entries), &limits.entries) || !limits.entries))
        return err_set(err, "the spool's limit on entries needs a number above 0");
    if (age && !units_duration(age, &limits.age_us))
        return err_set(err, "the spool's limit on age needs a duration such as 30d");
    if (full && strcmp(full, "refuse") != 0 && strcmp(full, "drop-oldest") != 0)
        return err_set(err, "VOX_TELEMETRY_SPOOL_WHEN_FULL is refuse or drop-oldest");
    limits.drop_oldest = limits.drop_oldest || (full && strcmp(full, "drop-oldest") == 0);
    *ret_limits = limits;
    return true;
}

static enum client_exit store(const struct options *options, struct str text)
{
    struct spool_limits limits;
    struct spool_place place;
    struct spool *spool;
    struct err err;
    struct uuid id;
    char id_text[UUID_TEXT_LEN + 1];
    if (!read_limits(options, &limits, &err))
        return complain(EXIT_IS_USAGE, &err);
    if (!open_spool(options, true, &place, &spool, &err))
        return complain(EXIT_IS_TRY_AGAIN, &err);
    spool_set_limits(spool, &limits);
    enum spool_put put = spool_enqueue(spool, text, clock_wall_us(clock_system()), &id, &err);
    spool_close(spool);
    switch (put) {
    case SPOOL_PUT_STORED:
        uuid_format(&id, id_text);
        if (!options->quiet)
            printf("%s\n", id_text);
        return EXIT_IS_OK;
    case SPOOL_PUT_REFUSED:
        return complain(EXIT_IS_DATA, &err);
    case SPOOL_PUT_FULL:
        return complain(EXIT_IS_FULL, &err);
    default:
        return complain(EXIT_IS_TRY_AGAIN, &err);
    }
}

static enum client_exit run(const struct options *options)
{
    struct buf buf;
    struct err err;
    buf_init(&buf, SPOOL_FILE_BYTES + 1);
    bool ok = strcmp(options->input, "-") == 0 ? read_stdin(&buf, &err)
                                               : file_read_at(AT_FDCWD, options->input, &buf, &err);
    enum client_exit code = ok ? store(options, buf_str(&buf)) : complain(EXIT_IS_IO, &err);
    buf_release(&buf);
    return code;
}

static const struct option_row option_rows[] = {
    OPTION("json", "FILE", input, "the event, one JSON object; - reads standard input"),
    OPTION("max-bytes", "SIZE", max_bytes, "refuse it if more than SIZE would wait (10MiB)"),
    OPTION("max-entries", "N", max_entries, "refuse it if more than N entries would wait"),
    OPTION("max-age", "AGE", max_age, "refuse it if an entry older than AGE waits (30d)"),
    OPTION("drop-oldest", NULL, drop_oldest, "delete the oldest instead, and count them"),
    OPTION_SPOOL,
    OPTION("quiet", NULL, quiet, "do not print the event's id"),
};
static const enum client_exit exits[] = {EXIT_IS_OK,   EXIT_IS_USAGE, EXIT_IS_DATA,
                                         EXIT_IS_FULL, EXIT_IS_IO,    EXIT_IS_TRY_AGAIN};

const struct command cmd_enqueue = {
    .name = "enqueue",
    .summary = "Put one event into the spool",
    .about = "Prints the event's id once the event is safe on disk. Nothing is sent. There are\n"
             "no limits unless you set them, here or by VOX_TELEMETRY_SPOOL_MAX_BYTES,\n"
             "_MAX_ENTRIES, _MAX_AGE and _WHEN_FULL (refuse or drop-oldest).",
    COMMAND_TABLES(option_rows, exits),
    .required = "json",
    .run = run,
};
