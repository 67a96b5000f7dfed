// SPDX-License-Identifier: Apache-2.0
// vox-telemetry enqueue: one JSON object from a file or standard input into the spool.
#include "client/common.h"
#include "lib/base/clock.h"
#include "lib/base/file.h"

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

static enum client_exit store(const struct options *options, struct str text)
{
    struct spool_place place;
    struct spool *spool;
    struct err err;
    struct uuid id;
    char id_text[UUID_TEXT_LEN + 1];
    if (!open_spool(options, true, &place, &spool, &err))
        return complain(EXIT_IS_TRY_AGAIN, &err);
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
    OPTION_SPOOL,
    OPTION("quiet", NULL, quiet, "do not print the event's id"),
};
static const enum client_exit exits[] = {EXIT_IS_OK, EXIT_IS_USAGE, EXIT_IS_DATA, EXIT_IS_IO,
                                         EXIT_IS_TRY_AGAIN};

const struct command cmd_enqueue = {
    .name = "enqueue",
    .summary = "Put one event into the spool",
    .about = "Prints the event's id once the event is safe on disk. Nothing is sent.",
    COMMAND_TABLES(option_rows, exits),
    .required = "json",
    .run = run,
};
