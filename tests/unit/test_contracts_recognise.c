// SPDX-License-Identifier: Apache-2.0
// Recognition and versions over an index made for it: discriminators, bare bodies, precedence, families.
#include "lib/contracts/contracts.h"

#include "lib/base/json.h"

#include "tests/unit/check_main.h"
#include "tests/unit/test_contracts_folder.h"

#define MAX_ROWS 300

struct row {
    const char *id;
    unsigned version;
    const char *recognise;
    const char *schema; // the members after $id
};

static struct json_doc doc;
static struct jsv_context *context;

static void setup(void)
{
    struct err err;
    json_doc_init(&doc, NULL, (size_t)1 << 20);
    context = jsv_context_new(&err);
}

static void put_file(const char *name, struct buf *text)
{
    ck_assert(buf_ok(text));
    folder_put("", name, buf_str(text));
    buf_clear(text);
}

// A folder of these rows, loaded.
static bool load(const struct row *rows, size_t count, struct contract_set **ret_set, struct err *err)
{
    struct buf index, policy, schema;
    buf_init(&index, (size_t)1 << 20);
    buf_init(&policy, (size_t)1 << 20);
    buf_init(&schema, (size_t)1 << 20);
    folder_make();
    buf_put_cstr(&index, "contracts:\n");
    buf_put_cstr(&policy, "retention:\n");
    for (size_t i = 0; i < count; i++) {
        char file[64];
        snprintf(file, sizeof(file), "%s.v%u.json", rows[i].id, rows[i].version);
        buf_putf(&index,
                 "  - {id: %s, version: %u, schema: %s, recognise: %s, class: S1, transmission: local_only, "
                 "owner: t, enforced_by: schema, session_convention: none}\n",
                 rows[i].id, rows[i].version, file, rows[i].recognise);
        buf_putf(&policy, "  - {contract: %s.v%u, kind: manual, rationale: r}\n", rows[i].id,
                 rows[i].version);
        buf_putf(
            &schema,
            "{\"$schema\":\"http://json-schema.org/draft-07/schema#\",\"$id\":\"urn:vox:contract:%s.v%u\"%s}",
            rows[i].id, rows[i].version, rows[i].schema ? rows[i].schema : "");
        put_file(file, &schema);
    }
    put_file("index.yaml", &index);
    put_file("retention-policy.yaml", &policy);
    bool ok = contract_set_load(folder, NULL, ret_set, err);
    folder_remove();
    buf_release(&index);
    buf_release(&policy);
    buf_release(&schema);
    return ok;
}

static const struct json *parse(const char *text)
{
    json_doc_reset(&doc);
    ck_assert_msg(json_doc_parse(&doc, str_from(text), NULL) == JSON_FAULT_NONE, "%s", text);
    return doc.root;
}

START_TEST(recognise__prefers_the_narrower_rule)
{
    static const struct row rows[] = {
        {"any-fixture", 1, "{variant: AiFixture}"},
        {"intent", 1,
         "{variant: AiFixture, where: [{pointer: /AiFixture/fixture_kind, equals: model_intent}]}"},
        {"dispatch", 1,
         "{variant: AiFixture, where: [{pointer: /AiFixture/fixture_kind, any_of: [prompt, search]}]}"},
        {"call", 1, "{variant: Call}"},
        {"wide", 1, "{members: [tier]}"},
        {"first", 1, "{members: [detector, tier]}"},
        {"second", 1, "{members: [tier, fingerprint]}"},
        {"marked", 1, "{members: [detector, tier], where: [{pointer: /kind, equals: marked}]}"},
        {"numbered", 1, "{members: [schema], where: [{pointer: /schema, equals_integer: -3}]}"},
    };
    static const struct {
        const char *body, *id;
    } table[] = {
        {"{\"AiFixture\":{\"fixture_kind\":\"model_intent\"}}", "intent"},
        {"{\"AiFixture\":{\"fixture_kind\":\"prompt\"}}", "dispatch"},
        {"{\"AiFixture\":{\"fixture_kind\":\"search\"}}", "dispatch"},
        {"{\"AiFixture\":{\"fixture_kind\":\"hole\"}}", "any-fixture"},
        {"{\"AiFixture\":{\"fixture_kind\":[\"prompt\"]}}", "any-fixture"},
        {"{\"AiFixture\":3}", "any-fixture"},
        {"{\"AiFixture\":{},\"x\":1}", NULL},
        {"{\"AiFixture\":{},\"tier\":1}", "wide"},
        {"{\"Call\":null}", "call"},
        {"{\"tier\":null}", "wide"},
        {"{\"tier\":1,\"x\":2}", "wide"},
        {"{\"tier\":1,\"detector\":2}", "first"},
        {"{\"tier\":1,\"fingerprint\":2}", "second"},
        // Equally narrow: the earlier row.
        {"{\"tier\":1,\"fingerprint\":2,\"detector\":3}", "first"},
        {"{\"tier\":1,\"detector\":2,\"kind\":\"marked\"}", "marked"},
        {"{\"tier\":1,\"detector\":2,\"kind\":\"mark\"}", "first"},
        {"{\"schema\":-3}", "numbered"},
        {"{\"schema\":3}", NULL},
        {"{\"schema\":\"-3\"}", NULL},
        {"{\"schema\":-3.0}", "numbered"},
        {"{\"schema\":-3.5}", NULL},
        {"{\"schema\":-3,\"count\":18446744073709551615}", "numbered"},
    };
    struct contract_set *set;
    struct err err;
    ck_assert_msg(load(rows, ARRAY_LEN(rows), &set, &err), "%s", err.text);
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        const struct contract *contract = contract_recognise(set, parse(table[i].body));
        ck_assert_msg(!contract == !table[i].id, "%s", table[i].body);
        if (contract)
            ck_assert_msg(str_eq(contract->id, str_from(table[i].id)), "%s is %s", table[i].body,
                          contract->id.ptr);
    }
    contract_set_unref(set);
}
END_TEST

START_TEST(recognise__refuses_two_families_of_one_rule)
{
    static const struct row rows[] = {
        {"a", 1, "{members: [x, y], where: [{pointer: /x, any_of: [p, q]}]}"},
        {"b", 1, "{members: [y, x], where: [{pointer: /x, any_of: [q, p]}]}"},
    };
    struct contract_set *set;
    struct err err;
    ck_assert(!load(rows, ARRAY_LEN(rows), &set, &err));
    ck_assert_msg(strstr(err.text, "b.v1 and a.v1 are recognised by the same rule") != NULL, "%s", err.text);
}
END_TEST

#define NEEDS(member) ",\"properties\":{\"V\":{\"required\":[\"" member "\"]}}"

START_TEST(judge__takes_the_newest_version_that_validates)
{
    static const struct row rows[] = {
        {"thing", 10, "{variant: V}", NEEDS("c")},
        {"thing", 2, "{variant: V}", NEEDS("b")},
        {"thing", 9, "{variant: W}",
         ",\"properties\":{\"W\":{\"type\":\"object\"},\"V\":{\"type\":\"string\"}}"},
        {"thing-other", 1, "{variant: T}", NULL},
        {"thin", 1, "{variant: U}", NULL},
    };
    static const struct {
        const char *body;
        enum problem problem;
        unsigned version;
    } table[] = {
        {"{\"V\":{\"b\":1,\"c\":1}}", PROBLEM_NONE, 10},
        {"{\"V\":{\"b\":1}}", PROBLEM_NONE, 2},
        {"{\"V\":\"text\"}", PROBLEM_NONE, 10}, // `required` says nothing of a text
        {"{\"V\":{\"d\":1}}", PROBLEM_schema_invalid, 10},
        {"{\"W\":{}}", PROBLEM_NONE, 10},
    };
    struct contract_set *set;
    struct err err;
    struct judgement judgement;
    ck_assert_msg(load(rows, ARRAY_LEN(rows), &set, &err), "%s", err.text);
    ck_assert_view_eq(contract_set_find(set, STR("thing"))->name, "thing.v10");
    ck_assert_view_eq(contract_set_at(set, 0)->name, "thin.v1");
    ck_assert_view_eq(contract_set_at(set, 1)->name, "thing.v2");
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        const struct json *event = parse(table[i].body);
        ck_assert_view_eq(contract_recognise(set, event)->name, "thing.v10");
        ck_assert_msg(contract_judge(set, context, event, STR_NULL, 0, &judgement) == table[i].problem, "%s",
                      table[i].body);
        ck_assert_uint_eq(judgement.contract->version, table[i].version);
        ck_assert((judgement.error_count > 0) == (table[i].problem != PROBLEM_NONE));
    }
    // A pin asks that version and no other.
    const struct json *event = parse("{\"V\":{\"b\":1}}");
    ck_assert_int_eq(contract_judge(set, context, event, STR("thing"), 10, &judgement),
                     PROBLEM_schema_invalid);
    ck_assert_int_eq(contract_judge(set, context, event, STR("thing"), 2, &judgement), PROBLEM_NONE);
    ck_assert_uint_eq(judgement.contract->version, 2);
    ck_assert_int_eq(contract_judge(set, context, event, STR("thing"), 3, &judgement),
                     PROBLEM_unknown_contract);
    contract_set_unref(set);
}
END_TEST

START_TEST(judge__asserts_formats_only_where_the_index_says_so)
{
    static const struct row rows[] = {
        {"lax", 1, "{variant: Lax}", ",\"properties\":{\"Lax\":{\"format\":\"date-time\"}}"},
        {"strict", 1, "{variant: Strict}, formats: assert",
         ",\"properties\":{\"Strict\":{\"format\":\"date-time\"}}"},
    };
    struct contract_set *set;
    struct err err;
    struct judgement judgement;
    ck_assert_msg(load(rows, ARRAY_LEN(rows), &set, &err), "%s", err.text);
    ck_assert_int_eq(contract_judge(set, context, parse("{\"Lax\":\"soon\"}"), STR_NULL, 0, &judgement),
                     PROBLEM_NONE);
    ck_assert_int_eq(contract_judge(set, context, parse("{\"Strict\":\"soon\"}"), STR_NULL, 0, &judgement),
                     PROBLEM_schema_invalid);
    ck_assert_view_eq(judgement.errors[0].keyword, "format");
    contract_set_unref(set);
}
END_TEST

START_TEST(judge__schemas_may_refer_to_each_other)
{
    static const struct row rows[] = {
        {"one", 1, "{variant: One}",
         ",\"properties\":{\"One\":{\"$ref\":\"urn:vox:contract:two.v1#/definitions/n\"}}"},
        {"two", 1, "{variant: Two}", ",\"definitions\":{\"n\":{\"type\":\"integer\"}}"},
    };
    struct contract_set *set;
    struct err err;
    struct judgement judgement;
    ck_assert_msg(load(rows, ARRAY_LEN(rows), &set, &err), "%s", err.text);
    ck_assert_int_eq(contract_judge(set, context, parse("{\"One\":1}"), STR_NULL, 0, &judgement),
                     PROBLEM_NONE);
    ck_assert_int_eq(contract_judge(set, context, parse("{\"One\":\"1\"}"), STR_NULL, 0, &judgement),
                     PROBLEM_schema_invalid);
    contract_set_unref(set);
}
END_TEST

START_TEST(recognise__finds_every_variant_of_many)
{
    static char ids[MAX_ROWS][16], rules[MAX_ROWS][32];
    static struct row rows[MAX_ROWS];
    struct contract_set *set;
    struct err err;
    for (size_t i = 0; i < MAX_ROWS; i++) {
        snprintf(ids[i], sizeof(ids[i]), "c-%zu", i);
        snprintf(rules[i], sizeof(rules[i]), "{variant: Variant%zu}", i);
        rows[i] = (struct row){ids[i], 1, rules[i], NULL};
    }
    ck_assert_msg(load(rows, MAX_ROWS, &set, &err), "%s", err.text);
    for (size_t i = 0; i < MAX_ROWS; i++) {
        char body[64];
        snprintf(body, sizeof(body), "{\"Variant%zu\":{}}", i);
        const struct contract *contract = contract_recognise(set, parse(body));
        ck_assert_msg(contract && str_eq(contract->id, str_from(ids[i])), "%s", body);
    }
    ck_assert_ptr_null(contract_recognise(set, parse("{\"Variant300\":{}}")));
    contract_set_unref(set);
}
END_TEST

CHECK_MAIN_WITH(setup, "contracts_recognise", recognise__prefers_the_narrower_rule,
                recognise__refuses_two_families_of_one_rule, judge__takes_the_newest_version_that_validates,
                judge__asserts_formats_only_where_the_index_says_so, judge__schemas_may_refer_to_each_other,
                recognise__finds_every_variant_of_many)
