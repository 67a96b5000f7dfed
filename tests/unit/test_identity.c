// SPDX-License-Identifier: Apache-2.0
// lib/wire/identity.
#include "lib/base/clock.h"
#include "lib/wire/identity.h"
#include "lib/wire/limits.h"
#include "tests/unit/check_main.h"

#define ID "017f22e2-79b0-7cc3-98c4-dc0c0c07398f"

START_TEST(identity__key_is_a_uuid_with_or_without_quotes)
{
    static const struct {
        const char *header;
        bool ok;
    } rows[] = {
        {ID, true},
        {"\"" ID "\"", true},
        {"  " ID " ", true},
        {"017F22E2-79B0-7CC3-98C4-DC0C0C07398F", true},
        {"", false},
        {"\"\"", false},
        {"\"" ID, false},
        {ID "\"", false},
        {"'" ID "'", false},
        {"\"" ID "\";a=1", false},
        {"\" " ID "\"", false},
        {ID ", " ID, false},
        {"not-a-uuid", false},
    };
    struct uuid want;
    ck_assert(uuid_parse(STR(ID), &want));
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct uuid id;
        enum problem problem = identity_from_key(str_from(rows[i].header), &id);
        ck_assert_msg(problem == (rows[i].ok ? PROBLEM_NONE : PROBLEM_event_id_malformed), "%s",
                      rows[i].header);
        if (rows[i].ok)
            ck_assert(uuid_eq(&id, &want));
    }
}
END_TEST

START_TEST(identity__webhook_id_names_an_event_of_its_project)
{
    static const struct {
        const char *header;
        int32_t project;
        const char *id; // NULL: refused
        bool foreign;
    } rows[] = {
        {ID, 7, ID, false},
        {" " ID, 8, ID, false},
        // Computed by another program.
        {"msg_2KWPBgLlAfxdpx2AI54pPJ85f4W", 7, "f2601b4c-d075-8267-b52d-e560d48075e3", true},
        {"a b", -2, "9f58d1ce-c247-871c-8a55-fa458dfff1e1", true},
        {"", 7, NULL, false},
        {"  ", 7, NULL, false},
        {"a.b", 7, NULL, false},
        {"a\tb", 7, NULL, false},
        {"a\x7f", 7, NULL, false},
        {"a\xc3\xa4", 7, NULL, false},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct uuid id;
        bool foreign = false;
        char text[UUID_TEXT_LEN + 1];
        enum problem problem =
            identity_from_webhook(str_from(rows[i].header), rows[i].project, &id, &foreign);
        ck_assert_msg(problem == (rows[i].id ? PROBLEM_NONE : PROBLEM_event_id_malformed), "%s",
                      rows[i].header);
        if (!rows[i].id)
            continue;
        uuid_format(&id, text);
        ck_assert_str_eq(text, rows[i].id);
        ck_assert_int_eq(foreign, rows[i].foreign);
    }
}
END_TEST

START_TEST(identity__webhook_id_length_is_bounded)
{
    char text[LIMIT_EVENT_ID_TEXT + 1];
    struct uuid id, other;
    bool foreign;
    memset(text, 'x', sizeof(text));
    ck_assert_int_eq(identity_from_webhook(str_slice(text, LIMIT_EVENT_ID_TEXT), 1, &id, &foreign),
                     PROBLEM_NONE);
    ck_assert_int_eq(identity_from_webhook(str_slice(text, LIMIT_EVENT_ID_TEXT), 2, &other, &foreign),
                     PROBLEM_NONE);
    ck_assert(!uuid_eq(&id, &other));
    ck_assert_int_eq(identity_from_webhook(str_slice(text, sizeof(text)), 1, &id, &foreign),
                     PROBLEM_event_id_malformed);
}
END_TEST

START_TEST(identity__time_is_known_within_its_bounds)
{
    const int64_t now = 1795334462000000LL; // 2026-11-22T08:01:02Z
    static const struct {
        const char *header;
        enum problem problem;
        bool known;
    } rows[] = {
        {"2026-11-22T08:01:02Z", PROBLEM_NONE, true},  {" 2026-11-22T09:01:02.5+01:00 ", PROBLEM_NONE, true},
        {"2026-11-23T08:01:02Z", PROBLEM_NONE, true},  {"2026-11-23T08:01:02.000001Z", PROBLEM_NONE, false},
        {"2020-01-01T00:00:00Z", PROBLEM_NONE, true},  {"2019-12-31T23:59:59.999999Z", PROBLEM_NONE, false},
        {"1970-01-01T00:00:00Z", PROBLEM_NONE, false}, {"now", PROBLEM_event_time_malformed, false},
        {"", PROBLEM_event_time_malformed, false},     {"1795334462", PROBLEM_event_time_malformed, false},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        int64_t at = 0;
        bool known = false;
        ck_assert_msg(identity_time(str_from(rows[i].header), now, &at, &known) == rows[i].problem, "%s",
                      rows[i].header);
        ck_assert_msg(known == rows[i].known, "%s", rows[i].header);
    }
}
END_TEST

START_TEST(identity__contract_pin_is_id_and_version)
{
    static const struct {
        const char *header, *id; // NULL: refused
        unsigned version;
    } rows[] = {
        {"model-call.v1", "model-call", 1},
        {" a.v9999 ", "a", 9999},
        {"a2-b.v10", "a2-b", 10},
        {"", NULL, 0},
        {"model-call", NULL, 0},
        {".v1", NULL, 0},
        {"a.v", NULL, 0},
        {"a.v0", NULL, 0},
        {"a.v01", NULL, 0},
        {"a.v10000", NULL, 0},
        {"a.v-1", NULL, 0},
        {"a.v+1", NULL, 0},
        {"a.1", NULL, 0},
        {"a.V1", NULL, 0},
        {"A.v1", NULL, 0},
        {"a_b.v1", NULL, 0},
        {"a.b.v1", NULL, 0},
        {"a.v1.v2", NULL, 0},
        {"a.v1,b.v1", NULL, 0},
        {"a .v1", NULL, 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct str id = STR("unset");
        unsigned version = 0;
        enum problem problem = identity_contract_pin(str_from(rows[i].header), &id, &version);
        ck_assert_msg(problem == (rows[i].id ? PROBLEM_NONE : PROBLEM_contract_pin_malformed), "%s",
                      rows[i].header);
        ck_assert_view_eq(id, rows[i].id ? rows[i].id : "unset");
        ck_assert_uint_eq(version, rows[i].version);
    }
}
END_TEST

START_TEST(identity__client_is_product_and_version)
{
    static const struct {
        const char *header, *client; // NULL: absent
    } rows[] = {
        {"vox/1.2.3", "vox/1.2.3"},
        {"vox/1.2.3 (linux; x86_64) curl/8", "vox/1.2.3"},
        {" vox-sink-upload/0.1.0+dirty", "vox-sink-upload/0.1.0+dirty"},
        {"vox", NULL},
        {"vox 1.0", NULL},
        {"vox/", NULL},
        {"/1.0", NULL},
        {"vox/(x)", NULL},
        {"", NULL},
        {NULL, NULL},
        {"a/b\x01"
         "c",
         "a/b"},
        {"0123456789012345678901234567890123456789012345678901234567890/12345",
         "0123456789012345678901234567890123456789012345678901234567890/12"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct str client = identity_client(str_from(rows[i].header));
        ck_assert_msg((client.ptr != NULL) == (rows[i].client != NULL), "row %zu", i);
        ck_assert_view_eq(client, rows[i].client);
        ck_assert_uint_le(client.len, LIMIT_CLIENT_TEXT);
    }
}
END_TEST

CHECK_MAIN("identity", identity__key_is_a_uuid_with_or_without_quotes,
           identity__webhook_id_names_an_event_of_its_project, identity__webhook_id_length_is_bounded,
           identity__time_is_known_within_its_bounds, identity__contract_pin_is_id_and_version,
           identity__client_is_product_and_version)
