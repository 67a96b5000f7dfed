// SPDX-License-Identifier: Apache-2.0
// vox-telemetry export: all pending events as JSON Lines.
#include "client/common.h"
#include "client/text.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>

struct sink_file {
    FILE *file;
    char path[SPOOL_PATH_MAX];
    char temp[SPOOL_PATH_MAX + 16];
};

// A file of that name appears only when it is whole. The temp file stands beside it.
static bool open_out(struct sink_file *out, const char *path, struct err *err)
{
    out->file = stdout;
    out->temp[0] = '\0';
    if (!path || strcmp(path, "-") == 0)
        return true;
    if (strlen(path) >= sizeof(out->path))
        return err_set(err, "the name of the output file is too long");
    memcpy(out->path, path, strlen(path) + 1);
    snprintf(out->temp, sizeof(out->temp), "%s.%08x.tmp", path, randombytes_random());
    int fd = open(out->temp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    out->file = fd >= 0 ? fdopen(fd, "w") : NULL;
    if (out->file)
        return true;
    err_set_errno(err, "cannot create %s", out->temp);
    if (fd >= 0) {
        close(fd);
        unlink(out->temp);
    }
    return false;
}

static bool close_out(struct sink_file *out, bool ok, struct err *err)
{
    if (!out->temp[0]) {
        if (ok && (fflush(stdout) != 0 || ferror(stdout)))
            return err_set_errno(err, "cannot write to standard output");
        return ok;
    }
    if (ok && (fflush(out->file) != 0 || ferror(out->file) || fsync(fileno(out->file)) != 0))
        ok = err_set_errno(err, "cannot write %s", out->temp);
    if (fclose(out->file) != 0 && ok)
        ok = err_set_errno(err, "cannot write %s", out->temp);
    if (ok && rename(out->temp, out->path) != 0)
        ok = err_set_errno(err, "cannot write %s", out->path);
    if (!ok)
        unlink(out->temp);
    return ok;
}

static void complain_entry(const char *name, const struct err *why)
{
    fputs("vox-telemetry: ", stderr);
    text_put_safe(stderr, str_from(name), SPOOL_NAME_MAX);
    fprintf(stderr, " %s: left out.\n", why->text);
}

static bool export_all(struct spool *spool, FILE *to, uint64_t *ret_left_out, struct err *err)
{
    struct spool_reader reader;
    struct spool_iter *iter = spool_iter_new(spool, SPOOL_PENDING);
    const char *name;
    uint64_t left_out = 0;
    bool ok;
    if (!iter)
        return err_set(err, "out of memory");
    spool_reader_init(&reader);
    while ((ok = spool_iter_next(iter, &name, err)) && name && !ferror(to)) {
        struct spool_entry entry;
        struct err why;
        enum spool_read read = spool_read(spool, name, &reader, &entry, &why);
        if (read == SPOOL_READ_OK) {
            fwrite(entry.text.ptr, 1, entry.text.len, to);
            putc('\n', to);
        } else if (read != SPOOL_READ_GONE) {
            complain_entry(name, &why);
            left_out++;
        }
    }
    spool_reader_release(&reader);
    spool_iter_free(iter);
    *ret_left_out = left_out;
    return ok;
}

static enum client_exit run(const struct options *options)
{
    struct spool_place place;
    struct spool *spool;
    struct sink_file out;
    struct err err;
    uint64_t left_out = 0;
    if (!open_spool(options, false, &place, &spool, &err))
        return complain(EXIT_IS_CONFIG, &err);
    bool ok = open_out(&out, options->out, &err);
    ok = ok && close_out(&out, export_all(spool, out.file, &left_out, &err), &err);
    spool_close(spool);
    if (!ok)
        return complain(EXIT_IS_IO, &err);
    return left_out ? EXIT_IS_SOME : EXIT_IS_OK;
}

static const struct option_row option_rows[] = {
    OPTION("out", "FILE", out, "write there instead of standard output"),
    OPTION_SPOOL,
};
static const enum client_exit exits[] = {EXIT_IS_OK, EXIT_IS_SOME, EXIT_IS_USAGE, EXIT_IS_CONFIG, EXIT_IS_IO};

const struct command cmd_export = {
    .name = "export",
    .summary = "Write all pending events as JSON Lines",
    .about = "One event a line, in the order in which upload would send them. The spool is\n"
             "not changed and nothing is sent.",
    COMMAND_TABLES(option_rows, exits),
    .run = run,
};
