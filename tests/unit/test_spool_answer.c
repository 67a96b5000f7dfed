// SPDX-License-Identifier: Apache-2.0
// The client's half of the answer table, row by row.
#include "check_main.h"
#include "lib/spool/answer.h"
#include "lib/wire/problem.h"

#define ID    "018f0000-0000-7000-8000-000000000001"
#define OTHER "018f0000-0000-7000-8000-000000000002"
#define HASH  "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a" // of {}
#define WRONG "0000000000000000000000000000000000000000000000000000000000000000"
#define RECEIPT(id, hash, duplicate)                                                       \
    "{\"event_id\":\"" id                                                                  \
    "\",\"contract\":\"a.v1\",\"received_at\":\"2026-01-01T00:00:00Z\",\"sha256\":\"" hash \
    "\",\"duplicate\":" duplicate "}"
#define JSON    "application/json"
#define PROBLEM "application/problem+json"
#define HTML    "text/html; charset=utf-8"
#define CODE(c) "{\"type\":\"urn:x\",\"status\":422,\"code\":\"" c "\",\"detail\":\"why\"}"

static const struct {
    int status;
    const char *type, *body;
    enum answer_verdict verdict;
    const char *label;
} rows[] = {
    // Only these deliver.
    {201, JSON, RECEIPT(ID, HASH, "false"), ANSWER_DELIVERED, "delivered"},
    {200, "Application/JSON; charset=utf-8", RECEIPT(ID, HASH, "true"), ANSWER_DELIVERED, "delivered"},
    {202, JSON, RECEIPT(ID, HASH, "false"), ANSWER_DELIVERED, "delivered"},
    {200, JSON, RECEIPT(OTHER, HASH, "true"), ANSWER_DELIVERED, "delivered"},
    {200, JSON, RECEIPT(ID, WRONG, "true"), ANSWER_DELIVERED, "delivered"},
    // A 2xx that does not name the entry, or is not a receipt.
    {200, JSON, RECEIPT(OTHER, WRONG, "false"), ANSWER_FOREIGN, "receipt_of_another"},
    {200, HTML, "<html>Welcome to the hotel</html>", ANSWER_FOREIGN, "no_receipt"},
    {200, HTML, RECEIPT(ID, HASH, "false"), ANSWER_FOREIGN, "no_receipt"},
    {200, NULL, RECEIPT(ID, HASH, "false"), ANSWER_FOREIGN, "no_receipt"},
    {200, "application/jsonp", RECEIPT(ID, HASH, "false"), ANSWER_FOREIGN, "no_receipt"},
    {200, PROBLEM, CODE("schema_invalid"), ANSWER_FOREIGN, "no_receipt"},
    {200, JSON, "", ANSWER_FOREIGN, "no_receipt"},
    {200, JSON, "{}", ANSWER_FOREIGN, "no_receipt"},
    {200, JSON, "{\"event_id\":\"" ID "\",\"contr", ANSWER_FOREIGN, "no_receipt"},
    {200, JSON, "[" RECEIPT(ID, HASH, "false") "]", ANSWER_FOREIGN, "no_receipt"},
    {200, JSON, "{\"event_id\":\"" ID "\"}", ANSWER_FOREIGN, "no_receipt"},
    {204, NULL, "", ANSWER_FOREIGN, "no_receipt"},
    {203, JSON, RECEIPT(ID, HASH, "false"), ANSWER_FOREIGN, "no_receipt"},
    {206, JSON, RECEIPT(ID, HASH, "false"), ANSWER_FOREIGN, "no_receipt"},
    {299, JSON, RECEIPT(ID, HASH, "false"), ANSWER_FOREIGN, "no_receipt"},
    {100, JSON, RECEIPT(ID, HASH, "false"), ANSWER_FOREIGN, "foreign_answer"},
    {0, JSON, RECEIPT(ID, HASH, "false"), ANSWER_FOREIGN, "foreign_answer"},
    // Redirects stop, whatever they carry.
    {301, HTML, "", ANSWER_STOP, "redirected"},
    {302, JSON, RECEIPT(ID, HASH, "false"), ANSWER_STOP, "redirected"},
    {307, NULL, "", ANSWER_STOP, "redirected"},
    {308, PROBLEM, CODE("schema_invalid"), ANSWER_STOP, "redirected"},
    // Refusals by a sink of ours.
    {400, PROBLEM, CODE("json_malformed"), ANSWER_REJECTED, "json_malformed"},
    {400, PROBLEM "; charset=utf-8", CODE("json_duplicate_member"), ANSWER_REJECTED, "json_duplicate_member"},
    {400, PROBLEM, CODE("body_incomplete"), ANSWER_KEPT, "body_incomplete"},
    {409, PROBLEM, CODE("event_id_reused"), ANSWER_REJECTED, "event_id_reused"},
    {409, PROBLEM, CODE("event_erased"), ANSWER_REJECTED, "event_erased"},
    {413, PROBLEM, CODE("body_too_large"), ANSWER_REJECTED, "body_too_large"},
    {415, PROBLEM, CODE("media_type_unsupported"), ANSWER_REJECTED, "media_type_unsupported"},
    {422, PROBLEM, CODE("schema_invalid"), ANSWER_REJECTED, "schema_invalid"},
    {422, PROBLEM, CODE("storage_refused"), ANSWER_REJECTED, "storage_refused"},
    {422, PROBLEM, CODE("unknown_contract"), ANSWER_KEPT, "unknown_contract"},
    {422, PROBLEM, CODE("contract_not_allowed"), ANSWER_KEPT, "contract_not_allowed"},
    {422, PROBLEM, CODE("class_not_allowed"), ANSWER_KEPT, "class_not_allowed"},
    // The same statuses from somebody else, or with a code that we do not know, move nothing.
    {400, HTML, "<h1>Bad Request</h1>", ANSWER_FOREIGN, "foreign_answer"},
    {400, JSON, CODE("json_malformed"), ANSWER_FOREIGN, "foreign_answer"},
    {400, PROBLEM, "{\"title\":\"Bad Request\"}", ANSWER_FOREIGN, "foreign_answer"},
    {400, PROBLEM, "{\"code\":17}", ANSWER_FOREIGN, "foreign_answer"},
    {400, PROBLEM, "{\"code\":\"schema_inva", ANSWER_FOREIGN, "foreign_answer"},
    {409, HTML, "", ANSWER_FOREIGN, "foreign_answer"},
    {411, HTML, "", ANSWER_FOREIGN, "foreign_answer"},
    {413, HTML, "<html>nginx</html>", ANSWER_FOREIGN, "foreign_answer"},
    {422, PROBLEM, CODE("of_next_year"), ANSWER_FOREIGN, "foreign_answer"},
    {451, HTML, "", ANSWER_FOREIGN, "foreign_answer"},
    // Configuration.
    {401, PROBLEM, CODE("token_missing"), ANSWER_STOP, "token_missing"},
    {401, PROBLEM, CODE("token_invalid"), ANSWER_STOP, "token_invalid"},
    {401, HTML, "", ANSWER_STOP, "unauthorized"},
    {401, PROBLEM, CODE("of_next_year"), ANSWER_STOP, "unauthorized"},
    {403, PROBLEM, CODE("scope_insufficient"), ANSWER_STOP, "scope_insufficient"},
    {403, HTML, "", ANSWER_STOP, "forbidden"},
    {404, PROBLEM, CODE("route_unknown"), ANSWER_STOP, "route_unknown"},
    {404, HTML, "", ANSWER_STOP, "not_a_sink"},
    {405, HTML, "", ANSWER_STOP, "not_a_sink"},
    {407, HTML, "", ANSWER_STOP, "unauthorized"},
    {501, HTML, "", ANSWER_STOP, "not_a_sink"},
    // Later.
    {408, HTML, "", ANSWER_WAIT, "busy"},
    {425, NULL, "", ANSWER_WAIT, "busy"},
    {429, PROBLEM, CODE("rate_limited"), ANSWER_WAIT, "rate_limited"},
    {429, HTML, "", ANSWER_WAIT, "busy"},
    {500, PROBLEM, CODE("internal_error"), ANSWER_WAIT, "internal_error"},
    {500, HTML, "", ANSWER_WAIT, "server_error"},
    {502, HTML, "", ANSWER_WAIT, "server_error"},
    {503, PROBLEM, CODE("database_unavailable"), ANSWER_WAIT, "database_unavailable"},
    {503, HTML, "", ANSWER_WAIT, "server_error"},
    // A code that refuses under a status that does not.
    {503, PROBLEM, CODE("schema_invalid"), ANSWER_WAIT, "server_error"},
};

static struct answer decide(int status, const char *type, const char *body, bool complete,
                            struct json_doc *doc)
{
    struct uuid id;
    uint8_t digest[SHA256_LEN];
    ck_assert(uuid_parse(STR(ID), &id));
    sha256(STR("{}"), digest);
    struct answer_input input = {status, str_from(type), str_from(body), complete, &id, digest};
    return answer_decide(&input, doc);
}

START_TEST(spool_answer__follows_the_table)
{
    struct json_doc doc;
    json_doc_init(&doc, NULL, 1 << 20);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct answer answer = decide(rows[i].status, rows[i].type, rows[i].body, true, &doc);
        ck_assert_msg(answer.verdict == rows[i].verdict, "row %zu (%d %s): verdict %d", i, rows[i].status,
                      rows[i].type ? rows[i].type : "-", answer.verdict);
        ck_assert_msg(strcmp(answer.label, rows[i].label) == 0, "row %zu: %s", i, answer.label);
    }
    json_doc_release(&doc);
}
END_TEST

START_TEST(spool_answer__incomplete_decides_by_status_only)
{
    struct json_doc doc;
    json_doc_init(&doc, NULL, 1 << 20);
    struct answer answer = decide(201, JSON, RECEIPT(ID, HASH, "false"), false, &doc);
    ck_assert_int_eq(answer.verdict, ANSWER_FOREIGN);
    answer = decide(422, PROBLEM, CODE("schema_invalid"), false, &doc);
    ck_assert_int_eq(answer.verdict, ANSWER_FOREIGN);
    answer = decide(401, PROBLEM, CODE("schema_invalid"), false, &doc);
    ck_assert_int_eq(answer.verdict, ANSWER_STOP);
    json_doc_release(&doc);
}
END_TEST

START_TEST(spool_answer__tells_duplicate_and_detail)
{
    struct json_doc doc;
    json_doc_init(&doc, NULL, 1 << 20);
    ck_assert(decide(200, JSON, RECEIPT(ID, HASH, "true"), true, &doc).duplicate);
    ck_assert(!decide(201, JSON, RECEIPT(ID, HASH, "false"), true, &doc).duplicate);
    ck_assert_view_eq(decide(422, PROBLEM, CODE("schema_invalid"), true, &doc).detail, "why");
    json_doc_release(&doc);
}
END_TEST

// Every problem of the table, as the sink writes it, does what the table says.
START_TEST(spool_answer__knows_every_problem)
{
    struct json_doc doc;
    json_doc_init(&doc, NULL, 1 << 20);
    for (int i = PROBLEM_NONE + 1; i < PROBLEM_COUNT; i++) {
        const struct problem_info *info = problem_info((enum problem)i);
        struct buf body;
        buf_init(&body, 8192);
        problem_write(&body, (enum problem)i, STR_NULL, STR_NULL, NULL, 0);
        ck_assert(buf_put_char(&body, '\0'));
        struct answer answer = decide(info->status, PROBLEM, body.ptr, true, &doc);
        static const enum answer_verdict want[] = {[ACTION_REJECT] = ANSWER_REJECTED,
                                                   [ACTION_KEEP] = ANSWER_KEPT,
                                                   [ACTION_STOP] = ANSWER_STOP,
                                                   [ACTION_WAIT] = ANSWER_WAIT};
        ck_assert_msg(answer.verdict == want[info->action], "%s", info->code);
        buf_release(&body);
    }
    json_doc_release(&doc);
}
END_TEST

CHECK_MAIN("spool_answer", spool_answer__follows_the_table, spool_answer__incomplete_decides_by_status_only,
           spool_answer__tells_duplicate_and_detail, spool_answer__knows_every_problem)
