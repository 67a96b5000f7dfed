// SPDX-License-Identifier: Apache-2.0
// vox-telemetry upload: the command around upload_run().
#include "client/common.h"
#include "client/consent.h"
#include "client/report.h"
#include "client/settings.h"
#include "client/units.h"

#include <inttypes.h>
#include <signal.h>
#include <sodium.h>

#define CONCURRENCY 4
#define SWEEPERS    16

static volatile sig_atomic_t stop_flag;

static void on_signal(int number)
{
    (void)number;
    stop_flag = 1;
}

// The first signal breaks off the transfer or the wait at hand, whose entry stays; the second kills.
static void catch_signals(void)
{
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND};
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    action = (struct sigaction){.sa_handler = SIG_IGN};
    sigaction(SIGPIPE, &action, NULL);
}

static enum client_exit exit_of(const struct upload_result *result)
{
    switch (result->end) {
    case UPLOAD_OUT_OF_TIME:
        if (!result->requests)
            return EXIT_IS_BUSY;
        // As asked for.
        __attribute__((fallthrough));
    case UPLOAD_DONE:
        return result->rejected.total || result->kept.total || result->bad || result->skipped ? EXIT_IS_SOME
                                                                                              : EXIT_IS_OK;
    case UPLOAD_STOPPED:
        return EXIT_IS_CONFIG;
    case UPLOAD_UNREACHABLE:
        return EXIT_IS_BUSY;
    case UPLOAD_INTERRUPTED:
        return EXIT_IS_INTERRUPTED;
    case UPLOAD_FAILED:
        return EXIT_IS_IO;
    default:
        BUG("an end that is none");
    }
}

// Before anything was tried. With --json the one object says it too.
static enum client_exit fail(const struct options *options, enum client_exit code, const struct err *err)
{
    struct buf buf;
    struct json_writer w;
    if (!options->json)
        return complain(code, err);
    buf_init(&buf, 4096);
    json_writer_init(&w, &buf);
    json_begin_object(&w);
    json_str(&w, "outcome", code == EXIT_IS_CONFIG ? STR("stopped") : STR("failed"));
    json_i64(&w, "exit", exit_number(code));
    json_str(&w, "reason", str_from(err->text));
    json_end_object(&w);
    printf("%.*s\n", STR_FMT(buf_str(&buf)));
    buf_release(&buf);
    return code;
}

// How much of it.
struct bounds {
    unsigned concurrency;
    uint64_t max_events;
    int64_t max_us;
};

// As whom, where to, and how much of the past.
struct sending {
    struct endpoint endpoint;
    struct token token;
    struct signing_key key;
    bool has_key;
    int64_t not_before_us;
    const char *refusal; // of consent, where a dry run shows all the same; NULL: none
    struct bounds bounds;
};

static bool read_bounds(const struct options *options, struct bounds *bounds, struct err *err)
{
    uint64_t number;
    *bounds = (struct bounds){.concurrency = CONCURRENCY};
    if (options->concurrency) {
        if (!str_to_u64(str_from(options->concurrency), &number) || number < 1 || number > HTTP_CALLS_MAX)
            return err_set(err, "--concurrency takes 1 to %d", HTTP_CALLS_MAX);
        bounds->concurrency = (unsigned)number;
    }
    if (options->max_events &&
        (!str_to_u64(str_from(options->max_events), &bounds->max_events) || !bounds->max_events))
        return err_set(err, "--max-events takes a number from 1 on");
    return !options->max_time || units_duration(options->max_time, &bounds->max_us) ||
           err_set(err, "--max-time takes a time such as 30s, 15m or 2h");
}

// The first failure is the one that is told, unless the run has told one.
static bool close_logs(struct sent_log *sent, struct spool_attempts *attempts, struct err *err)
{
    struct err first, second;
    bool sent_ok = sent_log_close(sent, &first), attempts_ok = spool_attempts_close(attempts, &second);
    if ((!sent_ok || !attempts_ok) && !err->text[0])
        *err = sent_ok ? second : first;
    return sent_ok && attempts_ok;
}

static enum client_exit upload_spool(const struct options *options, const struct sending *sending,
                                     struct spool *spool, uint64_t total, struct err *err)
{
    const struct endpoint *endpoint = &sending->endpoint;
    struct transport_curl *curl;
    struct transport transport;
    struct report report;
    uint64_t left;
    struct sent_log *sent = NULL;
    struct spool_attempts *attempts = NULL;
    const struct bounds *bounds = &sending->bounds;
    char shown[URL_MAX_BYTES];
    report_init(&report, options, url_shown(endpoint->url, shown),
                bounds->max_events ? MIN(total, bounds->max_events) : total);
    report.refusal = sending->refusal;
    struct upload_sight sight = report_sight(&report);
    if (!options->dry_run && !sent_log_open(spool, &sent, err))
        return fail(options, EXIT_IS_IO, err);
    if ((!options->dry_run && !spool_attempts_load(spool, endpoint->url, &attempts, err)) ||
        !transport_curl_new(&stop_flag, &curl, &transport, err)) {
        struct err ignored;
        (void)!spool_attempts_close(attempts, &ignored);
        (void)!sent_log_close(sent, &ignored);
        return fail(options, EXIT_IS_IO, err);
    }
    struct keeper keeper = {
        .spool = spool,
        .transport = &transport,
        .url = endpoint->url,
        .loopback = endpoint->loopback,
        .user_agent = USER_AGENT,
    };
    struct upload upload = {
        .spool = spool,
        .transport = &transport,
        .clock = clock_system(),
        .sight = &sight,
        .url = endpoint->url,
        .loopback = endpoint->loopback,
        .token = buf_str(&sending->token.text),
        .key = sending->has_key ? &sending->key : NULL,
        .user_agent = USER_AGENT,
        .dry_run = options->dry_run,
        .not_before_us = sending->not_before_us,
        .keeper = options->dry_run ? NULL : &keeper,
        .sent = sent,
        .attempts = attempts,
        .concurrency = bounds->concurrency,
        .sweepers = SWEEPERS,
        .max_events = bounds->max_events,
        .max_us = bounds->max_us,
        .stop = &stop_flag,
    };
    catch_signals();
    report_begin(&report);
    // A log that cannot be read is no reason to send nothing: all is offered then.
    struct err unread;
    if (upload.keeper && !keeper_begin(upload.keeper, &unread))
        upload.keeper = NULL;
    upload_run(&upload);
    keeper_end(&keeper);
    transport_curl_free(curl);
    enum client_exit code = exit_of(&upload.result);
    if (!close_logs(sent, attempts, &upload.result.why) && upload.result.end == UPLOAD_DONE) {
        upload.result.end = UPLOAD_FAILED;
        code = EXIT_IS_IO;
    }
    if (!spool_count_entries(spool, SPOOL_PENDING, &left, err))
        left = 0;
    report_end(&report, &upload.result, spool_path(spool), left, exit_number(code));
    return code;
}

static void put_idle(const struct options *options, const char *outcome, const char *text, uint64_t remaining)
{
    if (options->json)
        printf("{\"outcome\":\"%s\",\"exit\":0,\"dry_run\":%s,\"sent\":0,\"remaining\":%" PRIu64 "}\n",
               outcome, options->dry_run ? "true" : "false", remaining);
    else if (!options->quiet)
        printf("%s\n", text);
}

// An empty spool with files in it would puzzle who put them there.
static void say_ignored(const struct options *options, struct spool *spool)
{
    struct spool_count count;
    struct err ignored;
    if (options->json || options->quiet || !spool_count(spool, SPOOL_PENDING, &count, &ignored) ||
        (!count.ignored && !count.young))
        return;
    if (count.young)
        printf("%" PRIu64 " %s in pending/ without .json at the end: sent when a minute old.\n", count.young,
               count.young == 1 ? "file waits" : "files wait");
    if (count.ignored)
        printf("%" PRIu64 " other %s in pending/ left alone: names like .*, #*#, *~, *.tmp or\n"
               "*.part are of files that are still written.\n",
               count.ignored, count.ignored == 1 ? "file is" : "files are");
}

static enum client_exit upload_locked(const struct options *options, const struct bounds *bounds,
                                      struct spool *spool, struct err *err)
{
    struct sending sending = {.not_before_us = INT64_MIN, .bounds = *bounds};
    struct err refusal;
    uint64_t entries;
    bool taken = true;
    if (!consent_gate(&sending.not_before_us, &refusal))
        sending.refusal = refusal.text;
    if (sending.refusal && !options->dry_run)
        return fail(options, EXIT_IS_CONFIG, &refusal);
    if (options->include_older)
        sending.not_before_us = INT64_MIN;
    if (!options->dry_run && !spool_lock(spool, &taken, err))
        return fail(options, EXIT_IS_IO, err);
    if (!taken) {
        if (!spool_count_entries(spool, SPOOL_PENDING, &entries, err))
            entries = 0;
        put_idle(options, "locked", "Another upload is at work on this spool; it sends what is here.",
                 entries);
        return EXIT_IS_OK;
    }
    if (!spool_count_entries(spool, SPOOL_PENDING, &entries, err))
        return fail(options, EXIT_IS_IO, err);
    if (!settings_endpoint(options->url, options->allow_http, &sending.endpoint, err))
        return fail(options, EXIT_IS_CONFIG, err);
    if (!entries && !(options->dry_run && options->json)) {
        put_idle(options, "done", "Nothing to upload: the spool is empty.", 0);
        say_ignored(options, spool);
        return EXIT_IS_OK;
    }
    if (!sending.endpoint.url[0]) {
        err_set(err, "no URL to send to: set VOX_TELEMETRY_UPLOAD_URL or use --url");
        return fail(options, EXIT_IS_CONFIG, err);
    }
    if (!settings_token(&sending.token, err))
        return fail(options, EXIT_IS_CONFIG, err);
    enum client_exit code = settings_signing_key(&sending.key, &sending.has_key, err)
                                ? upload_spool(options, &sending, spool, entries, err)
                                : fail(options, EXIT_IS_CONFIG, err);
    token_release(&sending.token);
    sodium_memzero(&sending.key, sizeof(sending.key));
    return code;
}

static enum client_exit run(const struct options *options)
{
    struct spool_place place;
    struct spool *spool;
    struct err err;
    struct bounds bounds;
    if (!read_bounds(options, &bounds, &err))
        return complain(EXIT_IS_USAGE, &err);
    if (!open_spool(options, false, &place, &spool, &err))
        return fail(options, EXIT_IS_CONFIG, &err);
    enum client_exit code = upload_locked(options, &bounds, spool, &err);
    spool_close(spool);
    return code;
}

static const struct option_row option_rows[] = {
    OPTION("dry-run", NULL, dry_run, "print each request, token masked, and send nothing"),
    OPTION("url", "URL", url, "where to send, instead of the configured URL"),
    OPTION("max-events", "N", max_events, "send at most so many"),
    OPTION("max-time", "TIME", max_time, "stop after so long: 30s, 15m, 2h"),
    OPTION("concurrency", "N", concurrency, "requests at a time, 1 to 16 (default 4)"),
    OPTION("include-older", NULL, include_older, "send what is older than your consent too"),
    OPTION_SPOOL,
    OPTION("allow-http", NULL, allow_http, "send unencrypted to a host that is not this machine"),
    OPTION("json", NULL, json, "one JSON object on standard output, nothing else"),
    OPTION("quiet", NULL, quiet, "print only why it stopped"),
};
static const enum client_exit exits[] = {EXIT_IS_OK,   EXIT_IS_SOME, EXIT_IS_USAGE,      EXIT_IS_CONFIG,
                                         EXIT_IS_BUSY, EXIT_IS_IO,   EXIT_IS_INTERRUPTED};

const struct command cmd_upload = {
    .name = "upload",
    .summary = "Send what waits in the spool",
    .about = "Sends each entry of pending/ and deletes it only when the sink's receipt names\n"
             "it. Entries that the sink refuses for good move to rejected/ with its answer,\n"
             "files that are no JSON object to bad/ with the reason; all else is kept.\n"
             "Redirects are not followed. Running it again never stores an event twice. If\n"
             "another upload is at work on the spool, this one leaves it to that. What was\n"
             "sent is told by history; consent, VOX_TELEMETRY=off and DO_NOT_TRACK=1 are\n"
             "heeded.",
    COMMAND_TABLES(option_rows, exits),
    .run = run,
};
