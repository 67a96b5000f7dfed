// SPDX-License-Identifier: Apache-2.0
// The contracts that we ship: they load, keep their promises, and recognise and judge bodies.
#include "lib/contracts/check.h"
#include "lib/contracts/pointer.h"

#include "lib/base/file.h"
#include "lib/base/json.h"

#include "tests/unit/check_main.h"

#include <fcntl.h>
#include <pthread.h>

#define CONTRACTS VOX_SOURCE_DIR "/contracts"

static struct contract_set *set;
static struct jsv_context *context;
static struct json_doc doc;

static void setup(void)
{
    struct err err;
    json_doc_init(&doc, NULL, (size_t)64 << 20);
    context = jsv_context_new(&err);
    if (!context || !contract_set_load(CONTRACTS, NULL, &set, &err)) {
        fprintf(stderr, "%s\n", err.text);
        exit(1);
    }
}

static const struct json *parse(struct str text)
{
    json_doc_reset(&doc);
    ck_assert_msg(json_doc_parse(&doc, text, NULL) == JSON_FAULT_NONE, "%.*s", STR_FMT(text));
    return doc.root;
}

static enum problem judge(const char *text, struct judgement *judgement)
{
    return contract_judge(set, context, parse(str_from(text)), STR_NULL, 0, judgement);
}

static void print_fault(void *unused, struct str file, struct str message)
{
    (void)unused;
    fprintf(stderr, "%.*s: %.*s\n", STR_FMT(file), STR_FMT(message));
}

START_TEST(contracts__samples_hold)
{
    struct contract_check_tally tally;
    ck_assert(contract_check(CONTRACTS, NULL, print_fault, NULL, &tally));
    ck_assert_uint_eq(tally.contracts, contract_set_count(set));
    ck_assert_uint_ge(tally.valid, 3 * tally.contracts);
    ck_assert_uint_ge(tally.invalid, 5 * tally.contracts);
}
END_TEST

// The benchmark's event: figures are comparable only while it keeps its size.
START_TEST(contracts__typical_model_call_is_404_bytes)
{
    struct buf text, minified;
    struct err err;
    struct judgement judgement;
    buf_init(&text, LIMIT_EVENT_BYTES);
    buf_init(&minified, LIMIT_EVENT_BYTES);
    ck_assert_msg(file_read_at(AT_FDCWD, CONTRACTS "/samples/model-call.v1/valid/typical.json", &text, &err),
                  "%s", err.text);
    ck_assert_uint_eq(text.len, 404);
    buf_put_str(&minified, buf_str(&text));
    ck_assert_int_eq(event_text_parse(&doc, minified.ptr, &minified.len), PROBLEM_NONE);
    ck_assert(str_eq(buf_str(&text), buf_str(&minified)));
    const struct json *event = doc.root;
    ck_assert_int_eq(contract_judge(set, context, event, STR_NULL, 0, &judgement), PROBLEM_NONE);
    ck_assert_view_eq(judgement.contract->name, "model-call.v1");
    ck_assert_uint_gt(contract_text_at(event, judgement.contract->trace_id).len, 0);
    buf_release(&text);
    buf_release(&minified);
}
END_TEST

START_TEST(contracts__are_found_by_name)
{
    static const struct {
        const char *name, *found;
    } table[] = {
        {"model-call.v1", "model-call.v1"},
        {"model-call", "model-call.v1"},
        {"model-call.v2", NULL},
        {"model-call.v01", NULL},
        {"model-call.v", NULL},
        {"model-call.1", NULL},
        {"model-call.v1x", NULL},
        {"model-call.", NULL},
        {"model-cal", NULL},
        {"model-call.v4294967295", NULL},
        {"", NULL},
        {".v1", NULL},
        {"zzz", NULL},
        {"model-call.v0", NULL},
    };
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        const struct contract *contract = contract_set_find(set, str_from(table[i].name));
        ck_assert_msg(!contract == !table[i].found, "%s", table[i].name);
        if (contract)
            ck_assert_view_eq(contract->name, table[i].found);
    }
    for (size_t i = 0; i < contract_set_count(set); i++) {
        const struct contract *contract = contract_set_at(set, i);
        ck_assert_ptr_eq(contract_set_find(set, contract->name), contract);
        ck_assert_ptr_eq(contract_set_find_version(set, contract->id, contract->version), contract);
        ck_assert_uint_eq(contract->index, i);
    }
}
END_TEST

START_TEST(contracts__keep_their_classes_and_days)
{
    ck_assert_int_eq(contract_set_find(set, STR("build-summary"))->class_, CLASS_S0);
    ck_assert_int_eq(contract_set_find(set, STR("model-call"))->class_, CLASS_S1);
    ck_assert_int_eq(contract_set_find(set, STR("completion-run"))->class_, CLASS_S2);
    for (size_t i = 0; i < contract_set_count(set); i++) {
        const struct contract *contract = contract_set_at(set, i);
        ck_assert_int_lt(contract->class_, CLASS_S3);
        ck_assert_uint_gt(contract->retention.rationale.len, 0);
        if (contract->retention.kind == RETENTION_DAYS)
            ck_assert_int_ge(contract->retention.days, 1);
    }
}
END_TEST

START_TEST(contracts__hostile_bodies_are_unknown)
{
    static const char *const bodies[] = {
        "{}",
        "[]",
        "null",
        "\"ModelCall\"",
        "1",
        "[{\"ModelCall\":{}}]",
        "{\"ModelCall\":1,\"x\":2}",
        "{\"ModelCall\":{},\"BuildSummary\":{}}",
        "{\"modelcall\":{}}",
        "{\"ModelCal\":{}}",
        "{\"ModelCall \":{}}",
        "{\"\":{}}",
        "{\"workflow\":\"w\"}",
        "{\"findings_count\":1}",
        "{\"a\":{\"ModelCall\":{}}}",
    };
    for (size_t i = 0; i < ARRAY_LEN(bodies); i++) {
        struct judgement judgement;
        ck_assert_msg(judge(bodies[i], &judgement) == PROBLEM_unknown_contract, "%s", bodies[i]);
        ck_assert_ptr_null(judgement.contract);
        ck_assert_uint_eq(judgement.error_count, 0);
    }
}
END_TEST

START_TEST(contracts__known_bodies_are_judged)
{
    static const struct {
        const char *body, *family, *pointer, *keyword;
    } table[] = {
        {"{\"ModelCall\":1}", "model-call", "/ModelCall", "type"},
        {"{\"ModelCall\":null}", "model-call", "/ModelCall", "type"},
        {"{\"BuildSummary\":{\"outcome\":7}}", "build-summary", "/BuildSummary/outcome", "enum"},
        {"{\"workflow\":\"w\",\"findings_count\":1}", "completion-run", "", "required"},
        {"{\"workflow\":null,\"findings_count\":null}", "completion-run", "/workflow", "type"},
    };
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        struct judgement judgement;
        bool found = false;
        ck_assert_msg(judge(table[i].body, &judgement) == PROBLEM_schema_invalid, "%s", table[i].body);
        ck_assert_view_eq(judgement.contract->id, table[i].family);
        for (size_t k = 0; k < judgement.error_count; k++)
            found = found || (str_eq(judgement.errors[k].pointer, str_from(table[i].pointer)) &&
                              str_eq(judgement.errors[k].keyword, str_from(table[i].keyword)));
        ck_assert_msg(found, "%s", table[i].body);
    }
}
END_TEST

START_TEST(contracts__errors_never_echo_the_payload)
{
    struct judgement judgement;
    ck_assert_int_eq(judge("{\"ResearchMetric\":{\"session_id\":7,\"metric_type\":\"hush hush\","
                           "\"secret-name\":{\"deeper\":1}}}",
                           &judgement),
                     PROBLEM_schema_invalid);
    ck_assert_uint_ge(judgement.error_count, 2);
    for (size_t i = 0; i < judgement.error_count; i++) {
        ck_assert_ptr_null(
            memmem(judgement.errors[i].pointer.ptr, judgement.errors[i].pointer.len, "secret", 6));
        ck_assert_ptr_null(
            memmem(judgement.errors[i].message.ptr, judgement.errors[i].message.len, "hush", 4));
    }
}
END_TEST

START_TEST(contracts__a_pin_replaces_recognition)
{
    struct judgement judgement;
    const struct json *event = parse(STR("{\"BuildSummary\":{\"build_id\":\"b\",\"outcome\":\"success\","
                                         "\"wall_time_ms\":1,\"crates_compiled\":1,\"error_count\":0}}"));
    ck_assert_int_eq(contract_judge(set, context, event, STR("build-summary"), 1, &judgement), PROBLEM_NONE);
    ck_assert_view_eq(judgement.contract->name, "build-summary.v1");
    ck_assert_int_eq(contract_judge(set, context, event, STR("build-summary"), 2, &judgement),
                     PROBLEM_unknown_contract);
    ck_assert_ptr_null(judgement.contract);
    ck_assert_int_eq(contract_judge(set, context, event, STR("nothing"), 1, &judgement),
                     PROBLEM_unknown_contract);
    ck_assert_int_eq(contract_judge(set, context, event, STR("model-call"), 1, &judgement),
                     PROBLEM_schema_invalid);
    ck_assert_view_eq(judgement.contract->name, "model-call.v1");
    // A second member is refused by the schema where recognition is not asked.
    event = parse(STR("{\"BuildSummary\":{\"build_id\":\"b\",\"outcome\":\"success\",\"wall_time_ms\":1,"
                      "\"crates_compiled\":1,\"error_count\":0},\"x\":1}"));
    ck_assert_int_eq(contract_judge(set, context, event, STR("build-summary"), 1, &judgement),
                     PROBLEM_schema_invalid);
    ck_assert_view_eq(judgement.errors[0].pointer, "");
}
END_TEST

// The schema counts characters, the sink bytes: it is the bytes that are bounded.
START_TEST(contracts__metadata_is_bounded_in_bytes)
{
    static const struct {
        const char *unit;
        size_t count;
        enum problem problem;
    } table[] = {
        {"x", 262142, PROBLEM_NONE},
        {"x", 262143, PROBLEM_schema_invalid},
        {"\xC3\xA9", 131071, PROBLEM_NONE},
        {"\xC3\xA9", 131072, PROBLEM_schema_invalid},
        {"\xC3\xA9", 262144, PROBLEM_schema_invalid},
        {"\\u00e9", 131071, PROBLEM_NONE}, // six bytes each on the way, two when decoded
        {"\\u00e9", 131072, PROBLEM_schema_invalid},
    };
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        struct buf text;
        struct judgement judgement;
        buf_init(&text, (size_t)2 << 20);
        buf_put_cstr(&text, "{\"ResearchMetric\":{\"session_id\":\"s\",\"metric_type\":\"m\","
                            "\"metadata_json\":\"\\\"");
        for (size_t k = 0; k < table[i].count; k++)
            buf_put_cstr(&text, table[i].unit);
        buf_put_cstr(&text, "\\\"\"}}");
        ck_assert(buf_ok(&text));
        ck_assert_int_eq(contract_judge(set, context, parse(buf_str(&text)), STR_NULL, 0, &judgement),
                         table[i].problem);
        if (table[i].problem)
            ck_assert_view_eq(judgement.errors[0].keyword, "maxLength");
        buf_release(&text);
    }
}
END_TEST

START_TEST(pointer__follows_rfc_6901)
{
    static const struct {
        const char *pointer, *text;
    } table[] = {
        {"/a", "1"},       {"/m~0n", "8"},     {"/a~1b", "2"},
        {"/list/0", "x"},  {"/list/1/k", "y"}, {"/", "empty"},
        {"/ ", "7"},       {"/list/00", NULL}, {"/list/-", NULL},
        {"/list/2", NULL}, {"/list", NULL},    {"/n", NULL},
        {"/a/b", NULL},    {"/none", NULL},    {"/list/18446744073709551616", NULL},
    };
    const struct json *event =
        parse(STR("{\"a\":\"1\",\"a/b\":\"2\",\"m~n\":\"8\",\"\":\"empty\",\" \":\"7\","
                  "\"n\":5,\"list\":[\"x\",{\"k\":\"y\"}]}"));
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        struct str found = contract_text_at(event, str_from(table[i].pointer));
        ck_assert_msg(!found.ptr == !table[i].text, "%s", table[i].pointer);
        ck_assert_view_eq(found, table[i].text);
    }
    ck_assert_ptr_null(contract_text_at(event, STR_NULL).ptr);
    ck_assert_ptr_eq(pointer_get(event, STR("")), event);
}
END_TEST

static void *share(void *unused)
{
    (void)unused;
    for (int i = 0; i < 10000; i++)
        contract_set_unref(contract_set_ref(set));
    return NULL;
}

START_TEST(contracts__count_references_across_threads)
{
    pthread_t threads[4];
    for (size_t i = 0; i < ARRAY_LEN(threads); i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, share, NULL), 0);
    for (size_t i = 0; i < ARRAY_LEN(threads); i++)
        pthread_join(threads[i], NULL);
    ck_assert_uint_gt(contract_set_count(set), 0);
}
END_TEST

START_TEST(contracts__release_everything)
{
    contract_set_unref(set);
    jsv_context_free(context);
    json_doc_release(&doc);
    setup();
    contract_set_unref(set);
    contract_set_unref(NULL);
    jsv_context_free(context);
    json_doc_release(&doc);
}
END_TEST

CHECK_MAIN_WITH(setup, "contracts", contracts__samples_hold, contracts__typical_model_call_is_404_bytes,
                contracts__are_found_by_name, contracts__keep_their_classes_and_days,
                contracts__hostile_bodies_are_unknown, contracts__known_bodies_are_judged,
                contracts__errors_never_echo_the_payload, contracts__a_pin_replaces_recognition,
                contracts__metadata_is_bounded_in_bytes, pointer__follows_rfc_6901,
                contracts__count_references_across_threads, contracts__release_everything)
