// SPDX-License-Identifier: Apache-2.0
// Loading a contracts folder: which files it needs, what comes of them, and its hash.
#include "lib/base/json.h"

#include "tests/unit/test_contracts_parts.h"

START_TEST(contracts_load__needs_every_file)
{
    static const enum part needed[] = {INDEX, POLICY, SCHEMA, OVERRIDES};
    for (size_t i = 0; i < ARRAY_LEN(needed); i++) {
        struct contract_set *set = NULL;
        struct err err = {""};
        setup_folder();
        ck_assert_int_eq(remove(path_of(needed[i])), 0);
        ck_assert(!contract_set_load(folder, path_of(OVERRIDES), &set, &err));
        ck_assert_msg(strstr(err.text, part_names[needed[i]]) != NULL, "%s", err.text);
        folder_remove();
    }
}
END_TEST

START_TEST(contracts_load__needs_the_guard)
{
    char path[128];
    struct contract_set *set = NULL;
    struct err err = {""};
    setup_folder();
    ck_assert_uint_eq(contract_set_guard_count(set = load(false)), 2);
    ck_assert_uint_eq(contract_set_at(set, 0)->guarded, 3);
    contract_set_unref(set);
    spoil(INDEX, "metric_type: ping.sent", "guard: {off: [posix-path]}");
    ck_assert_uint_eq(contract_set_at(set = load(false), 0)->guarded, 2);
    contract_set_unref(set);
    snprintf(path, sizeof(path), "%s/guard.yaml", folder);
    ck_assert_int_eq(remove(path), 0);
    ck_assert(!contract_set_load(folder, NULL, &set, &err));
    ck_assert_msg(strstr(err.text, "guard.yaml") != NULL, "%s", err.text);
    folder_remove();
}
END_TEST

START_TEST(contracts_load__turns_rules_on_and_off)
{
    // Rule 0 is posix-path, rule 1 email.
    static const struct {
        const char *row;
        uint64_t rules;
    } rows[] = {
        {"class: S1", 3},
        {"guard: {on: [all]}\n    class: S1", 3},
        {"guard: {off: [email]}\n    class: S1", 1},
        {"guard: {off: [all]}\n    class: S0", 0},
        {"guard: {off: [all], on: [email]}\n    class: S1", 2},
        {"class: S2", 0},
        {"guard: {on: [all]}\n    class: S2", 3},
        {"guard: {on: [email]}\n    class: S2", 2},
        {"guard: {on: [all], off: [email]}\n    class: S2", 1},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        setup_folder();
        spoil(INDEX, "class: S1", rows[i].row);
        struct contract_set *set = load(false);
        ck_assert_msg(contract_set_at(set, 0)->guarded == rows[i].rules, "%s", rows[i].row);
        contract_set_unref(set);
        folder_remove();
    }
}
END_TEST

START_TEST(contracts_load__bounds_files)
{
    struct contract_set *set = NULL;
    struct err err = {""};
    struct buf text;
    setup_folder();
    buf_init(&text, (size_t)2 << 20);
    buf_put_cstr(&text, good[SCHEMA]);
    while (text.len <= (size_t)1 << 20)
        buf_put_cstr(&text, "                                ");
    buf_put_char(&text, '\0');
    ck_assert(buf_ok(&text));
    put_file(part_names[SCHEMA], text.ptr);
    ck_assert(!contract_set_load(folder, NULL, &set, &err));
    ck_assert_msg(strstr(err.text, "1048576 bytes") != NULL, "%s", err.text);
    buf_release(&text);
    folder_remove();
}
END_TEST

START_TEST(contracts_load__reads_every_column)
{
    setup_folder();
    struct contract_set *set = load(false);
    ck_assert_uint_eq(contract_set_count(set), 2);
    const struct contract *ping = contract_set_at(set, 0), *pong = contract_set_at(set, 1);
    ck_assert_view_eq(ping->name, "ping.v1");
    ck_assert_view_eq(ping->id, "ping");
    ck_assert_uint_eq(ping->version, 1);
    ck_assert_int_eq(ping->class_, CLASS_S1);
    ck_assert_view_eq(ping->owner, "tests");
    ck_assert_view_eq(ping->enforced_by, "schema");
    ck_assert_view_eq(ping->transmission, "approved_usage_upload");
    ck_assert_view_eq(ping->metric_type, "ping.sent");
    ck_assert_view_eq(ping->trace_id, "/Ping/trace~1id");
    ck_assert_ptr_null(ping->session_id.ptr);
    ck_assert_view_eq(ping->recognised_by, "variant Ping");
    ck_assert_view_eq(ping->schema_text, good[SCHEMA]);
    ck_assert_int_eq(ping->retention.days, 30);
    ck_assert_view_eq(ping->retention.rationale, "enough");
    ck_assert_uint_eq(pong->index, 1);
    ck_assert_ptr_null(pong->metric_type.ptr);
    ck_assert_view_eq(pong->recognised_by, "members at, pong where /pong is \"back\"");
    ck_assert_int_eq(pong->retention.kind, RETENTION_WITH_PARENT);
    ck_assert_int_eq(pong->retention.days, 30);
    ck_assert_view_eq(pong->retention.parent, "ping.v1");
    ck_assert_uint_eq(contract_set_reserved_count(set), 1);
    ck_assert_view_eq(contract_set_reserved_at(set, 0)->pattern, "later-*");
    ck_assert_uint_eq(contract_set_reserved_at(set, 0)->classes, 1U << CLASS_S0 | 1U << CLASS_S1);
    contract_set_unref(set);
    folder_remove();
}
END_TEST

START_TEST(contracts_load__applies_overrides)
{
    setup_folder();
    struct contract_set *set = load(true);
    ck_assert_int_eq(contract_set_at(set, 0)->retention.days, 7);
    ck_assert_view_eq(contract_set_at(set, 0)->retention.rationale, "enough");
    // The child follows its parent's new days.
    ck_assert_int_eq(contract_set_at(set, 1)->retention.days, 7);
    contract_set_unref(set);

    put_file(part_names[OVERRIDES], "retention:\n  - {contract: pong.v1, kind: manual, rationale: mine}\n");
    set = load(true);
    ck_assert_int_eq(contract_set_at(set, 0)->retention.days, 30);
    ck_assert_int_eq(contract_set_at(set, 1)->retention.kind, RETENTION_MANUAL);
    ck_assert_int_eq(contract_set_at(set, 1)->retention.days, 0);
    ck_assert_ptr_null(contract_set_at(set, 1)->retention.parent.ptr);
    ck_assert_view_eq(contract_set_at(set, 1)->retention.rationale, "mine");
    contract_set_unref(set);

    put_file(part_names[OVERRIDES], "retention: []\n");
    set = load(true);
    ck_assert_int_eq(contract_set_at(set, 0)->retention.days, 30);
    contract_set_unref(set);
    folder_remove();
}
END_TEST

START_TEST(contracts_load__hashes_what_decides)
{
    static const struct broken changes[] = {
        {INDEX, "class: S1", "class: S0", "class"},
        {INDEX, "variant: Ping", "variant: Pinge", "rule"},
        {INDEX, "metric_type: ping.sent", "formats: assert", "formats"},
        {INDEX, "metric_type: ping.sent", "guard: {off: [email]}", "guard"},
        {SCHEMA, "\"required\": [\"Ping\"],", "", "schema"},
    };
    char before[SHA256_HEX_LEN + 1];
    setup_folder();
    struct contract_set *set = load(false);
    snprintf(before, sizeof(before), "%s", contract_set_hash(set));
    ck_assert_uint_eq(strspn(before, "0123456789abcdef"), SHA256_HEX_LEN);
    contract_set_unref(set);
    set = load(true);
    ck_assert_str_eq(contract_set_hash(set), before);
    contract_set_unref(set);
    folder_remove();
    for (size_t i = 0; i < ARRAY_LEN(changes); i++) {
        setup_folder();
        spoil(changes[i].part, changes[i].from, changes[i].to);
        set = load(false);
        ck_assert_msg(strcmp(contract_set_hash(set), before) != 0, "%s does not change it", changes[i].says);
        contract_set_unref(set);
        folder_remove();
    }
}
END_TEST

CHECK_MAIN("contracts_load", contracts_load__turns_rules_on_and_off, contracts_load__needs_every_file,
           contracts_load__needs_the_guard, contracts_load__bounds_files, contracts_load__reads_every_column,
           contracts_load__applies_overrides, contracts_load__hashes_what_decides)
