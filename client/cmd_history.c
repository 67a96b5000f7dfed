// SPDX-License-Identifier: Apache-2.0
// vox-telemetry history: what was ever sent from this spool.
#include "client/common.h"
#include "client/style.h"
#include "client/text.h"
#include "client/units.h"
#include "lib/base/clock.h"
#include "lib/spool/sent.h"

#include <inttypes.h>

#define LINE_COLUMN 56 // where the outcome begins

struct filter {
    int64_t since_us; // INT64_MIN: all
    uint64_t skip;    // matching lines to leave out in front, so that the last --limit are shown
    const char *id;   // NULL: any
};

static struct str member(const struct json *object, const char *name)
{
    const struct json *value = json_get(object, str_from(name));
    return json_text(value);
}

static bool matches(const struct filter *filter, const struct json *line)
{
    int64_t at_us;
    struct str id = member(line, "id"), name = member(line, "name"), wanted = str_from(filter->id);
    if (!rfc3339_parse(member(line, "at"), &at_us) || at_us < filter->since_us)
        return false;
    return !filter->id || str_eq_nocase(id, wanted) || str_eq(name, wanted);
}

static void put_line(const struct json *line)
{
    const struct json *receipt = json_get(line, STR("receipt"));
    struct str at = member(line, "at"), contract = member(receipt, "contract"), code = member(line, "code");
    text_put_safe(stdout, str_slice(at.ptr, MIN(at.len, (size_t)10)), 10);
    putchar(' ');
    text_put_safe(stdout, at.len > 16 ? str_slice(at.ptr + 11, 5) : STR(""), 5);
    fputs("  ", stdout);
    text_put_safe(stdout, member(line, "id"), UUID_TEXT_LEN);
    fputs("  ", stdout);
    // The usual outcome goes without saying.
    struct str outcome = sent_line_outcome(line), what = contract.len ? contract : code;
    bool usual = contract.len && str_eq(outcome, STR("stored"));
    char text[96];
    snprintf(text, sizeof(text), "%.*s%s%.*s", usual ? 0 : (int)MIN(outcome.len, (size_t)20), outcome.ptr,
             usual || !what.len ? "" : " ", (int)MIN(what.len, (size_t)60), what.len ? what.ptr : "");
    if (isatty(STDOUT_FILENO) == 1) {
        text_put_wrapped(stdout, str_from(text), sizeof(text), LINE_COLUMN, LINE_COLUMN);
        return;
    }
    text_put_safe(stdout, str_from(text), sizeof(text));
    putchar('\n');
}

struct pass {
    uint64_t matched, bytes, skipped;
    bool print, json;
};

// Before the first line, so that it stands over no empty table.
static void put_titles(void)
{
    printf("%s%-16s  %-36s  %s%s\n", style(stdout, STYLE_BOLD), "Sent (UTC)", "Event", "Outcome, contract",
           style(stdout, STYLE_PLAIN));
}

static bool walk(struct spool *spool, const struct filter *filter, struct pass *pass, struct err *err)
{
    struct sent_reader *reader;
    const struct json *line;
    struct str text;
    bool ok;
    if (!sent_reader_open(spool, &reader, err))
        return false;
    while ((ok = sent_reader_next(reader, &line, &text, err)) && line) {
        if (!matches(filter, line) || pass->matched++ < filter->skip)
            continue;
        pass->bytes += (uint64_t)MAX(json_integer(json_get(line, STR("bytes"))), 0);
        if (pass->print && pass->json) {
            fwrite(text.ptr, 1, text.len, stdout);
            putchar('\n');
        } else if (pass->print) {
            if (pass->matched == filter->skip + 1)
                put_titles();
            put_line(line);
        }
    }
    pass->skipped = sent_reader_skipped(reader);
    sent_reader_close(reader);
    return ok;
}

// Whether there is a log; what is wrong with it the reading says.
static bool any_sent(struct spool *spool)
{
    struct sent_reader *reader;
    const struct json *line;
    struct str text;
    struct err ignored;
    if (!sent_reader_open(spool, &reader, &ignored))
        return true;
    bool ok = sent_reader_next(reader, &line, &text, &ignored);
    bool any = !ok || line || sent_reader_skipped(reader);
    sent_reader_close(reader);
    return any;
}

static void put_end(struct spool *spool, const struct filter *filter, const struct pass *pass)
{
    char count[TEXT_SHORT], bytes[TEXT_SHORT];
    text_count(pass->matched - MIN(filter->skip, pass->matched), count);
    text_bytes(pass->bytes, bytes);
    if (pass->matched)
        printf("%s shown, %s", count, bytes);
    else
        fputs(any_sent(spool) ? "No such event was sent from this spool"
                              : "Nothing was ever sent from this spool",
              stdout);
    if (filter->skip) {
        text_count(filter->skip, count);
        printf("; %s earlier ones are not (--limit)", count);
    }
    printf(".\n");
    if (pass->skipped)
        printf("%" PRIu64 " lines of sent.log are not whole and were left out.\n", pass->skipped);
}

static bool show(struct spool *spool, const struct options *options, struct filter *filter, uint64_t limit,
                 struct err *err)
{
    struct pass first = {0}, pass = {.print = true, .json = options->json};
    if (limit) {
        if (!walk(spool, filter, &first, err))
            return false;
        filter->skip = first.matched > limit ? first.matched - limit : 0;
    }
    if (!walk(spool, filter, &pass, err))
        return false;
    if (!options->json)
        put_end(spool, filter, &pass);
    return true;
}

static enum client_exit run(const struct options *options)
{
    struct filter filter = {.since_us = INT64_MIN,
                            .id = options->operand_count ? options->operands[0] : NULL};
    struct spool_place place;
    struct spool *spool;
    struct err err;
    uint64_t limit = 0;
    if (options->since && !units_moment(options->since, clock_wall_us(clock_system()), &filter.since_us)) {
        err_set(&err, "--since needs a time, a date or a duration such as 7d");
        return complain(EXIT_IS_USAGE, &err);
    }
    if (options->limit && (!str_to_u64(str_from(options->limit), &limit) || !limit)) {
        err_set(&err, "--limit needs a number above 0");
        return complain(EXIT_IS_USAGE, &err);
    }
    if (!open_spool(options, false, &place, &spool, &err))
        return complain(EXIT_IS_CONFIG, &err);
    bool ok = show(spool, options, &filter, limit, &err);
    spool_close(spool);
    return ok ? EXIT_IS_OK : complain(EXIT_IS_IO, &err);
}

static const struct option_row option_rows[] = {
    OPTION("since", "WHEN", since, "only what was sent since: a time, a date, or 7d"),
    OPTION("limit", "N", limit, "only the last N"),
    OPTION_SPOOL,
    OPTION("json", NULL, json, "the lines of sent.log as they are, receipts and all"),
};
static const enum client_exit exits[] = {EXIT_IS_OK, EXIT_IS_USAGE, EXIT_IS_CONFIG, EXIT_IS_IO};

const struct command cmd_history = {
    .name = "history",
    .summary = "Show what was ever sent from this spool",
    .about = "Reads sent.log in the spool: time, id, size and hash of each event that left,\n"
             "and what came of it: stored, duplicate or quarantined, with the sink's receipt;\n"
             "refused or kept, with the reason; unanswered, where nothing was heard of it.\n"
             "An event id or file name shows that one only. No content is kept.",
    COMMAND_TABLES(option_rows, exits),
    .operands = "ID",
    .operand_max = 1,
    .run = run,
};
