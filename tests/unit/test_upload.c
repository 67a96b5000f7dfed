// SPDX-License-Identifier: Apache-2.0
// The upload against scripted answers: what each answer does to its entry, and to the run.
#include "test_upload_script.h"

#include "check_main.h"

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

CHECK_MAIN_WITH(script_setup, "upload", upload__does_what_the_answers_say)
