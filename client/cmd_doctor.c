// SPDX-License-Identifier: Apache-2.0
// vox-telemetry doctor: looks for what would go wrong, on this machine only.
#include "client/common.h"
#include "client/settings.h"
#include "client/text.h"
#include "lib/base/clock.h"

#include <inttypes.h>

// The limits beyond which the vox tool's own prune deletes pending entries.
#define VOX_PRUNE_BYTES  (10ULL * 1000 * 1000)
#define VOX_PRUNE_AGE_US (7 * USEC_PER_DAY)

enum finding { FINE, WARNING, FAULT };

struct doctor {
    unsigned warnings, faults;
};

static void say(struct doctor *doctor, enum finding finding, const char *text, struct str detail)
{
    static const char *const marks[] = {[FINE] = "ok", [WARNING] = "warning", [FAULT] = "FAULT"};
    doctor->warnings += finding == WARNING;
    doctor->faults += finding == FAULT;
    printf("%-8s %s", marks[finding], text);
    text_put_safe(stdout, detail, 600);
    putchar('\n');
}

static bool check_entries(struct doctor *doctor, struct spool *spool, struct err *err)
{
    struct spool_reader reader;
    struct spool_iter *iter = spool_iter_new(spool, SPOOL_PENDING);
    const char *name;
    uint64_t good = 0, odd = 0;
    bool ok;
    if (!iter)
        return err_set(err, "out of memory");
    spool_reader_init(&reader);
    while ((ok = spool_iter_next(iter, &name, err)) && name) {
        struct spool_entry entry;
        struct err why;
        char line[SPOOL_NAME_MAX + sizeof(why.text) + 2];
        enum spool_read read = spool_read(spool, name, &reader, &entry, &why);
        good += read == SPOOL_READ_OK;
        if (read == SPOOL_READ_OK || read == SPOOL_READ_GONE || odd++ >= 10)
            continue;
        snprintf(line, sizeof(line), "%s %s", name, why.text);
        say(doctor, WARNING, "entry ", str_from(line));
    }
    spool_reader_release(&reader);
    spool_iter_free(iter);
    char text[96];
    snprintf(text, sizeof(text), "entries that can be sent: %" PRIu64 ", that cannot: %" PRIu64, good, odd);
    if (ok)
        say(doctor, odd ? WARNING : FINE, text, STR_NULL);
    return ok;
}

static void check_prune(struct doctor *doctor, const struct spool_count *pending)
{
    if (pending->bytes > VOX_PRUNE_BYTES)
        say(doctor, WARNING, "more than 10 MB wait: the vox tool's own prune deletes them; upload first",
            STR_NULL);
    if (pending->entries && clock_wall_us(clock_system()) - pending->oldest_us > VOX_PRUNE_AGE_US)
        say(doctor, WARNING, "entries older than 7 days: the vox tool's own prune deletes them; upload first",
            STR_NULL);
}

static bool check_spool(struct doctor *doctor, const struct options *options, struct err *err)
{
    struct spool_place place;
    struct spool *spool;
    struct spool_count pending;
    if (!open_spool(options, false, &place, &spool, err))
        return false;
    say(doctor, FINE,
        spool_exists(spool) ? "spool " : "no spool yet; enqueue makes it: ", str_from(place.path));
    bool ok = spool_count(spool, SPOOL_PENDING, &pending, err);
    if (ok)
        check_prune(doctor, &pending);
    ok = ok && check_entries(doctor, spool, err);
    spool_close(spool);
    return ok;
}

static void check_settings(struct doctor *doctor, const struct options *options)
{
    struct endpoint endpoint;
    struct token token;
    struct err err;
    if (!settings_endpoint(options->url, options->allow_http, &endpoint, &err))
        say(doctor, FAULT, "", str_from(err.text));
    else if (!endpoint.url[0])
        say(doctor, WARNING, "no URL: set VOX_TELEMETRY_UPLOAD_URL", STR_NULL);
    else
        say(doctor, FINE, "URL ", str_from(endpoint.url));
    if (!settings_token(&token, &err)) {
        say(doctor, FAULT, "", str_from(err.text));
        return;
    }
    char mask[TOKEN_MASK_BYTES];
    token_mask(buf_str(&token.text), mask);
    if (token.text.len)
        say(doctor, FINE, "token ", str_from(mask));
    else
        say(doctor, WARNING, "no token: most sinks require one", STR_NULL);
    token_release(&token);
}

static enum client_exit run(const struct options *options)
{
    struct doctor doctor = {0};
    struct err err;
    if (!check_spool(&doctor, options, &err))
        say(&doctor, FAULT, "", str_from(err.text));
    check_settings(&doctor, options);
    if (doctor.faults)
        return EXIT_IS_CONFIG;
    return doctor.warnings ? EXIT_IS_SOME : EXIT_IS_OK;
}

static const struct option_row option_rows[] = {
    OPTION_SPOOL,
    OPTION("url", "URL", url, "check this URL instead of the configured one"),
    OPTION("allow-http", NULL, allow_http, "take an http URL of another machine"),
};
static const enum client_exit exits[] = {EXIT_IS_OK, EXIT_IS_SOME, EXIT_IS_USAGE, EXIT_IS_CONFIG, EXIT_IS_IO};

const struct command cmd_doctor = {
    .name = "doctor",
    .summary = "Look for what would keep events from being sent",
    .about = "Looks at the spool, every entry in it, the URL and the token. Sends nothing and\n"
             "asks no server.",
    COMMAND_TABLES(option_rows, exits),
    .run = run,
};
