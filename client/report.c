// SPDX-License-Identifier: Apache-2.0
// Rendering of an upload.
#include "client/report.h"
#include "client/advice.h"
#include "client/show.h"
#include "client/style.h"
#include "client/text.h"

#include <inttypes.h>

#define NOTES_MAX            20 // a spool of thousands must not scroll the summary away
#define TERMINAL_INTERVAL_US (100 * USEC_PER_MSEC)
#define PIPE_INTERVAL_US     (10 * USEC_PER_SEC)
#define BAR_COLUMNS          20
#define NAME_SHOWN           60
#define NOTE_SHOWN           400
#define JSON_BYTES           ((size_t)2 * 1024 * 1024)
#define NAMED_BYTES          (JSON_BYTES / 2) // further entries are only counted

static const char *const end_names[] = {
    [UPLOAD_DONE] = "done",
    [UPLOAD_STOPPED] = "stopped",
    [UPLOAD_UNREACHABLE] = "unreachable",
    [UPLOAD_OUT_OF_TIME] = "out_of_time",
    [UPLOAD_INTERRUPTED] = "interrupted",
    [UPLOAD_FAILED] = "failed",
};

void report_init(struct report *report, const struct options *options, const char *url, uint64_t total)
{
    *report = (struct report){
        .options = options,
        .clock = clock_system(),
        .url = url,
        .total = total,
        .terminal = isatty(STDERR_FILENO) == 1,
    };
    buf_init(&report->named, NAMED_BYTES);
    report->start_us = clock_mono_us(report->clock);
    report->progress_us = report->start_us;
}

static void clear_line(struct report *report)
{
    // Without colour without other escapes too: written over with blanks.
    if (report->line_open && *style(stderr, STYLE_PLAIN))
        fputs("\r\033[K", stderr);
    else if (report->line_open)
        fprintf(stderr, "\r%*s\r", TEXT_COLUMNS, "");
    report->line_open = false;
}

// One line, but on a terminal as many as 80 columns ask for.
static void put_indented(const struct report *report, struct str text, int column)
{
    fprintf(stderr, "%*s", column, "");
    if (report->terminal) {
        text_put_wrapped(stderr, text, NOTE_SHOWN, column, column + 4);
    } else {
        text_put_safe(stderr, text, NOTE_SHOWN);
        putc('\n', stderr);
    }
}

static void name_in_json(struct report *report, const char *name, const char *what)
{
    struct json_writer w;
    struct buf one;
    buf_init(&one, 8 * 1024);
    json_writer_init(&w, &one);
    json_begin_object(&w);
    json_str(&w, "name", str_from(name));
    json_str(&w, "what", str_from(what));
    json_end_object(&w);
    if (buf_ok(&one) && report->named.len + one.len + 1 < NAMED_BYTES) {
        if (report->named.len)
            buf_put_char(&report->named, ',');
        buf_put_str(&report->named, buf_str(&one));
    }
    buf_release(&one);
}

static void on_note(void *context, const char *name, const char *what, const struct answer *answer)
{
    struct report *report = context;
    if (report->options->json)
        name_in_json(report, name, what);
    if (report->options->quiet || report->options->json)
        return;
    if (report->notes++ >= NOTES_MAX) {
        if (report->notes == NOTES_MAX + 1) {
            clear_line(report);
            fputs("  (further entries are only counted)\n", stderr);
        }
        return;
    }
    clear_line(report);
    char text[NAME_SHOWN + 8 + sizeof(((struct err *)0)->text)];
    int len = snprintf(text, sizeof(text), "%.*s%s: %s", NAME_SHOWN, name,
                       strlen(name) > NAME_SHOWN ? "..." : "", what);
    put_indented(report, str_slice(text, MIN((size_t)len, sizeof(text) - 1)), 2);
    if (answer && answer->pointer.ptr) {
        struct str pointer = answer->pointer.len ? answer->pointer : STR("the event");
        len = snprintf(text, sizeof(text), "%.*s: %.*s", (int)MIN(pointer.len, (size_t)100), pointer.ptr,
                       (int)MIN(answer->message.len, (size_t)200),
                       answer->message.len ? answer->message.ptr : "");
        put_indented(report, str_slice(text, MIN((size_t)len, sizeof(text) - 1)), 6);
    } else if (answer && answer->detail.len) {
        put_indented(report, answer->detail, 6);
    }
}

static void on_progress(void *context, const struct upload_result *result)
{
    struct report *report = context;
    uint64_t done = result->sent + result->duplicates + result->rejected.total + result->kept.total +
                    result->bad + result->skipped;
    int64_t now = clock_mono_us(report->clock);
    if (!done || report->options->quiet || report->options->json || report->options->dry_run ||
        now - report->progress_us < (report->terminal ? TERMINAL_INTERVAL_US : PIPE_INTERVAL_US))
        return;
    report->progress_us = now;
    char done_text[TEXT_SHORT], total_text[TEXT_SHORT], left_text[TEXT_SHORT], bar[BAR_COLUMNS + 1] = "";
    uint64_t total = MAX(report->total, done);
    unsigned share = (unsigned)(total ? done * 100 / total : 100);
    double rate = (double)done * USEC_PER_SEC / (double)MAX(now - report->start_us, (int64_t)1);
    text_count(done, done_text);
    text_count(total, total_text);
    text_age((int64_t)((double)(total - done) / MAX(rate, 0.001) * USEC_PER_SEC), left_text);
    clear_line(report);
    if (report->terminal) {
        memset(bar, ' ', BAR_COLUMNS);
        memset(bar, '#', share * BAR_COLUMNS / 100);
        fprintf(stderr, "  %s[%s]%s", style(stderr, STYLE_GOOD), bar, style(stderr, STYLE_PLAIN));
    }
    fprintf(stderr, "  %3u %%  %s of %s  %.0f/s  %s left", share, done_text, total_text, rate, left_text);
    if (!report->terminal)
        putc('\n', stderr);
    report->line_open = report->terminal;
    fflush(stderr);
}

static void on_waiting(void *context, int64_t us, const char *label)
{
    struct report *report = context;
    if (report->options->quiet || report->options->json || us < USEC_PER_SEC / 2)
        return;
    clear_line(report);
    fprintf(stderr, "  %s: waiting %.1f s%s", label, (double)us / USEC_PER_SEC, report->terminal ? "" : "\n");
    report->line_open = report->terminal;
    fflush(stderr);
}

static void on_request(void *context, const struct flight *flight)
{
    struct report *report = context;
    if (report->options->json)
        show_request_json(flight, report->requests > 0);
    else if (!report->options->quiet)
        show_request_text(flight, flight->batch && !report->batches);
    report->requests++;
    report->batches = report->batches || flight->batch;
}

struct upload_sight report_sight(struct report *report)
{
    return (struct upload_sight){on_note, on_progress, on_waiting, on_request, report};
}

void report_begin(struct report *report)
{
    char count[TEXT_SHORT];
    text_count(report->total, count);
    if (report->options->json && report->options->dry_run)
        printf("{\"requests\":[");
    else if (!report->options->json && !report->options->quiet)
        printf("%s %s %s %s\n%s", report->options->dry_run ? "Would upload" : "Uploading", count,
               report->total == 1 ? "entry to" : "entries to", report->url,
               report->options->dry_run ? "\n" : "");
    fflush(stdout);
}

static void put_row(const char *name, uint64_t n, const char *text)
{
    char count[TEXT_SHORT];
    text_count(n, count);
    printf("  %-10s %9s%s%s\n", name, count, *text ? "   " : "", text);
}

static void put_tally(const char *name, const struct tally *tally, const char *where)
{
    char text[512] = "";
    size_t len = 0;
    for (size_t i = 0; i < tally->count && len < sizeof(text) - 80; i++)
        len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%s %" PRIu64, i ? ", " : "",
                                tally->rows[i].label, tally->rows[i].count);
    snprintf(text + len, sizeof(text) - len, "%s", where);
    if (tally->total)
        put_row(name, tally->total, text);
}

static void put_advice(const struct tally *tally)
{
    for (size_t i = 0; i < tally->count; i++) {
        const char *advice = advice_for(tally->rows[i].label);
        if (!advice)
            continue;
        int column = printf("%s: ", tally->rows[i].label);
        text_put_wrapped(stdout, str_from(advice), strlen(advice), column, 4);
    }
}

// What did not go, or would not.
static void put_others(const struct report *report, const struct upload_result *result)
{
    put_tally("kept", &result->kept, "");
    if (result->bad)
        put_row("bad", result->bad,
                report->options->dry_run ? "cannot be sent; would move to bad/" : "cannot be sent; see bad/");
    if (result->skipped)
        put_row("skipped", result->skipped, "not plain files of this user, or tracked by git");
}

static void end_dry_text(const struct report *report, const struct upload_result *result)
{
    char bytes[TEXT_SHORT], count[TEXT_SHORT];
    text_bytes(result->bytes, bytes);
    text_count(result->sent, count);
    if (report->refusal)
        text_put_sentence(stdout, printf("As things are "), str_from(report->refusal));
    printf("Nothing was sent. Upload would %ssend %s event%s, %s.\n", report->refusal ? "otherwise " : "",
           count, result->sent == 1 ? "" : "s", bytes);
    put_others(report, result);
    put_advice(&result->kept);
}

static void end_text(const struct report *report, const struct upload_result *result, const char *spool_path,
                     uint64_t remaining)
{
    char bytes[TEXT_SHORT];
    text_bytes(result->bytes, bytes);
    put_row("sent", result->sent, result->bytes ? bytes : "");
    if (result->duplicates)
        put_row("duplicates", result->duplicates, "the sink had them already");
    put_tally("rejected", &result->rejected, "; see rejected/");
    put_others(report, result);
    put_row("remaining", remaining, "");
    if (remaining || result->rejected.total || result->bad) {
        fputs("Spool: ", stdout);
        text_put_safe(stdout, str_from(spool_path), SPOOL_PATH_MAX);
        putchar('\n');
    }
    put_advice(&result->kept);
}

static void json_tally(struct json_writer *w, const char *key, const struct tally *tally)
{
    json_key(w, key);
    json_begin_object(w);
    for (size_t i = 0; i < tally->count; i++)
        json_u64(w, tally->rows[i].label, tally->rows[i].count);
    json_end_object(w);
}

static void end_json(const struct report *report, const struct upload_result *result, const char *spool_path,
                     uint64_t remaining, int exit_number_)
{
    struct buf buf;
    struct json_writer w;
    buf_init(&buf, JSON_BYTES);
    json_writer_init(&w, &buf);
    json_begin_object(&w);
    json_str(&w, "outcome", str_from(end_names[result->end]));
    json_i64(&w, "exit", exit_number_);
    json_bool(&w, "dry_run", report->options->dry_run);
    json_str(&w, "url", str_from(report->url));
    json_str(&w, "spool", str_from(spool_path));
    json_u64(&w, report->options->dry_run ? "would_send" : "sent", result->sent);
    json_u64(&w, "duplicates", result->duplicates);
    json_u64(&w, "bytes", result->bytes);
    if (!report->options->dry_run) // there they are listed
        json_u64(&w, "requests", result->requests);
    json_tally(&w, "rejected", &result->rejected);
    json_tally(&w, "kept", &result->kept);
    json_u64(&w, "bad", result->bad);
    json_u64(&w, "skipped", result->skipped);
    json_u64(&w, "remaining", remaining);
    json_key(&w, "entries");
    json_begin_array(&w);
    if (report->named.len)
        json_value_raw(&w, buf_str(&report->named));
    json_end_array(&w);
    if (report->options->dry_run)
        json_str(
            &w, "note",
            STR("The first request goes as shown. If its answer links to a batch endpoint, the others go as "
                "shown, compressed, with more or fewer lines as the sink keeps up; else the event of each "
                "line "
                "goes in a request like the first."));
    if (report->options->dry_run)
        json_str(&w, "refused", report->refusal ? str_from(report->refusal) : STR_NULL);
    json_str(&w, "reason", result->end == UPLOAD_DONE ? STR_NULL : str_from(result->why.text));
    json_str(&w, "detail", result->detail[0] ? str_from(result->detail) : STR_NULL);
    json_end_object(&w);
    // A dry run has written the object's beginning already.
    struct str text = buf_str(&buf);
    if (report->options->dry_run)
        printf("],%.*s\n", STR_FMT(str_skip(text, 1)));
    else
        printf("%.*s\n", STR_FMT(text));
    buf_release(&buf);
}

void report_end(struct report *report, const struct upload_result *result, const char *spool_path,
                uint64_t remaining, int exit_number_)
{
    clear_line(report);
    if (report->options->json)
        end_json(report, result, spool_path, remaining, exit_number_);
    else if (report->options->dry_run && !report->options->quiet)
        end_dry_text(report, result);
    else if (!report->options->quiet)
        end_text(report, result, spool_path, remaining);
    buf_release(&report->named);
    fflush(stdout);
    if (result->end == UPLOAD_DONE || report->options->json)
        return;
    int column = fprintf(stderr, "vox-telemetry: ");
    text_put_sentence(stderr, column, str_from(result->why.text));
    if (result->detail[0]) {
        column = fprintf(stderr, "%s: ", result->detail_of);
        text_put_sentence(stderr, column, str_from(result->detail));
    }
    if (result->location[0]) {
        column = fprintf(stderr, "It points to ");
        text_put_sentence(stderr, column, str_from(result->location));
    }
    if (result->advice)
        fprintf(stderr, "%s\n", result->advice);
}
