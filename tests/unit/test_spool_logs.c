// SPDX-License-Identifier: Apache-2.0
// sent.log and kept.log: what is appended is read back, what is torn is gone past.
#include "test_spool_temp.h"

#include "check_main.h"
#include "lib/base/clock.h"
#include "lib/spool/kept.h"
#include "lib/spool/sent.h"

#include <sodium.h>

#define NOW (1893456000LL * USEC_PER_SEC)

static void setup(void)
{
    BUG_ON(sodium_init() < 0);
}

static void append_text(const char *name, const char *text)
{
    int fd = open(temp_path(name), O_WRONLY | O_APPEND);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
}

static void append_one(struct spool *spool, const char *name, struct str receipt)
{
    struct err err = {""};
    struct sent_log *log;
    struct spool_entry entry = {.name = name, .text = STR("{}")};
    const struct sent_record record = {.at_us = NOW,
                                       .url = STR("https://sink/v1/events"),
                                       .status = 201,
                                       .receipt = receipt,
                                       .entry = &entry};
    entry.id = spool_entry_id(name, entry.sha256);
    ck_assert_msg(sent_log_open(spool, &log, &err), "%s", err.text);
    ck_assert_msg(sent_log_append(log, &record, &err), "%s", err.text);
    ck_assert(sent_log_close(log, &err));
}

static unsigned read_all(struct spool *spool, uint64_t *ret_skipped, char last_name[static 64])
{
    struct err err = {""};
    struct sent_reader *reader;
    const struct json *line;
    struct str text;
    unsigned count = 0;
    ck_assert_msg(sent_reader_open(spool, &reader, &err), "%s", err.text);
    while (sent_reader_next(reader, &line, &text, &err) && line) {
        snprintf(last_name, 64, "%.*s", STR_FMT(json_text(json_get(line, STR("name")))));
        ck_assert(memchr(text.ptr, '\n', text.len) == NULL);
        count++;
    }
    *ret_skipped = sent_reader_skipped(reader);
    sent_reader_close(reader);
    return count;
}

START_TEST(spool_logs__everything_sent_is_read_back)
{
    char last[64] = "";
    uint64_t skipped;
    temp_enter();
    struct spool *spool = temp_spool(true);
    ck_assert_uint_eq(read_all(spool, &skipped, last), 0);
    append_one(spool, "a.json", STR("{\"event_id\":\"x\"}"));
    append_one(spool, "b.json", STR("{\n  \"event_id\": \"x\"\r\n}"));
    ck_assert_uint_eq(read_all(spool, &skipped, last), 2);
    ck_assert_uint_eq(skipped, 0);
    ck_assert_str_eq(last, "b.json");
    ck_assert_uint_eq(temp_mode("spool/sent.log"), 0600);
    // What was not taken has no receipt, and an outcome.
    append_text("spool/sent.log", "{\"at\":\"x\",\"id\":\"y\",\"name\":\"r.json\",\"status\":422,"
                                  "\"outcome\":\"refused\",\"code\":\"schema_invalid\"}\n");
    ck_assert_uint_eq(read_all(spool, &skipped, last), 3);
    ck_assert_str_eq(last, "r.json");
    // A crash in the middle of a line: the next one is whole again.
    append_text("spool/sent.log", "{\"at\":\"2026");
    append_one(spool, "c.json", STR("{}"));
    ck_assert_uint_eq(read_all(spool, &skipped, last), 4);
    ck_assert_uint_eq(skipped, 1);
    ck_assert_str_eq(last, "c.json");
    spool_close(spool);
    temp_leave();
}
END_TEST

START_TEST(spool_logs__a_line_says_its_outcome)
{
    static const struct {
        const char *line, *outcome;
    } rows[] = {
        {"{\"outcome\":\"unanswered\"}", "unanswered"},
        {"{\"status\":201,\"receipt\":{\"duplicate\":false}}", "stored"}, // of before there were outcomes
        {"{\"status\":200,\"receipt\":{\"duplicate\":true}}", "duplicate"},
        {"{\"status\":202,\"receipt\":{}}", "quarantined"},
    };
    struct json_doc doc;
    json_doc_init(&doc, NULL, 64 * 1024);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        ck_assert(!json_doc_parse(&doc, str_from(rows[i].line), NULL));
        struct str outcome = sent_line_outcome(doc.root);
        ck_assert_msg(str_eq(outcome, str_from(rows[i].outcome)), "%s", rows[i].line);
    }
    json_doc_release(&doc);
}
END_TEST

START_TEST(spool_logs__are_never_links)
{
    struct err err;
    struct sent_log *log;
    struct sent_reader *reader;
    temp_enter();
    struct spool *spool = temp_spool(true);
    temp_write("elsewhere", "");
    ck_assert_int_eq(symlink(temp_path("elsewhere"), temp_path("spool/sent.log")), 0);
    ck_assert(!sent_log_open(spool, &log, &err));
    ck_assert(!sent_reader_open(spool, &reader, &err));
    unlink(temp_path("spool/sent.log"));
    ck_assert_int_eq(link(temp_path("elsewhere"), temp_path("spool/sent.log")), 0);
    ck_assert(!sent_log_open(spool, &log, &err));
    unlink(temp_path("spool/sent.log"));
    ck_assert_int_eq(mkfifo(temp_path("spool/sent.log"), 0600), 0);
    ck_assert(!sent_reader_open(spool, &reader, &err));
    spool_close(spool);
    temp_leave();
}
END_TEST

static struct spool_kept *load(struct spool *spool, const char *key)
{
    struct err err = {""};
    struct spool_kept *kept;
    ck_assert_msg(spool_kept_load(spool, key, &kept, &err), "%s", err.text);
    return kept;
}

START_TEST(spool_logs__kept_holds_until_the_key_changes)
{
    struct err err = {""};
    struct spool_kept_count count;
    bool any;
    temp_enter();
    struct spool *spool = temp_spool(true);
    temp_write("spool/pending/a.json", "{}");
    struct spool_kept *kept = load(spool, "https://sink hash-1");
    ck_assert_int_eq(spool_kept_find(kept, "a.json", NOW), PROBLEM_NONE);
    ck_assert(spool_kept_any(spool, &any, &err) && !any);
    ck_assert(spool_kept_add(spool, kept, "a.json", PROBLEM_unknown_contract, NOW, &err));
    ck_assert(spool_kept_add(spool, kept, "b c.json", PROBLEM_class_not_allowed, NOW, &err));
    ck_assert(spool_kept_add(spool, kept, "new\nline.json", PROBLEM_unknown_contract, NOW, &err));
    spool_kept_free(kept);
    append_text("spool/kept.log", "12 unknown_con");
    kept = load(spool, "https://sink hash-1");
    ck_assert(spool_kept_add(spool, kept, "d.json", PROBLEM_unknown_contract, NOW, &err));
    spool_kept_free(kept);
    kept = load(spool, "https://sink hash-1");
    ck_assert_int_eq(spool_kept_find(kept, "a.json", NOW + 30 * USEC_PER_DAY), PROBLEM_unknown_contract);
    ck_assert_int_eq(spool_kept_find(kept, "b c.json", NOW + 1), PROBLEM_class_not_allowed);
    ck_assert_int_eq(spool_kept_find(kept, "b c.json", NOW + 2 * USEC_PER_DAY), PROBLEM_NONE);
    ck_assert_int_eq(spool_kept_find(kept, "b c.json", NOW - 1), PROBLEM_NONE);
    ck_assert_int_eq(spool_kept_find(kept, "d.json", NOW), PROBLEM_unknown_contract);
    ck_assert_int_eq(spool_kept_find(kept, "e.json", NOW), PROBLEM_NONE);
    spool_kept_free(kept);
    ck_assert(spool_kept_count(spool, &count, &err));
    ck_assert_uint_eq(count.unknown_contract, 1); // the others are in pending/ no more
    ck_assert_uint_eq(count.class_not_allowed, 0);
    kept = load(spool, "https://sink hash-2");
    ck_assert_int_eq(spool_kept_find(kept, "a.json", NOW), PROBLEM_NONE);
    ck_assert(spool_kept_add(spool, kept, "a.json", PROBLEM_contract_not_allowed, NOW, &err));
    spool_kept_free(kept);
    kept = load(spool, "https://sink hash-1");
    ck_assert_int_eq(spool_kept_find(kept, "a.json", NOW), PROBLEM_NONE);
    spool_kept_free(kept);
    ck_assert(spool_kept_any(spool, &any, &err) && any);
    ck_assert(spool_kept_forget(spool, &err));
    ck_assert(spool_kept_any(spool, &any, &err) && !any);
    spool_close(spool);
    temp_leave();
}
END_TEST

CHECK_MAIN_WITH(setup, "spool_logs", spool_logs__everything_sent_is_read_back,
                spool_logs__a_line_says_its_outcome, spool_logs__are_never_links,
                spool_logs__kept_holds_until_the_key_changes)
