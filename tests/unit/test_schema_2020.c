// SPDX-License-Identifier: Apache-2.0
// What only 2020-12 has: unevaluated…, dynamic scopes, vocabularies; and what only draft-07 warns of.
#include "lib/base/json.h"
#include "lib/schema/schema.h"

#include "tests/unit/check_main.h"
#include "tests/unit/test_parsed.h"

#define URI "https://test.invalid/schema.json"

static const struct json *parse(const char *text)
{
    const struct json *json = parsed(text);
    ck_assert_msg(json != NULL, "no JSON: %s", text);
    return json;
}

static bool add(struct jsv_registry *registry, const char *uri, const char *text, struct err *err)
{
    const struct json *schema = parse(text);
    bool ok = jsv_registry_add(registry, uri, schema, JSV_2020_12, err);
    return ok;
}

// "" if the instance is valid, else "<pointer> <keyword location>" of the first error.
static void judge(struct jsv_registry *registry, const char *uri, const char *instance, char *out,
                  size_t size)
{
    struct err err = {.text = ""};
    struct jsv_program *program = NULL;
    struct jsv_error error;
    ck_assert_msg(jsv_compile(registry, uri, NULL, &program, &err), "%s", err.text);
    struct jsv_context *context = jsv_context_new(&err);
    const struct json *json = parse(instance);
    enum jsv_verdict verdict = jsv_validate(program, context, json);
    size_t count = jsv_explain(program, context, json, &error, 1);
    ck_assert_msg((verdict == JSV_INVALID) == (count == 1) && verdict != JSV_LIMIT, "%s: verdict %d",
                  instance, verdict);
    snprintf(out, size, "%s", "");
    if (count)
        snprintf(out, size, "%.*s %.*s", STR_FMT(error.pointer), STR_FMT(error.keyword_location));
    jsv_context_free(context);
    jsv_program_unref(program);
}

START_TEST(schema_2020__unevaluated)
{
    static const char members[] =
        "{\"properties\":{\"a\":true},\"patternProperties\":{\"^x\":true},\"allOf\":[{\"properties\":{\"b\":"
        "true}}],"
        "\"anyOf\":[{\"properties\":{\"c\":{\"const\":1}},\"required\":[\"c\"]},{\"properties\":{\"d\":true}}"
        "],"
        "\"if\":{\"properties\":{\"e\":{\"const\":1}}},\"then\":{\"properties\":{\"f\":true}},"
        "\"not\":{\"not\":{\"properties\":{\"g\":true}}},\"dependentSchemas\":{\"a\":{\"properties\":{\"h\":"
        "true}}},"
        "\"$ref\":\"#/$defs/"
        "r\",\"$defs\":{\"r\":{\"properties\":{\"i\":true}}},\"unevaluatedProperties\":false}";
    static const char elements[] =
        "{\"prefixItems\":[true],\"contains\":{\"const\":\"x\"},\"minContains\":0,"
        "\"oneOf\":[{\"prefixItems\":[true,{\"const\":1}]},{\"prefixItems\":[true,{\"const\":2}]}],"
        "\"unevaluatedItems\":{\"type\":\"null\"}}";
    static const struct {
        const char *schema, *instance, *wanted;
    } rows[] = {
        {members, "{\"a\":1,\"b\":1,\"c\":1,\"d\":1,\"e\":1,\"f\":1,\"h\":1,\"i\":1,\"x1\":1}", ""},
        {members, "{\"g\":1}", " /unevaluatedProperties"},
        {members, "{\"c\":2}", " /unevaluatedProperties"},
        {members, "{\"e\":2,\"f\":1}", " /unevaluatedProperties"},
        {members, "{\"h\":1}", " /unevaluatedProperties"},
        {members, "[1]", ""},
        {elements, "[0,1,\"x\",null]", ""},
        {elements, "[0,2,\"y\"]", "/2 /unevaluatedItems/type"},
        {elements, "[0,3]", " /oneOf"},
        {"{\"allOf\":[{\"unevaluatedProperties\":true}],\"unevaluatedProperties\":false}", "{\"a\":1}", ""},
        {"{\"allOf\":[{\"properties\":{\"a\":true},\"unevaluatedProperties\":false}],\"properties\":{\"b\":"
         "true}}",
         "{\"a\":1,\"b\":1}", " /allOf/0/unevaluatedProperties"},
        {"{\"if\":{\"properties\":{\"a\":true}},\"unevaluatedProperties\":false}", "{\"a\":1}", ""},
        {"{\"propertyNames\":{\"unevaluatedProperties\":false}}", "{\"a\":1}", ""},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct jsv_registry *registry = jsv_registry_new();
        struct err err = {.text = ""};
        char got[256];
        ck_assert(add(registry, URI, rows[i].schema, &err));
        judge(registry, URI, rows[i].instance, got, sizeof(got));
        ck_assert_msg(!strcmp(got, rows[i].wanted), "%s on %s: \"%s\"", rows[i].schema, rows[i].instance,
                      got);
        jsv_registry_free(registry);
    }
}
END_TEST

// A list that says nothing of its elements, and two resources that do, each with the list inside.
START_TEST(schema_2020__dynamic_references)
{
    struct jsv_registry *registry = jsv_registry_new();
    struct err err = {.text = ""};
    char got[256];
    ck_assert(add(registry, "https://test.invalid/list",
                  "{\"items\":{\"$dynamicRef\":\"#item\"},\"$defs\":{\"any\":{\"$dynamicAnchor\":\"item\"}}}",
                  &err));
    ck_assert(add(registry, "https://test.invalid/strings",
                  "{\"$ref\":\"list\",\"$defs\":{\"s\":{\"$dynamicAnchor\":\"item\",\"type\":\"string\"}}}",
                  &err));
    ck_assert(add(registry, "https://test.invalid/both",
                  "{\"properties\":{\"s\":{\"$ref\":\"strings\"},\"l\":{\"$ref\":\"list\"},"
                  "\"p\":{\"$dynamicRef\":\"list#/$defs/any\"}}}",
                  &err));
    judge(registry, "https://test.invalid/list", "[1,\"a\"]", got, sizeof(got));
    ck_assert_str_eq(got, "");
    judge(registry, "https://test.invalid/strings", "[\"a\",1]", got, sizeof(got));
    ck_assert_str_eq(got, "/1 /$ref/items/$dynamicRef/type");
    judge(registry, "https://test.invalid/both", "{\"l\":[1],\"p\":1,\"s\":[\"a\"]}", got, sizeof(got));
    ck_assert_str_eq(got, "");
    judge(registry, "https://test.invalid/both", "{\"s\":[1]}", got, sizeof(got));
    ck_assert_str_eq(got, "/s/0 /properties/s/$ref/$ref/items/$dynamicRef/type");
    jsv_registry_free(registry);
}
END_TEST

START_TEST(schema_2020__vocabularies)
{
    static const char meta[] =
        "{\"$id\":\"https://test.invalid/meta\",\"$schema\":\"https://json-schema.org/draft/2020-12/schema\","
        "\"$vocabulary\":{\"https://json-schema.org/draft/2020-12/vocab/core\":true,"
        "\"https://json-schema.org/draft/2020-12/vocab/applicator\":true,\"https://test.invalid/own\":%s},"
        "\"properties\":{\"title\":{\"maxLength\":3}}}";
    static const char *const needed[] = {"false", "true"};
    for (size_t i = 0; i < ARRAY_LEN(needed); i++) {
        struct jsv_registry *registry = jsv_registry_new();
        struct jsv_options options = {.ignore_unknown = true};
        struct jsv_program *program = NULL;
        struct err err = {.text = ""};
        char text[600];
        snprintf(text, sizeof(text), meta, needed[i]);
        ck_assert(add(registry, "https://test.invalid/meta", text, &err));
        bool ok = add(
            registry, URI,
            "{\"$schema\":\"https://test.invalid/meta\",\"properties\":{\"a\":false},\"minProperties\":2}",
            &err);
        ck_assert_msg(ok == (i == 0), "%s", err.text);
        ck_assert(ok || strstr(err.text, "the vocabulary \"https://test.invalid/own\" is not supported"));
        if (ok) {
            ck_assert(!jsv_compile(registry, URI, NULL, &program, &err));
            ck_assert_msg(strstr(err.text, "#/minProperties: this is no keyword") != NULL, "%s", err.text);
            ck_assert(jsv_compile(registry, URI, &options, &program, &err));
            struct jsv_context *context = jsv_context_new(&err);
            const struct json *one = parse("{\"b\":1}"), *bad = parse("{\"a\":1}");
            ck_assert_int_eq(jsv_validate(program, context, one), JSV_VALID);
            ck_assert_int_eq(jsv_validate(program, context, bad), JSV_INVALID);
            jsv_context_free(context);
            jsv_program_unref(program);
            program = NULL;
            ck_assert(add(registry, "urn:long",
                          "{\"$schema\":\"https://test.invalid/meta\",\"title\":\"long\"}", &err));
            ck_assert(!jsv_compile(registry, "urn:long", NULL, &program, &err));
            ck_assert(strstr(err.text, "urn:long#/title: must have at most 3 characters") ||
                      strstr(err.text, "no keyword"));
        }
        jsv_registry_free(registry);
    }
}
END_TEST

START_TEST(schema_2020__the_metaschemas_hold_themselves)
{
    static const char *const uris[] = {"http://json-schema.org/draft-07/schema#",
                                       "https://json-schema.org/draft/2020-12/schema"};
    for (size_t i = 0; i < ARRAY_LEN(uris); i++) {
        struct jsv_registry *registry = jsv_registry_new();
        struct err err = {.text = ""};
        char text[128], got[256];
        snprintf(text, sizeof(text), "{\"$ref\":\"%s\"}", uris[i]);
        ck_assert(add(registry, URI, text, &err));
        judge(registry, URI, "{\"properties\":{\"a\":{\"minLength\":1}}}", got, sizeof(got));
        ck_assert_str_eq(got, "");
        judge(registry, URI, "{\"items\":{\"minLength\":-1}}", got, sizeof(got));
        ck_assert_msg(!strncmp(got, "/items", 6), "%s", got);
        jsv_registry_free(registry);
    }
}
END_TEST

#define META07 "\"$schema\":\"http://json-schema.org/draft-07/schema#\","
#define META20 "\"$schema\":\"https://json-schema.org/draft/2020-12/schema\","

// Each resource is held to its own metaschema; what only that knows to be wrong is a title that is no text.
START_TEST(schema_2020__metaschemas_of_mixed_documents)
{
    static const struct {
        const char *text;
        const char *fault; // NULL: none
    } rows[] = {
        {"{" META20 "\"$defs\":{\"a\":{" META07 "\"$id\":\"in\",\"title\":\"t\"}}}", NULL},
        {"{" META20 "\"title\":1,\"$defs\":{\"a\":{" META07 "\"$id\":\"in\"}}}", "schema.json#/title: "},
        {"{" META20 "\"$defs\":{\"a\":{" META07 "\"$id\":\"in\",\"title\":1}}}", "/in#/title: "},
        {"{" META20 "\"$defs\":{\"a\":{" META07 "\"$id\":\"in\",\"definitions\":{\"b\":{" META20
         "\"$id\":\"inner\",\"title\":1}}}}}",
         "/inner#/title: "},
        // Right in its own dialect only: a list of items, an anchor of draft-07.
        {"{" META20 "\"$defs\":{\"a\":{" META07 "\"$id\":\"in\",\"items\":[true,{\"$id\":\"#b\"}]}}}", NULL},
        {"{" META20 "\"items\":{" META07 "\"$id\":\"in\",\"items\":[true]},\"title\":1}",
         "schema.json#/title: "},
        {"{" META20 "\"items\":{" META07 "\"$id\":\"in\",\"items\":[true]}}", NULL},
        // Within a choice of the outer metaschema.
        {"{" META07 "\"items\":[{" META20 "\"$id\":\"in\",\"$comment\":1}]}", "/in#/$comment: "},
        {"{" META07 "\"dependencies\":{\"a\":{" META20 "\"$id\":\"in\",\"title\":1}}}", "/in#/title: "},
        {"{" META07 "\"dependencies\":{\"a\":{" META20 "\"$id\":\"in\",\"title\":\"t\"}},\"title\":[]}",
         "schema.json#/title: "},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct jsv_registry *registry = jsv_registry_new();
        struct jsv_program *program = NULL;
        struct err err = {.text = ""};
        bool ok = add(registry, URI, rows[i].text, &err) && jsv_compile(registry, URI, NULL, &program, &err);
        ck_assert_msg(ok == !rows[i].fault, "%s: %s", rows[i].text, err.text);
        ck_assert_msg(ok || strstr(err.text, rows[i].fault), "%s: %s", rows[i].text, err.text);
        jsv_program_unref(program);
        jsv_registry_free(registry);
    }
}
END_TEST

static void count_warning(void *arg, const char *text)
{
    unsigned *count = arg;
    ck_assert_msg(strstr(text, "/properties/a/minimum: beside a $ref draft-07 ignores this keyword") != NULL,
                  "%s", text);
    ++*count;
}

START_TEST(schema_2020__warns_of_what_a_reference_hides)
{
    static const char text[] =
        "{\"definitions\":{\"n\":{\"type\":\"integer\"}},\"properties\":{\"a\":{\"$ref\":"
        "\"#/definitions/n\",\"minimum\":1,\"title\":\"t\"}}}";
    for (unsigned dialect = JSV_DRAFT_07; dialect <= JSV_2020_12; dialect++) {
        struct jsv_registry *registry = jsv_registry_new();
        struct jsv_program *program = NULL;
        struct err err = {.text = ""};
        unsigned count = 0;
        struct jsv_options options = {.warn = count_warning, .warn_arg = &count};
        const struct json *schema = parse(text);
        ck_assert(jsv_registry_add(registry, URI, schema, (enum jsv_dialect)dialect, &err));
        ck_assert(jsv_compile(registry, URI, &options, &program, &err));
        ck_assert_uint_eq(count, dialect == JSV_DRAFT_07);
        jsv_program_unref(program);
        jsv_registry_free(registry);
    }
}
END_TEST

CHECK_MAIN("schema_2020", schema_2020__unevaluated, schema_2020__dynamic_references,
           schema_2020__vocabularies, schema_2020__the_metaschemas_hold_themselves,
           schema_2020__metaschemas_of_mixed_documents, schema_2020__warns_of_what_a_reference_hides)
