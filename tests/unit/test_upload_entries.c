// SPDX-License-Identifier: Apache-2.0
// The upload's way with entries: what is sent of one, which are not offered, what is written down about them.
#include "test_upload_script.h"

#include "check_main.h"
#include "lib/base/file.h"

START_TEST(upload__sends_the_minified_text_with_its_identity)
{
    static const struct step steps[] = {CREATED};
    static const struct upload_sight blind;
    struct spool *spool = spool_of(1);
    struct script script = {.steps = steps, .count = 1};
    const struct transport transport = {play, play_wait, &script};
    struct upload upload = {.spool = spool,
                            .transport = &transport,
                            .clock = clock_system(),
                            .sight = &blind,
                            .url = "https://x",
                            .token = STR("secret"),
                            .user_agent = "a/1",
                            .not_before_us = INT64_MIN,
                            .stop = &stop};
    buf_init(&script.last_body, 1000);
    upload_run(&upload);
    ck_assert_view_eq(buf_str(&script.last_body), "{\"n\":1}");
    ck_assert_str_eq(script.ids[0], "\"018f0000-0000-7000-8000-000000000000\"");
    ck_assert_str_eq(script.authorization, "Bearer secret");
    ck_assert_str_eq(script.at, "2024-04-21T09:32:31.104000Z");
    buf_release(&script.last_body);
    done(spool);
}
END_TEST

START_TEST(upload__keeps_the_id_over_retries)
{
    static const struct step steps[] = {DOWN, AFTER(overloaded, 1), CREATED};
    struct spool *spool = spool_of(1);
    struct script script = {.steps = steps, .count = ARRAY_LEN(steps)};
    run(spool, &script);
    ck_assert_str_eq(script.ids[0], script.ids[1]);
    ck_assert_str_eq(script.ids[0], script.ids[2]);
    ck_assert_uint_eq(script.waits, 2);
    ck_assert_int_ge(script.longest_us, USEC_PER_SEC);
    ck_assert_int_le(script.longest_us, 2 * USEC_PER_SEC);
    done(spool);
}
END_TEST

START_TEST(upload__goes_past_bad_and_foreign_files)
{
    static const struct step steps[] = {CREATED, CREATED};
    struct spool *spool = spool_of(2);
    temp_write("spool/pending/000-torn.json", "{\"a\":");
    temp_write("spool/pending/001-empty.json", "");
    temp_write("target", "{}");
    ck_assert_int_eq(symlink(temp_path("target"), temp_path("spool/pending/002-link.json")), 0);
    ck_assert_int_eq(mkfifo(temp_path("spool/pending/003-pipe.json"), 0600), 0);
    struct script script = {.steps = steps, .count = ARRAY_LEN(steps)};
    struct upload u = run(spool, &script);
    ck_assert_int_eq(u.result.end, UPLOAD_DONE);
    ck_assert_uint_eq(u.result.sent, 2);
    ck_assert_uint_eq(u.result.bad, 2);
    ck_assert_uint_eq(u.result.skipped, 2);
    ck_assert(temp_exists("spool/bad/000-torn.json.reason"));
    ck_assert(temp_exists("spool/pending/002-link.json"));
    // Files this young were looked at twice: their writer may not have been done.
    ck_assert_uint_eq(script.waits, 2);
    done(spool);
}
END_TEST

// What their writer does while the upload waits for it.
static enum { WRITER_GOES_ON, WRITER_IS_DONE, WRITER_UNKNOWN } writer;

static bool wait_beside_writer(void *context, int64_t us)
{
    (void)context, (void)us;
    if (writer == WRITER_UNKNOWN) {
        stop = 1;
        return false;
    }
    const struct timespec later[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_nsec = UTIME_NOW}};
    temp_write("spool/pending/torn.json", writer == WRITER_IS_DONE ? "{\"a\":1}" : "{\"a\":1,");
    ck_assert_int_eq(utimensat(AT_FDCWD, temp_path("spool/pending/torn.json"), later, 0), 0);
    return true;
}

START_TEST(upload__leaves_a_file_to_its_writer)
{
    static const struct upload_sight blind;
    static const struct step steps[] = {CREATED};
    for (writer = WRITER_GOES_ON; writer <= WRITER_UNKNOWN; writer++) {
        bool whole = writer == WRITER_IS_DONE;
        struct spool *spool = spool_of(0);
        struct script script = {.steps = steps, .count = ARRAY_LEN(steps)};
        const struct transport transport = {play, wait_beside_writer, &script};
        struct upload upload = {.spool = spool,
                                .transport = &transport,
                                .clock = clock_system(),
                                .sight = &blind,
                                .url = "https://x",
                                .user_agent = "a/1",
                                .not_before_us = INT64_MIN,
                                .stop = &stop};
        buf_init(&script.last_body, 1000);
        temp_write("spool/pending/torn.json", "{\"a\":");
        upload_run(&upload);
        ck_assert_uint_eq(script.posts, whole);
        ck_assert_uint_eq(upload.result.bad, 0);
        ck_assert_uint_eq(temp_count(spool, SPOOL_PENDING), !whole);
        ck_assert_uint_eq(upload.result.kept.total, writer == WRITER_GOES_ON);
        buf_release(&script.last_body);
        done(spool);
    }
}
END_TEST

START_TEST(upload__puts_the_answer_beside_what_was_refused)
{
    static const struct step steps[] = {REFUSED(schema_invalid)};
    struct spool *spool = spool_of(1);
    struct script script = {.steps = steps, .count = 1};
    struct buf text;
    struct json_doc doc;
    struct err err;
    run(spool, &script);
    buf_init(&text, 8192);
    ck_assert(file_read_at(
        AT_FDCWD, temp_path("spool/rejected/018f0000-0000-7000-8000-000000000000.json.answer"), &text, &err));
    json_doc_init(&doc, NULL, 1 << 20);
    ck_assert_int_eq(json_doc_parse(&doc, buf_str(&text), NULL), JSON_FAULT_NONE);
    ck_assert_int_eq(json_get(doc.root, STR("status"))->integer, 422);
    const struct json *code = json_get(json_get(doc.root, STR("answer")), STR("code"));
    ck_assert_view_eq(json_text(code), "schema_invalid");
    json_doc_release(&doc);
    buf_release(&text);
    done(spool);
}
END_TEST

static unsigned shown, shown_batches;
static char shown_authorization[64];

static void on_request(void *context, const struct flight *flight)
{
    const struct http_request *request = &flight->request.http;
    (void)context;
    shown += (unsigned)flight->asked_count;
    shown_batches += flight->batch;
    for (size_t i = 0; i < request->header_count; i++)
        if (strcmp(request->headers[i].name, "Authorization") == 0)
            snprintf(shown_authorization, sizeof(shown_authorization), "%s", request->headers[i].shown);
}

START_TEST(upload__dry_run_touches_nothing)
{
    struct spool *spool = spool_of(3);
    struct script script = {.count = 0};
    const struct transport transport = {play, play_wait, &script};
    const struct upload_sight sight = {.request = on_request};
    struct upload upload = {.spool = spool,
                            .transport = &transport,
                            .clock = clock_system(),
                            .sight = &sight,
                            .url = "https://x",
                            .token = STR("secret"),
                            .user_agent = "a/1",
                            .not_before_us = INT64_MIN,
                            .stop = &stop,
                            .dry_run = true};
    temp_write("spool/pending/torn.json", "{");
    shown = shown_batches = 0;
    upload_run(&upload);
    ck_assert_uint_eq(shown, 3);
    ck_assert_uint_eq(shown_batches, 1);
    ck_assert_uint_eq(upload.result.sent, 3);
    ck_assert_str_eq(shown_authorization, "Bearer (hidden)");
    ck_assert_uint_eq(script.posts + script.waits, 0);
    ck_assert_uint_eq(temp_count(spool, SPOOL_PENDING), 4);
    ck_assert(!temp_exists("spool/bad"));
    done(spool);
}
END_TEST

START_TEST(upload__stops_before_the_next_entry_when_told)
{
    struct spool *spool = spool_of(2);
    struct script script = {.count = 0};
    stop = 1;
    struct upload u = run(spool, &script);
    ck_assert_int_eq(u.result.end, UPLOAD_INTERRUPTED);
    ck_assert_uint_eq(temp_count(spool, SPOOL_PENDING), 2);
    done(spool);
}
END_TEST

START_TEST(upload__holds_what_is_older_than_consent)
{
    struct spool *spool = spool_of(2); // of April 2024
    struct script script = {.count = 0};
    const struct transport transport = {play, play_wait, &script};
    struct upload u = run_with(spool, &script, &transport, &(struct upload){.not_before_us = INT64_MAX});
    ck_assert_uint_eq(u.result.kept.total, 2);
    ck_assert_str_eq(u.result.kept.rows[0].label, "before_consent");
    ck_assert_uint_eq(temp_count(spool, SPOOL_PENDING), 2);

    // Of the moment itself is not older.
    static const struct step steps[] = {CREATED, CREATED};
    script = (struct script){.steps = steps, .count = 2};
    u = run_with(spool, &script, &transport,
                 &(struct upload){.not_before_us = 0x018f00000000 * USEC_PER_MSEC});
    ck_assert_uint_eq(u.result.sent, 2);
    done(spool);
}
END_TEST

// A run that writes down what it sent; from the first line on.
static struct sent_reader *run_logged(struct spool *spool, struct script *script)
{
    const struct transport transport = {play, play_wait, script};
    struct sent_log *log;
    struct sent_reader *reader;
    struct err err;
    ck_assert(sent_log_open(spool, &log, &err));
    run_with(spool, script, &transport, &(struct upload){.not_before_us = INT64_MIN, .sent = log});
    ck_assert(sent_log_close(log, &err));
    ck_assert(sent_reader_open(spool, &reader, &err));
    return reader;
}

START_TEST(upload__writes_down_what_it_sent_before_it_deletes)
{
    static const struct step steps[] = {CREATED, REFUSED(schema_invalid), DUPLICATE};
    struct spool *spool = spool_of(3);
    struct script script = {.steps = steps, .count = ARRAY_LEN(steps)};
    struct sent_log *log;
    struct sent_reader *reader = run_logged(spool, &script);
    const struct json *line;
    struct str text;
    struct err err;
    static const char *const outcomes[] = {"stored", "refused", "duplicate"};
    for (size_t i = 0; i < ARRAY_LEN(outcomes); i++) {
        ck_assert(sent_reader_next(reader, &line, &text, &err) && line);
        ck_assert(str_eq(sent_line_outcome(line), str_from(outcomes[i])));
        ck_assert_int_eq(json_is_object(json_get(line, STR("receipt"))), i != 1);
    }
    ck_assert(sent_reader_next(reader, &line, &text, &err) && !line);
    sent_reader_close(reader);
    // Where it cannot be written down, nothing is deleted.
    temp_write("spool/pending/more.json", "{}");
    int full = open("/dev/full", O_RDWR);
    if (full >= 0) {
        static const struct step one[] = {CREATED};
        struct script again = {.steps = one, .count = 1};
        const struct transport other = {play, play_wait, &again};
        ck_assert(sent_log_open(spool, &log, &err));
        // The log's descriptor is the one opened last but one: found by its file.
        struct stat st, now;
        ck_assert_int_eq(lstat(temp_path("spool/sent.log"), &st), 0);
        for (int fd = 3; fd < 256; fd++)
            if (fstat(fd, &now) == 0 && now.st_ino == st.st_ino && now.st_dev == st.st_dev)
                ck_assert_int_eq(dup2(full, fd), fd);
        close(full);
        struct upload u =
            run_with(spool, &again, &other, &(struct upload){.not_before_us = INT64_MIN, .sent = log});
        ck_assert_int_eq(u.result.end, UPLOAD_FAILED);
        ck_assert(temp_exists("spool/pending/more.json"));
        (void)!sent_log_close(log, &err);
    }
    done(spool);
}
END_TEST

// What was answered before the run ended is told as that, the last request that went out counts.
START_TEST(upload__tells_the_answer_that_it_gave_up_at)
{
    static const struct {
        struct step steps[6];
        size_t count;
        const char *outcome, *code;
        int status;
    } rows[] = {
        {{AFTER(rate_limited, 90)}, 1, "kept", "rate_limited", 429},
        {{REFUSED(overloaded), REFUSED(overloaded), REFUSED(overloaded), REFUSED(overloaded),
          REFUSED(overloaded), REFUSED(overloaded)},
         6,
         "kept",
         "overloaded",
         503},
        {{AFTER(overloaded, 1), DOWN, DOWN, DOWN}, 4, "kept", "overloaded", 503},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct spool *spool = spool_of(2);
        struct script script = {.steps = rows[i].steps, .count = rows[i].count};
        struct sent_reader *reader = run_logged(spool, &script);
        const struct json *line;
        struct str text;
        struct err err;
        ck_assert(sent_reader_next(reader, &line, &text, &err) && line);
        ck_assert_msg(str_eq(sent_line_outcome(line), str_from(rows[i].outcome)), "row %zu", i);
        ck_assert(str_eq(json_text(json_get(line, STR("code"))), str_from(rows[i].code)));
        ck_assert_int_eq(json_integer(json_get(line, STR("status"))), rows[i].status);
        ck_assert(sent_reader_next(reader, &line, &text, &err) && !line);
        sent_reader_close(reader);
        done(spool);
    }
}
END_TEST

static void run_keeping(struct spool *spool, struct script *script)
{
    const struct transport transport = {play, play_wait, script};
    struct keeper keeper = {.spool = spool,
                            .transport = &transport,
                            .url = "https://sink.example/v1/events",
                            .user_agent = "a/1"};
    struct err err = {""};
    ck_assert_msg(keeper_begin(&keeper, &err), "%s", err.text);
    run_with(spool, script, &transport, &(struct upload){.not_before_us = INT64_MIN, .keeper = &keeper});
    keeper_end(&keeper);
}

START_TEST(upload__offers_what_was_kept_when_the_contracts_change)
{
    static const struct step refused[] = {REFUSED(unknown_contract)}, taken[] = {CREATED};
    static const struct {
        const char *contract_set;
        const struct step *steps;
        unsigned gets;
    } rows[] = {
        {NULL, refused, 1}, // a sink that does not say is offered it each time
        {NULL, refused, 1},  {"one", refused, 1}, {"one", NULL, 1},
        {"two", refused, 1}, {"two", NULL, 1},    {"three", taken, 1},
    };
    struct spool *spool = spool_of(1);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct script script = {
            .steps = rows[i].steps, .count = rows[i].steps != NULL, .contract_set = rows[i].contract_set};
        run_keeping(spool, &script);
        ck_assert_msg(script.gets == rows[i].gets, "row %zu: %u", i, script.gets);
        ck_assert_uint_eq(temp_count(spool, SPOOL_PENDING), rows[i].steps != taken);
    }
    done(spool);
}
END_TEST

CHECK_MAIN_WITH(script_setup, "upload_entries", upload__sends_the_minified_text_with_its_identity,
                upload__keeps_the_id_over_retries, upload__goes_past_bad_and_foreign_files,
                upload__leaves_a_file_to_its_writer, upload__puts_the_answer_beside_what_was_refused,
                upload__dry_run_touches_nothing, upload__stops_before_the_next_entry_when_told,
                upload__holds_what_is_older_than_consent, upload__writes_down_what_it_sent_before_it_deletes,
                upload__tells_the_answer_that_it_gave_up_at,
                upload__offers_what_was_kept_when_the_contracts_change)
