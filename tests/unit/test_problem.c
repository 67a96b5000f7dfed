// SPDX-License-Identifier: Apache-2.0
// lib/wire/problem.
#include "lib/json/parse.h"
#include "lib/wire/problem.h"
#include "tests/unit/check_main.h"

START_TEST(problem__table_is_sound)
{
    for (int i = PROBLEM_NONE + 1; i < PROBLEM_COUNT; i++) {
        const struct problem_info *info = problem_info((enum problem)i);
        ck_assert_int_eq((int)problem_from_code(str_from(info->code)), i);
        ck_assert_msg(info->status >= 400 && info->status <= 599, "%s", info->code);
        ck_assert_msg(info->title[0] && info->detail[0], "%s", info->code);
        for (const char *c = info->code; *c; c++)
            ck_assert_msg((*c >= 'a' && *c <= 'z') || *c == '_', "%s", info->code);
        // Only an entry that will never be taken may leave the queue, and only an answer that says when is
        // waited for.
        if (info->action == ACTION_REJECT)
            ck_assert_msg(info->retry == RETRY_NEVER, "%s", info->code);
        ck_assert_msg((info->action == ACTION_WAIT) == (info->retry == RETRY_AFTER), "%s", info->code);
        if (info->status == 429 || info->status == 503)
            ck_assert_msg(info->action == ACTION_WAIT, "%s", info->code);
        if (info->status == 401 || info->status == 403)
            ck_assert_msg(info->action == ACTION_STOP, "%s", info->code);
    }
}
END_TEST

START_TEST(problem__foreign_codes_are_none)
{
    static const char *const codes[] = {"", "nginx", "json_malformed ", "JSON_MALFORMED", "json_malforme"};
    for (size_t i = 0; i < ARRAY_LEN(codes); i++)
        ck_assert_int_eq((int)problem_from_code(str_from(codes[i])), PROBLEM_NONE);
    ck_assert_int_eq((int)problem_from_code(STR_NULL), PROBLEM_NONE);
}
END_TEST

START_TEST(problem__body_is_rfc9457)
{
    struct buf buf;
    buf_init(&buf, 4096);
    problem_write(&buf, PROBLEM_body_incomplete, STR_NULL, STR_NULL, NULL, 0);
    ck_assert_view_eq(buf_str(&buf),
                      "{\"type\":\"urn:vox-sink:problem:body_incomplete\",\"title\":\"Incomplete body\","
                      "\"status\":400,\"detail\":\"The body ended early. Send the request again.\","
                      "\"code\":\"body_incomplete\",\"retry\":\"now\"}");
    buf_release(&buf);
}
END_TEST

START_TEST(problem__body_carries_errors)
{
    const struct problem_error errors[] = {
        {STR("/ModelCall/latency_ms"), STR("minimum"), STR("must be at least 0")},
        {STR(""), STR("required"), STR("needs \"a\"")},
    };
    struct buf buf;
    buf_init(&buf, 4096);
    problem_write(&buf, PROBLEM_schema_invalid, STR("one \xff"), STR("req-1"), errors, 2);
    ck_assert_view_eq(buf_str(&buf),
                      "{\"type\":\"urn:vox-sink:problem:schema_invalid\",\"title\":\"Schema violation\","
                      "\"status\":422,\"detail\":\"one \xef\xbf\xbd\",\"instance\":\"req-1\","
                      "\"code\":\"schema_invalid\",\"retry\":\"never\",\"errors\":["
                      "{\"pointer\":\"/ModelCall/latency_ms\",\"keyword\":\"minimum\","
                      "\"message\":\"must be at least 0\"},"
                      "{\"pointer\":\"\",\"keyword\":\"required\",\"message\":\"needs \\\"a\\\"\"}]}");
    buf_release(&buf);
}
END_TEST

START_TEST(problem__every_body_is_json)
{
    struct json_doc doc;
    struct buf buf;
    json_doc_init(&doc, NULL, 1 << 16);
    buf_init(&buf, 4096);
    for (int i = PROBLEM_NONE + 1; i < PROBLEM_COUNT; i++) {
        buf_clear(&buf);
        problem_write(&buf, (enum problem)i, STR_NULL, STR("x"), NULL, 0);
        ck_assert_int_eq(json_doc_parse(&doc, buf_str(&buf), NULL), JSON_FAULT_NONE);
        ck_assert_int_eq(json_get(doc.root, STR("status"))->integer, problem_info((enum problem)i)->status);
    }
    buf_release(&buf);
    json_doc_release(&doc);
}
END_TEST

CHECK_MAIN("problem", problem__table_is_sound, problem__foreign_codes_are_none, problem__body_is_rfc9457,
           problem__body_carries_errors, problem__every_body_is_json)
