// SPDX-License-Identifier: Apache-2.0
// vox-telemetry retry: puts refused entries back where upload takes them from.
#include "client/common.h"
#include "client/walk.h"
#include "lib/spool/kept.h"

static enum spool_again retry_one(struct spool *spool, enum spool_folder folder, const char *name,
                                  void *context, struct err *why)
{
    (void)context;
    return spool_retry(spool, folder, name, why);
}

static enum client_exit retry_kept(const struct options *options)
{
    struct spool_place place;
    struct spool *spool;
    struct spool_kept_count count;
    struct err err;
    bool taken;
    if (!open_spool(options, false, &place, &spool, &err))
        return complain(EXIT_IS_CONFIG, &err);
    bool ok = spool_lock(spool, &taken, &err);
    if (ok && !taken) {
        spool_close(spool);
        err_set(&err, "an upload is at work on this spool; try again when it is done");
        return complain(EXIT_IS_TRY_AGAIN, &err);
    }
    ok = ok && spool_kept_count(spool, &count, &err) && spool_kept_forget(spool, &err);
    spool_close(spool);
    if (!ok)
        return complain(EXIT_IS_IO, &err);
    walk_say(options, "to be offered again",
             count.unknown_contract + count.contract_not_allowed + count.class_not_allowed);
    return EXIT_IS_OK;
}

static enum client_exit run(const struct options *options)
{
    static const struct walk_step step = {"put back into pending/", retry_one};
    enum spool_folder folder =
        options->state && strcmp(options->state, "bad") == 0 ? SPOOL_BAD : SPOOL_REJECTED;
    if (options->state && strcmp(options->state, "kept") == 0) {
        struct err err;
        err_set(&err, "--state kept takes no ids: all are offered again");
        return options->operand_count ? complain(EXIT_IS_USAGE, &err) : retry_kept(options);
    }
    return walk_folders(options, 1u << folder, &step, NULL);
}

static const struct option_row option_rows[] = {
    OPTION_WORDS("state", "STATE", state, "rejected (default), bad or kept", "rejected bad kept"),
    OPTION_SPOOL,
    OPTION("quiet", NULL, quiet, "print only what went wrong"),
};
static const enum client_exit exits[] = {EXIT_IS_OK,     EXIT_IS_SOME, EXIT_IS_USAGE,
                                         EXIT_IS_CONFIG, EXIT_IS_IO,   EXIT_IS_TRY_AGAIN};

const struct command cmd_retry = {
    .name = "retry",
    .summary = "Put refused entries back, for the next upload",
    .about = "All entries of rejected/ (or bad/), or those whose names or ids are given.\n"
             "--state kept forgets which entries the sink did not take yet, so that the next\n"
             "upload offers them again. Nothing is sent.",
    COMMAND_TABLES(option_rows, exits),
    .operands = "ID...",
    .operand_max = SIZE_MAX,
    .run = run,
};
