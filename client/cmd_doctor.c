// SPDX-License-Identifier: Apache-2.0
// vox-telemetry doctor: looks for what would go wrong, here and with the sink.
#include "client/common.h"
#include "client/consent.h"
#include "client/findings.h"
#include "client/probe.h"
#include "client/settings.h"
#include "lib/base/clock.h"

#include <inttypes.h>
#include <sodium.h>
#include <sys/statvfs.h>

// The limits beyond which the vox tool's own prune deletes pending entries.
#define VOX_PRUNE_BYTES  (10ULL * 1024 * 1024)
#define VOX_PRUNE_AGE_US (7 * USEC_PER_DAY)
#define ODD_MAX          10 // entries named
#define FREE_BYTES       (100ULL * 1000 * 1000)

static bool check_entries(struct findings *findings, struct spool *spool, struct err *err)
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
        if (read == SPOOL_READ_OK || read == SPOOL_READ_GONE || odd++ >= ODD_MAX)
            continue;
        snprintf(line, sizeof(line), "%s %s", name, why.text);
        findings_say(findings, FINDING_WARNING, "entry", "", str_from(line));
    }
    spool_reader_release(&reader);
    spool_iter_free(iter);
    char text[96];
    snprintf(text, sizeof(text), "%" PRIu64 " can be sent, %" PRIu64 " cannot", good, odd);
    if (ok)
        findings_say(findings, odd ? FINDING_WARNING : FINDING_FINE, "entries", text, STR_NULL);
    return ok;
}

static void check_prune(struct findings *findings, const struct spool_count *pending)
{
    bool old = pending->entries && clock_wall_us(clock_system()) - pending->oldest_us > VOX_PRUNE_AGE_US;
    if (pending->bytes > VOX_PRUNE_BYTES)
        findings_say(findings, FINDING_WARNING, "prune", "more than 10 MiB wait", STR_NULL);
    if (old)
        findings_say(findings, FINDING_WARNING, "prune", "entries wait for more than 7 days", STR_NULL);
    if (old || pending->bytes > VOX_PRUNE_BYTES)
        findings_advise(findings, "The vox tool itself deletes those, without a word: upload before it\n"
                                  "runs again.");
}

// The folder's mode is what keeps others out; entries that others could read are named all the same.
static void check_modes(struct findings *findings, const struct spool *spool,
                        const struct spool_count *pending)
{
    char text[SPOOL_PATH_MAX + 64];
    bool loose = !spool_is_private(spool) || pending->loose;
    if (!spool_is_private(spool))
        findings_say(findings, FINDING_WARNING, "modes", "others can look into the spool", STR_NULL);
    if (pending->loose) {
        snprintf(text, sizeof(text), "%" PRIu64 " %s wider than 0600", pending->loose,
                 pending->loose == 1 ? "entry has a mode" : "entries have modes");
        findings_say(findings, FINDING_WARNING, "modes", text, STR_NULL);
    }
    snprintf(text, sizeof(text), "chmod -R go= %s", spool_path(spool));
    if (loose)
        findings_advise(findings, text);
}

static void check_disk(struct findings *findings, const char *path)
{
    struct statvfs disk;
    if (statvfs(path, &disk) != 0)
        return;
    if (disk.f_flag & ST_RDONLY)
        findings_say(findings, FINDING_FAULT, "disk", "the spool's file system is read-only", STR_NULL);
    else if ((uint64_t)disk.f_bavail * disk.f_frsize < FREE_BYTES)
        findings_say(findings, FINDING_WARNING, "disk", "less than 100 MB are free where the spool is",
                     STR_NULL);
}

static bool check_spool(struct findings *findings, struct spool *spool, struct err *err)
{
    struct spool_count pending;
    bool there = spool_exists(spool);
    findings_say(findings, FINDING_FINE, "spool",
                 there ? "" : "none yet; enqueue makes it: ", str_from(spool_path(spool)));
    if (!there)
        return true;
    check_disk(findings, spool_path(spool));
    if (!spool_count(spool, SPOOL_PENDING, &pending, err))
        return false;
    if (pending.ignored)
        findings_say(findings, FINDING_WARNING, "ignored",
                     "files in pending/ with names of unfinished ones: .*, #*#, *~, *.tmp, *.part …",
                     STR_NULL);
    if (pending.young)
        findings_say(findings, FINDING_FINE, "waiting",
                     "files in pending/ without .json, until they are a minute old", STR_NULL);
    check_modes(findings, spool, &pending);
    check_prune(findings, &pending);
    return check_entries(findings, spool, err);
}

static void check_token(struct findings *findings, const struct token *token)
{
    char mask[TOKEN_MASK_BYTES];
    token_mask(buf_str(&token->text), mask);
    if (token->text.len)
        findings_say(findings, FINDING_FINE, "token", "", str_from(mask));
    else
        findings_say(findings, FINDING_WARNING, "token", "none: most sinks require one", STR_NULL);
}

static bool read_key(struct findings *findings, struct signing_key *key, bool *ret_present)
{
    struct err err;
    if (!settings_signing_key(key, ret_present, &err)) {
        findings_say(findings, FINDING_FAULT, "signing", "", str_from(err.text));
        return false;
    }
    if (*ret_present)
        findings_say(findings, FINDING_FINE, "signing", "requests are signed", STR_NULL);
    return true;
}

// Where a sink may be asked: asks it.
static void check_sink(struct findings *findings, const struct options *options, struct spool *spool,
                       const struct endpoint *endpoint, const struct token *token)
{
    int64_t not_before_us;
    struct err why;
    struct signing_key key;
    bool has_key = false, key_ok = read_key(findings, &key, &has_key);
    bool may = consent_gate(&not_before_us, &why);
    findings_say(findings, may ? FINDING_FINE : FINDING_WARNING, "consent", may ? "upload may send" : "",
                 may ? STR_NULL : str_from(why.text));
    if (may && endpoint && endpoint->url[0] && token && key_ok && !options->offline)
        probe_sink(findings, endpoint, token, has_key ? &key : NULL, spool);
    if (has_key)
        sodium_memzero(&key, sizeof(key));
}

static void check_settings(struct findings *findings, const struct options *options, struct spool *spool)
{
    struct endpoint endpoint;
    struct token token;
    struct err err;
    bool url = settings_endpoint(options->url, options->allow_http, &endpoint, &err);
    char shown[URL_MAX_BYTES];
    if (!url) {
        findings_say(findings, FINDING_FAULT, "url", "", str_from(err.text));
    } else if (!endpoint.url[0]) {
        findings_say(findings, FINDING_WARNING, "url", "none: set VOX_TELEMETRY_UPLOAD_URL", STR_NULL);
    } else {
        endpoint_shown(&endpoint, shown);
        findings_say(findings, FINDING_FINE, "url", "", str_from(shown));
    }
    bool has_token = settings_token(&token, &err);
    if (has_token)
        check_token(findings, &token);
    else
        findings_say(findings, FINDING_FAULT, "token", "", str_from(err.text));
    check_sink(findings, options, spool, url ? &endpoint : NULL, has_token ? &token : NULL);
    if (has_token)
        token_release(&token);
}

static enum client_exit run(const struct options *options)
{
    struct findings findings;
    struct spool_place place;
    struct spool *spool = NULL;
    struct err err;
    findings_begin(&findings, options->json);
    if (!open_spool(options, false, &place, &spool, &err) || !check_spool(&findings, spool, &err))
        findings_say(&findings, FINDING_FAULT, "spool", "", str_from(err.text));
    check_settings(&findings, options, spool);
    spool_close(spool);
    findings_end(&findings);
    if (findings.faults)
        return EXIT_IS_CONFIG;
    return findings.warnings ? EXIT_IS_SOME : EXIT_IS_OK;
}

static const struct option_row option_rows[] = {
    OPTION("offline", NULL, offline, "look at this machine only; ask no sink"),
    OPTION_SPOOL,
    OPTION("url", "URL", url, "ask this sink instead of the configured one"),
    OPTION("allow-http", NULL, allow_http, "take an http URL of another machine"),
    OPTION("json", NULL, json, "as one JSON object"),
};
static const enum client_exit exits[] = {EXIT_IS_OK, EXIT_IS_SOME, EXIT_IS_USAGE, EXIT_IS_CONFIG, EXIT_IS_IO};

const struct command cmd_doctor = {
    .name = "doctor",
    .summary = "Look for what would keep events from being sent",
    .about = "Looks at the spool, every entry in it, the URL, the token and your consent. Then\n"
             "asks the sink for its version and clock, and posts one probe: an event of a\n"
             "contract of its own (vox-telemetry-probe) with this program's version in it and\n"
             "nothing of yours. --offline asks nobody; nor does it where consent is refused.",
    COMMAND_TABLES(option_rows, exits),
    .run = run,
};
