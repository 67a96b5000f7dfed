// SPDX-License-Identifier: Apache-2.0
// vox-telemetry purge: deletes entries that were not sent. The one command that does.
#include "client/text.h"
#include "client/units.h"
#include "client/walk.h"
#include "lib/base/clock.h"

static enum spool_again purge_one(struct spool *spool, enum spool_folder folder, const char *name,
                                  void *context, struct err *why)
{
    const int64_t *before_us = context;
    int64_t time_us;
    if (*before_us != INT64_MAX) {
        enum spool_again told = spool_age_of(spool, folder, name, &time_us, why);
        if (told != SPOOL_AGAIN_DONE)
            return told;
        if (time_us >= *before_us)
            return SPOOL_AGAIN_GONE;
    }
    return spool_purge(spool, folder, name, why);
}

static unsigned folders_of(const struct options *options)
{
    if (!options->state)
        return 1u << SPOOL_PENDING | 1u << SPOOL_BAD | 1u << SPOOL_REJECTED;
    if (strcmp(options->state, "pending") == 0)
        return 1u << SPOOL_PENDING;
    return strcmp(options->state, "bad") == 0 ? 1u << SPOOL_BAD : 1u << SPOOL_REJECTED;
}

static void describe(const struct options *options)
{
    char count[TEXT_SHORT];
    text_count(options->operand_count, count);
    fputs("Delete for good: ", stderr);
    if (options->operand_count)
        fprintf(stderr, "%s named %s", count, options->operand_count == 1 ? "entry" : "entries");
    else
        fputs("all entries", stderr);
    fprintf(stderr, " of %s", options->state ? options->state : "pending, bad and rejected");
    if (options->older_than)
        fprintf(stderr, ", older than %s", options->older_than);
    fputs("?\nThey were not sent. [y/N] ", stderr);
    fflush(stderr);
}

static bool is_confirmed(const struct options *options)
{
    char answer[16];
    describe(options);
    return fgets(answer, sizeof(answer), stdin) && (answer[0] == 'y' || answer[0] == 'Y');
}

static enum client_exit run(const struct options *options)
{
    static const struct walk_step step = {"deleted", purge_one};
    struct err err;
    int64_t age_us, before_us = INT64_MAX;
    if (options->older_than && !units_duration(options->older_than, &age_us)) {
        err_set(&err, "--older-than needs a duration such as 12h or 30d");
        return complain(EXIT_IS_USAGE, &err);
    }
    if (options->all + (options->older_than != NULL) + (options->operand_count > 0) != 1) {
        err_set(&err, "say what to delete: ids, --older-than or --all, one of them");
        return complain(EXIT_IS_USAGE, &err);
    }
    if (options->older_than)
        before_us = clock_wall_us(clock_system()) - age_us;
    if (!options->yes && isatty(STDIN_FILENO) != 1) {
        err_set(&err, "nothing was deleted: there is nobody to ask; say --yes");
        return complain(EXIT_IS_USAGE, &err);
    }
    if (!options->yes && !is_confirmed(options)) {
        puts("Nothing was deleted.");
        return EXIT_IS_OK;
    }
    return walk_folders(options, folders_of(options), &step, &before_us);
}

static const struct option_row option_rows[] = {
    OPTION("all", NULL, all, "every entry"),
    OPTION("older-than", "AGE", older_than, "entries older than 12h, 30d, ..."),
    OPTION_WORDS("state", "STATE", state, "only of pending, bad or rejected", "pending bad rejected"),
    OPTION("yes", NULL, yes, "do not ask"),
    OPTION_SPOOL,
    OPTION("quiet", NULL, quiet, "print only what went wrong"),
};
static const enum client_exit exits[] = {EXIT_IS_OK,     EXIT_IS_SOME, EXIT_IS_USAGE,
                                         EXIT_IS_CONFIG, EXIT_IS_IO,   EXIT_IS_TRY_AGAIN};

const struct command cmd_purge = {
    .name = "purge",
    .summary = "Delete entries that were not sent",
    .about = "By name or id, by age, or all. Asks before it deletes. This is the only way by\n"
             "which vox-telemetry deletes what was not sent, besides enqueue --drop-oldest.",
    COMMAND_TABLES(option_rows, exits),
    .operands = "ID...",
    .operand_max = SIZE_MAX,
    .run = run,
};
