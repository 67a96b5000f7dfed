// SPDX-License-Identifier: Apache-2.0
// The upload against scripted answers: what becomes of each entry, and of the run.
#include "client/settings.h"
#include "client/upload.h"
#include "test_spool_temp.h"

#include "check_main.h"
#include "lib/base/file.h"
#include "lib/spool/answer.h"
#include "lib/wire/problem.h"

#include <sodium.h>

#define JSON "application/json"
#define HTML "text/html"

// One answer of the script. `body` "receipt" or "duplicate" is made from the request, "other" names another.
struct step {
    enum http_result result;
    int status;
    const char *type, *body;
    enum problem problem;
    int64_t retry_after_s; // 0: not said
};
#define CREATED                             \
    {                                       \
        HTTP_ANSWERED, 201, JSON, "receipt" \
    }
#define DUPLICATE                             \
    {                                         \
        HTTP_ANSWERED, 200, JSON, "duplicate" \
    }
#define REFUSED(p)                            \
    {                                         \
        HTTP_ANSWERED, .problem = PROBLEM_##p \
    }
#define AFTER(p, s)                                                 \
    {                                                               \
        HTTP_ANSWERED, .problem = PROBLEM_##p, .retry_after_s = (s) \
    }
#define PAGE(status)                                        \
    {                                                       \
        HTTP_ANSWERED, (status), HTML, "<html>hello</html>" \
    }
#define DOWN             \
    {                    \
        HTTP_UNREACHABLE \
    }

struct script {
    const struct step *steps;
    size_t count, next;
    unsigned posts, waits;
    int64_t waited_us, longest_us;
    char ids[64][UUID_TEXT_LEN + 3]; // Idempotency-Key of each post
    char authorization[128], at[64];
    struct buf last_body;
    bool overran;
};

static volatile sig_atomic_t stop;

static const char *header(const struct http_request *request, const char *name)
{
    for (size_t i = 0; i < request->header_count; i++)
        if (strcmp(request->headers[i].name, name) == 0)
            return request->headers[i].value;
    return NULL;
}

static void put_receipt(struct http_reply *reply, const struct http_request *request, const char *kind)
{
    uint8_t digest[SHA256_LEN];
    char hex[SHA256_HEX_LEN + 1], id[UUID_TEXT_LEN + 1];
    bool other = strcmp(kind, "other") == 0;
    memcpy(id, header(request, "Idempotency-Key") + 1, UUID_TEXT_LEN);
    id[UUID_TEXT_LEN] = '\0';
    sha256(request->body, digest);
    if (other) {
        id[0] = id[0] == '0' ? '1' : '0';
        digest[0] ^= 1;
    }
    sha256_hex(digest, hex);
    buf_putf(&reply->body,
             "{\"event_id\":\"%s\",\"contract\":\"a.v1\",\"received_at\":\"2026-01-01T00:00:00Z\",\"sha256\":"
             "\"%s\",\"duplicate\":%s}",
             id, hex, strcmp(kind, "duplicate") == 0 ? "true" : "false");
    if (strcmp(kind, "truncated") == 0)
        reply->body.len /= 2;
}

static enum http_result play(void *context, const struct http_request *request, struct http_reply *reply)
{
    struct script *script = context;
    if (script->next == script->count) {
        script->overran = true;
        return HTTP_MISCONFIGURED;
    }
    const struct step *step = &script->steps[script->next++];
    const char *at = header(request, "X-Vox-Telemetry-At"), *auth = header(request, "Authorization");
    snprintf(script->ids[script->posts++ % 64], sizeof(script->ids[0]), "%s",
             header(request, "Idempotency-Key"));
    snprintf(script->authorization, sizeof(script->authorization), "%s", auth ? auth : "");
    snprintf(script->at, sizeof(script->at), "%s", at ? at : "");
    buf_clear(&script->last_body);
    buf_put_str(&script->last_body, request->body);
    if (step->result != HTTP_ANSWERED) {
        err_set(&reply->why, "nobody is there");
        return step->result;
    }
    reply->complete = true;
    reply->status = step->problem ? problem_info(step->problem)->status : step->status;
    snprintf(reply->content_type, sizeof(reply->content_type), "%s",
             step->problem ? "application/problem+json"
             : step->type  ? step->type
                           : "");
    if (step->retry_after_s)
        reply->retry_after_s = step->retry_after_s;
    if (step->problem)
        problem_write(&reply->body, step->problem, STR_NULL, STR_NULL, NULL, 0);
    else if (step->type && strcmp(step->type, JSON) == 0)
        put_receipt(reply, request, step->body);
    else if (step->body)
        buf_put_cstr(&reply->body, step->body);
    if (step->status >= 300 && step->status < 400)
        snprintf(reply->location, sizeof(reply->location), "https://elsewhere.example/");
    return HTTP_ANSWERED;
}

static bool play_wait(void *context, int64_t us)
{
    struct script *script = context;
    script->waits++;
    script->waited_us += us;
    script->longest_us = MAX(script->longest_us, us);
    return true;
}

static struct upload run(struct spool *spool, struct script *script)
{
    static const struct upload_sight blind;
    const struct transport transport = {play, play_wait, script};
    struct upload upload = {
        .spool = spool,
        .transport = &transport,
        .clock = clock_system(),
        .sight = &blind,
        .url = "https://sink.example/v1/events",
        .token = STR("secret"),
        .user_agent = "vox-telemetry/test",
        .not_before_us = INT64_MIN,
        .stop = &stop,
    };
    buf_init(&script->last_body, SPOOL_FILE_BYTES);
    upload_run(&upload);
    ck_assert_msg(!script->overran, "more requests than the script has answers");
    ck_assert_uint_eq(script->next, script->count);
    buf_release(&script->last_body);
    return upload;
}

static void setup(void)
{
    BUG_ON(sodium_init() < 0);
}

static struct spool *spool_of(unsigned entries)
{
    char path[128];
    temp_enter();
    stop = 0;
    struct spool *spool = temp_spool(true);
    for (unsigned i = 0; i < entries; i++) {
        snprintf(path, sizeof(path), "spool/pending/018f0000-0000-7000-8000-%012u.json", i);
        temp_write(path, "{ \"n\" : 1 }");
    }
    return spool;
}

static void done(struct spool *spool)
{
    spool_close(spool);
    temp_leave();
}

// Each row: a spool of `entries`, the answers in order, and what must be so after.
static const struct {
    const char *name;
    unsigned entries;
    struct step steps[16];
    size_t count;
    enum upload_end end;
    uint64_t sent, duplicates, rejected, kept, remaining;
    const char *label; // of a kept or rejected entry
} rows[] = {
    {"all sent", 2, {CREATED, CREATED}, 2, UPLOAD_DONE, 2, 0, 0, 0, 0, NULL},
    {"a duplicate is done", 2, {DUPLICATE, CREATED}, 2, UPLOAD_DONE, 1, 1, 0, 0, 0, NULL},
    {"captive portal", 5, {PAGE(200), PAGE(200), PAGE(200)}, 3, UPLOAD_STOPPED, 0, 0, 0, 3, 5, "no_receipt"},
    {"one odd answer does not stop the rest",
     3,
     {PAGE(200), CREATED, CREATED},
     3,
     UPLOAD_DONE,
     2,
     0,
     0,
     1,
     1,
     "no_receipt"},
    {"204", 1, {{HTTP_ANSWERED, 204, NULL, NULL}}, 1, UPLOAD_DONE, 0, 0, 0, 1, 1, "no_receipt"},
    {"receipt of another",
     1,
     {{HTTP_ANSWERED, 201, JSON, "other"}},
     1,
     UPLOAD_DONE,
     0,
     0,
     0,
     1,
     1,
     "receipt_of_another"},
    {"receipt cut short",
     1,
     {{HTTP_ANSWERED, 201, JSON, "truncated"}},
     1,
     UPLOAD_DONE,
     0,
     0,
     0,
     1,
     1,
     "no_receipt"},
    {"redirect", 3, {{HTTP_ANSWERED, 302, HTML, ""}}, 1, UPLOAD_STOPPED, 0, 0, 0, 0, 3, NULL},
    {"redirect with a receipt",
     1,
     {{HTTP_ANSWERED, 307, JSON, "receipt"}},
     1,
     UPLOAD_STOPPED,
     0,
     0,
     0,
     0,
     1,
     NULL},
    {"HTML 400", 2, {PAGE(400), CREATED}, 2, UPLOAD_DONE, 1, 0, 0, 1, 1, "foreign_answer"},
    {"HTML 413", 1, {PAGE(413)}, 1, UPLOAD_DONE, 0, 0, 0, 1, 1, "foreign_answer"},
    {"a proxy's limit on size does not stop the rest",
     5,
     {PAGE(413), PAGE(413), PAGE(413), PAGE(413), CREATED},
     5,
     UPLOAD_DONE,
     1,
     0,
     0,
     4,
     4,
     "foreign_answer"},
    {"400", 2, {REFUSED(json_malformed), CREATED}, 2, UPLOAD_DONE, 1, 0, 1, 0, 0, "json_malformed"},
    {"409", 2, {REFUSED(event_id_reused), CREATED}, 2, UPLOAD_DONE, 1, 0, 1, 0, 0, "event_id_reused"},
    {"413", 2, {REFUSED(body_too_large), CREATED}, 2, UPLOAD_DONE, 1, 0, 1, 0, 0, "body_too_large"},
    {"422 schema", 2, {REFUSED(schema_invalid), CREATED}, 2, UPLOAD_DONE, 1, 0, 1, 0, 0, "schema_invalid"},
    {"422 storage", 1, {REFUSED(storage_refused)}, 1, UPLOAD_DONE, 0, 0, 1, 0, 0, "storage_refused"},
    {"422 unknown contract",
     2,
     {REFUSED(unknown_contract), CREATED},
     2,
     UPLOAD_DONE,
     1,
     0,
     0,
     1,
     1,
     "unknown_contract"},
    {"422 class", 1, {REFUSED(class_not_allowed)}, 1, UPLOAD_DONE, 0, 0, 0, 1, 1, "class_not_allowed"},
    {"many kept by the sink do not stop it",
     5,
     {REFUSED(unknown_contract), REFUSED(unknown_contract), REFUSED(unknown_contract),
      REFUSED(unknown_contract), CREATED},
     5,
     UPLOAD_DONE,
     1,
     0,
     0,
     4,
     4,
     "unknown_contract"},
    {"401 stops all", 3, {CREATED, REFUSED(token_invalid)}, 2, UPLOAD_STOPPED, 1, 0, 0, 0, 2, NULL},
    {"403", 2, {REFUSED(scope_insufficient)}, 1, UPLOAD_STOPPED, 0, 0, 0, 0, 2, NULL},
    {"404", 2, {PAGE(404)}, 1, UPLOAD_STOPPED, 0, 0, 0, 0, 2, NULL},
    {"405", 2, {PAGE(405)}, 1, UPLOAD_STOPPED, 0, 0, 0, 0, 2, NULL},
    {"429 then 201", 1, {AFTER(rate_limited, 1), CREATED}, 2, UPLOAD_DONE, 1, 0, 0, 0, 0, NULL},
    {"503 then a duplicate",
     1,
     {AFTER(database_unavailable, 2), REFUSED(overloaded), DUPLICATE},
     3,
     UPLOAD_DONE,
     0,
     1,
     0,
     0,
     0,
     NULL},
    {"503 for ever",
     2,
     {REFUSED(overloaded), REFUSED(overloaded), REFUSED(overloaded), REFUSED(overloaded), REFUSED(overloaded),
      REFUSED(overloaded)},
     6,
     UPLOAD_UNREACHABLE,
     0,
     0,
     0,
     0,
     2,
     NULL},
    {"an hour's quota", 2, {AFTER(quota_exceeded, 3600)}, 1, UPLOAD_UNREACHABLE, 0, 0, 0, 0, 2, NULL},
    {"come back never", 2, {AFTER(overloaded, INT64_MAX)}, 1, UPLOAD_UNREACHABLE, 0, 0, 0, 0, 2, NULL},
    {"two minutes in all",
     2,
     {AFTER(rate_limited, 50), AFTER(rate_limited, 50), AFTER(rate_limited, 50)},
     3,
     UPLOAD_UNREACHABLE,
     0,
     0,
     0,
     0,
     2,
     NULL},
    {"network comes back", 1, {DOWN, DOWN, CREATED}, 3, UPLOAD_DONE, 1, 0, 0, 0, 0, NULL},
    {"network stays down", 3, {CREATED, DOWN, DOWN, DOWN, DOWN}, 5, UPLOAD_UNREACHABLE, 1, 0, 0, 0, 2, NULL},
    {"a server that fails at one entry",
     2,
     {REFUSED(internal_error), REFUSED(internal_error), REFUSED(internal_error), CREATED},
     4,
     UPLOAD_DONE,
     1,
     0,
     0,
     1,
     1,
     "internal_error"},
    {"a server that fails at all",
     4,
     {PAGE(500), PAGE(500), PAGE(500), PAGE(502), PAGE(502), PAGE(502), PAGE(500), PAGE(500), PAGE(500)},
     9,
     UPLOAD_UNREACHABLE,
     0,
     0,
     0,
     3,
     4,
     "server_error"},
    {"certificate", 2, {{HTTP_MISCONFIGURED}}, 1, UPLOAD_STOPPED, 0, 0, 0, 0, 2, NULL},
    {"interrupted in flight", 2, {CREATED, {HTTP_INTERRUPTED}}, 2, UPLOAD_INTERRUPTED, 1, 0, 0, 0, 1, NULL},
};

START_TEST(upload__does_what_the_answers_say)
{
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct spool *spool = spool_of(rows[i].entries);
        struct script script = {.steps = rows[i].steps, .count = rows[i].count};
        struct upload u = run(spool, &script);
        const struct upload_result *r = &u.result;
        const struct tally *tally = r->rejected.total ? &r->rejected : &r->kept;
        ck_assert_msg(r->end == rows[i].end, "%s: end %d (%s)", rows[i].name, r->end, r->why.text);
        ck_assert_msg(r->sent == rows[i].sent && r->duplicates == rows[i].duplicates, "%s: sent",
                      rows[i].name);
        ck_assert_msg(r->rejected.total == rows[i].rejected, "%s: rejected", rows[i].name);
        ck_assert_msg(r->kept.total == rows[i].kept, "%s: kept", rows[i].name);
        ck_assert_msg(temp_count(spool, SPOOL_PENDING) == rows[i].remaining, "%s: remaining", rows[i].name);
        ck_assert_msg(temp_count(spool, SPOOL_REJECTED) == rows[i].rejected, "%s: rejected/", rows[i].name);
        ck_assert_msg((r->end == UPLOAD_DONE) == (r->why.text[0] == '\0'), "%s: why", rows[i].name);
        if (rows[i].label)
            ck_assert_msg(tally->count == 1 && strcmp(tally->rows[0].label, rows[i].label) == 0, "%s: label",
                          rows[i].name);
        done(spool);
    }
}
END_TEST

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

static unsigned shown;
static char shown_authorization[64];

static void on_request(void *context, const struct http_request *request, const struct spool_entry *entry)
{
    (void)context, (void)entry;
    shown++;
    for (size_t i = 0; i < request->header_count; i++)
        if (strcmp(request->headers[i].name, "Authorization") == 0)
            snprintf(shown_authorization, sizeof(shown_authorization), "%s", request->headers[i].shown);
}

START_TEST(upload__dry_run_touches_nothing)
{
    struct spool *spool = spool_of(2);
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
    shown = 0;
    upload_run(&upload);
    ck_assert_uint_eq(shown, 2);
    ck_assert_str_eq(shown_authorization, "Bearer (hidden)");
    ck_assert_uint_eq(script.posts + script.waits, 0);
    ck_assert_uint_eq(temp_count(spool, SPOOL_PENDING), 3);
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

CHECK_MAIN_WITH(setup, "upload", upload__does_what_the_answers_say,
                upload__sends_the_minified_text_with_its_identity, upload__keeps_the_id_over_retries,
                upload__goes_past_bad_and_foreign_files, upload__leaves_a_file_to_its_writer,
                upload__puts_the_answer_beside_what_was_refused, upload__dry_run_touches_nothing,
                upload__stops_before_the_next_entry_when_told)
