// SPDX-License-Identifier: Apache-2.0
// server/api: what it reads from requests and events without a server around it.
#include "lib/base/clock.h"
#include "server/api/accept.h"
#include "server/api/cursor.h"
#include "server/api/expiry.h"
#include "server/api/ingest.h"

#include <sodium.h>

#include "tests/unit/check_main.h"

#define NOW    (20000 * USEC_PER_DAY + 43200 * USEC_PER_SEC) // 2024-10-04T12:00:00Z
#define LATEST (253402300800LL * USEC_PER_SEC - 1)           // the end of 9999-12-31

static void setup(void)
{
    BUG_ON(sodium_init() < 0);
}

// ---- cursor
// -------------------------------------------------------------------------------------------------------

START_TEST(cursor__reads_back)
{
    static const struct cursor rows[] = {
        {0, {{0}}, 0}, {NOW, {{1, 2, 3}}, NOW - 1}, {LATEST, {{0xff}}, LATEST}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char text[CURSOR_TEXT_LEN + 1];
        struct cursor cursor;
        cursor_format(&rows[i], text);
        ck_assert_msg(cursor_parse(str_from(text), &cursor), "row %zu", i);
        ck_assert_int_eq(cursor.received_at, rows[i].received_at);
        ck_assert_int_eq(cursor.horizon, rows[i].horizon);
        ck_assert(uuid_eq(&cursor.id, &rows[i].id));
    }
}
END_TEST

START_TEST(cursor__refuses_times_beyond_the_calendar)
{
    static const int64_t beyond[] = {LATEST + 1, INT64_MAX, INT64_MAX - 1, -1, INT64_MIN};
    for (size_t i = 0; i < ARRAY_LEN(beyond); i++) {
        char text[CURSOR_TEXT_LEN + 1];
        struct cursor cursor = {.received_at = beyond[i]}, out;
        cursor_format(&cursor, text);
        ck_assert_msg(!cursor_parse(str_from(text), &out), "received_at %zu", i);
        cursor = (struct cursor){.horizon = beyond[i]};
        cursor_format(&cursor, text);
        ck_assert_msg(!cursor_parse(str_from(text), &out), "horizon %zu", i);
    }
}
END_TEST

START_TEST(cursor__refuses_other_text)
{
    char text[CURSOR_TEXT_LEN + 1];
    struct cursor cursor = {0};
    cursor_format(&cursor, text);
    ck_assert(!cursor_parse(STR(""), &cursor));
    ck_assert(!cursor_parse(str_slice(text, CURSOR_TEXT_LEN - 1), &cursor));
    text[10] = 'g';
    ck_assert(!cursor_parse(str_from(text), &cursor));
    text[10] = '\0';
    ck_assert(!cursor_parse(str_slice(text, CURSOR_TEXT_LEN), &cursor));
}
END_TEST

// ---- expiry
// -------------------------------------------------------------------------------------------------------

static enum problem expiry_at(const char *text, int64_t now, struct event *ret_event)
{
    const struct contract contract = {
        .retention = {.kind = RETENTION_EXPIRES_LT_NOW, .expires_at = STR("/row/expires_at")}};
    struct json_doc doc;
    json_doc_init(&doc, NULL, 1 << 20);
    ck_assert_int_eq(json_doc_parse(&doc, str_from(text), NULL), JSON_FAULT_NONE);
    *ret_event = (struct event){0};
    enum problem problem = expiry_of(&contract, doc.root, now, ret_event);
    json_doc_release(&doc);
    return problem;
}

START_TEST(expiry__own_date_or_time)
{
    static const struct {
        const char *value;
        int32_t day; // 0: it is past, or refused
        bool past;
    } rows[] = {
        {"\"2024-10-04\"", 20000},
        {"\"2024-10-05\"", 20001},
        {"\"2025-11-08\"", 20400},
        {"\"9999-12-31\"", 2932896},
        {"\"2024-10-03\"", 0, true},
        {"\"0000-01-01\"", 0, true},
        {"\"2024-10-04T12:00:00Z\"", 20001},
        {"\"2024-10-04T23:59:59.999999Z\"", 20001},
        {"\"2024-10-05T00:00:00Z\"", 20001},
        {"\"2024-10-05T00:00:00.000001Z\"", 20002},
        {"\"2024-10-04T13:59:59+02:00\"", 0, true},
        {"\"2024-10-04T11:59:59.999999Z\"", 0, true},
        {"\"9999-12-31T23:59:59Z\"", 2932897},
        {"\"0000-01-01T00:00:00Z\"", 0, true},
        {"\"2024-10-32\"", 0},
        {"\"2024-10-04 \"", 0},
        {"\"\"", 0},
        {"1728043200", 0},
        {"true", 0},
        {"{}", 0},
        {"[]", 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char text[128];
        struct event event;
        snprintf(text, sizeof(text), "{\"row\":{\"expires_at\":%s}}", rows[i].value);
        enum problem problem = expiry_at(text, NOW, &event);
        ck_assert_msg(problem == (rows[i].day || rows[i].past ? PROBLEM_NONE : PROBLEM_expiry_refused), "%s",
                      rows[i].value);
        if (!problem) {
            ck_assert_int_eq(event.expiry_kind, EXPIRY_DATE);
            ck_assert_msg(event.expiry_date == rows[i].day, "%s: %d", rows[i].value, event.expiry_date);
            ck_assert_msg(event.unless_known == (rows[i].past ? PROBLEM_expiry_refused : PROBLEM_NONE), "%s",
                          rows[i].value);
        }
    }
}
END_TEST

START_TEST(expiry__today_lasts_all_day)
{
    struct event event;
    static const char text[] = "{\"row\":{\"expires_at\":\"2024-10-04\"}}";
    ck_assert_int_eq(expiry_at(text, 20001 * USEC_PER_DAY - 1, &event), PROBLEM_NONE);
    ck_assert_int_eq(event.unless_known, PROBLEM_NONE);
    ck_assert_int_eq(expiry_at(text, 20001 * USEC_PER_DAY, &event), PROBLEM_NONE);
    ck_assert_int_eq(event.unless_known, PROBLEM_expiry_refused);
}
END_TEST

START_TEST(expiry__absent_or_null_is_never)
{
    static const char *const texts[] = {"{}", "{\"row\":1}", "{\"row\":{}}",
                                        "{\"row\":{\"expires_at\":null}}"};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct event event;
        ck_assert_int_eq(expiry_at(texts[i], NOW, &event), PROBLEM_NONE);
        ck_assert_int_eq(event.expiry_kind, EXPIRY_NEVER);
    }
}
END_TEST

START_TEST(expiry__of_the_contract)
{
    static const struct {
        struct retention retention;
        enum expiry_kind kind;
        int32_t days;
    } rows[] = {
        {{.kind = RETENTION_DAYS, .days = 90}, EXPIRY_DAYS, 90},
        {{.kind = RETENTION_WITH_PARENT, .days = 7}, EXPIRY_DAYS, 7},
        {{.kind = RETENTION_KEEP_FOREVER}, EXPIRY_NEVER, 0},
        {{.kind = RETENTION_MANUAL}, EXPIRY_NEVER, 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct contract contract = {.retention = rows[i].retention};
        struct event event = {0};
        ck_assert_int_eq(expiry_of(&contract, NULL, NOW, &event), PROBLEM_NONE);
        ck_assert_int_eq(event.expiry_kind, rows[i].kind);
        ck_assert_int_eq(event.expiry_days, rows[i].days);
    }
}
END_TEST

// ---- accept
// -------------------------------------------------------------------------------------------------------

START_TEST(accept__chooses)
{
    enum { JSON = ACCEPT_JSON, LINES = ACCEPT_NDJSON, NONE = ACCEPT_FORMS };
    static const struct {
        const char *lines[3];
        int expected;
    } rows[] = {
        {{NULL}, JSON},
        {{""}, JSON},
        {{"*/*"}, JSON},
        {{"application/*"}, JSON},
        {{"application/json"}, JSON},
        {{"Application/X-NDJSON"}, LINES},
        {{"application/x-ndjson; charset=utf-8"}, LINES},
        {{"application/x-ndjson;q=0"}, NONE},
        {{"application/x-ndjson;q=0, */*"}, JSON},
        {{"application/x-ndjson ; Q=0.000", "application/json"}, JSON},
        {{"application/x-ndjson;q=0.5, application/json;q=0.4"}, LINES},
        {{"application/x-ndjson;q=0.4, application/json"}, JSON},
        {{"application/json, application/x-ndjson"}, LINES},
        {{"application/json;q=0, */*"}, LINES},
        {{"*/*;q=0.1, application/json;q=0"}, LINES},
        {{"application/json;q=0, application/*;q=0, */*"}, NONE},
        {{"text/html", "application/x-ndjson"}, LINES},
        {{"text/html", "text/plain", "*/*;q=0.001"}, JSON},
        {{"text/html"}, NONE},
        {{"text/html, application/json;q=1.001"}, NONE},
        {{"application/json;q=2"}, NONE},
        {{"application/json;q=1.0000"}, NONE},
        {{"application/json;q="}, NONE},
        {{"application/json;q=0.x"}, NONE},
        {{"application/json;q=1.000"}, JSON},
        {{"application/json;q=1."}, JSON},
        {{",,application/json,"}, JSON},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct accept accept = {0};
        enum accept_form form = ACCEPT_FORMS;
        for (size_t k = 0; k < ARRAY_LEN(rows[i].lines) && rows[i].lines[k]; k++)
            accept_add(&accept, str_from(rows[i].lines[k]));
        enum problem problem = accept_choose(&accept, &form);
        ck_assert_msg((int)form == rows[i].expected, "row %zu", i);
        ck_assert_msg(problem == (form == ACCEPT_FORMS ? PROBLEM_not_acceptable : PROBLEM_NONE), "row %zu",
                      i);
    }
}
END_TEST

// ---- identity
// -----------------------------------------------------------------------------------------------------

static const struct uuid some_id = {
    {0x01, 0x98, 0xc5, 0xf2, 0x7a, 0x10, 0x7c, 0x3e, 0x9d, 0x55, 0x2f, 0x6a, 0x3b, 0x1c, 0x4d, 0x5e}};
#define SOME_ID "0198c5f2-7a10-7c3e-9d55-2f6a3b1c4d5e"

START_TEST(request_identity__key_and_webhook_id)
{
    struct request_identity key = {.has_key = true, .key = some_id};
    struct request_identity webhook = {.webhook_id = STR(SOME_ID)};
    struct request_identity both = {.has_key = true, .key = some_id, .webhook_id = STR(SOME_ID)};
    struct request_identity *const rows[] = {&key, &webhook, &both};
    struct uuid id;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        ck_assert_int_eq(request_identity_resolve(rows[i], 1, NOW, &id), PROBLEM_NONE);
        ck_assert_msg(uuid_eq(&id, &some_id), "row %zu", i);
        ck_assert_ptr_null(rows[i]->foreign_id.ptr);
    }
    both.webhook_id = STR("0198c5f2-7a10-7c3e-9d55-2f6a3b1c4d5f");
    ck_assert_int_eq(request_identity_resolve(&both, 1, NOW, &id), PROBLEM_event_id_ambiguous);
    both.webhook_id = STR("msg_1");
    ck_assert_int_eq(request_identity_resolve(&both, 1, NOW, &id), PROBLEM_event_id_ambiguous);
    webhook.webhook_id = STR("a.b");
    ck_assert_int_eq(request_identity_resolve(&webhook, 1, NOW, &id), PROBLEM_event_id_malformed);
    webhook.webhook_id = STR(" ");
    ck_assert_int_eq(request_identity_resolve(&webhook, 1, NOW, &id), PROBLEM_event_id_malformed);
}
END_TEST

START_TEST(request_identity__foreign_id_is_echoed_as_hashed)
{
    struct request_identity plain = {.webhook_id = STR("msg_1")}, spaced = {.webhook_id = STR(" msg_1\t")};
    struct uuid id, other;
    ck_assert_int_eq(request_identity_resolve(&plain, 1, NOW, &id), PROBLEM_NONE);
    ck_assert_view_eq(plain.foreign_id, "msg_1");
    ck_assert_uint_eq(uuid_version(&id), 8);
    ck_assert_int_eq(request_identity_resolve(&spaced, 1, NOW, &other), PROBLEM_NONE);
    ck_assert_view_eq(spaced.foreign_id, "msg_1");
    ck_assert(uuid_eq(&id, &other));
    ck_assert_int_eq(request_identity_resolve(&plain, 2, NOW, &other), PROBLEM_NONE);
    ck_assert(!uuid_eq(&id, &other));
}
END_TEST

START_TEST(request_identity__none_is_fresh)
{
    struct request_identity none = {0};
    struct uuid id, other;
    int64_t at;
    ck_assert_int_eq(request_identity_resolve(&none, 1, NOW, &id), PROBLEM_NONE);
    ck_assert_int_eq(request_identity_resolve(&none, 1, NOW, &other), PROBLEM_NONE);
    ck_assert(!uuid_eq(&id, &other));
    ck_assert(uuid_v7_time(&id, &at) && at == NOW);
}
END_TEST

START_TEST(utf8_cut__ends_between_characters)
{
    static const struct {
        const char *text;
        size_t max, len;
    } rows[] = {
        {"", 0, 0},
        {"abc", 5, 3},
        {"abc", 3, 3},
        {"abc", 2, 2},
        {"a\xc3\xa4", 2, 1},
        {"a\xc3\xa4", 3, 3},
        {"\xe2\x82\xac", 2, 0},
        {"\xf0\x9f\x98\x80x", 3, 0},
        {"\xf0\x9f\x98\x80x", 4, 4},
        {"\xc3\xa4\xc3\xa4", 3, 2},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        ck_assert_msg(utf8_cut(str_from(rows[i].text), rows[i].max) == rows[i].len, "row %zu", i);
}
END_TEST

CHECK_MAIN_WITH(setup, "api", cursor__reads_back, cursor__refuses_times_beyond_the_calendar,
                cursor__refuses_other_text, expiry__own_date_or_time, expiry__today_lasts_all_day,
                expiry__absent_or_null_is_never, expiry__of_the_contract, accept__chooses,
                request_identity__key_and_webhook_id, request_identity__foreign_id_is_echoed_as_hashed,
                request_identity__none_is_fresh, utf8_cut__ends_between_characters)
