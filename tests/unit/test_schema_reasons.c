// SPDX-License-Identifier: Apache-2.0
// What an error says and where it points, and what happens when a limit is hit.
#include "lib/base/json.h"
#include "lib/schema/schema.h"

#include "tests/unit/check_main.h"

#define D07 JSV_DRAFT_07
#define URI "https://test.invalid/schema.json"

static struct jsv_program *compile(const char *text, enum jsv_dialect dialect, struct jsv_options options)
{
    struct err err = {.text = ""};
    struct jsv_program *program = NULL;
    struct jsv_registry *registry = jsv_registry_new();
    json_t *schema = json_loads(text, JSON_DECODE_ANY, NULL);
    ck_assert_msg(schema != NULL, "the test's schema is no JSON: %s", text);
    bool ok = jsv_registry_add(registry, URI, schema, dialect, &err) &&
              jsv_compile(registry, URI, &options, &program, &err);
    ck_assert_msg(ok, "%s: %s", text, err.text);
    jsv_registry_free(registry);
    json_decref(schema);
    return program;
}

START_TEST(schema_reasons__unknown_members_are_told_once_and_not_named)
{
    struct err err;
    struct jsv_context *context = jsv_context_new(&err);
    struct jsv_program *program = compile(
        "{\"additionalProperties\":false,\"propertyNames\":{\"maxLength\":2}}", D07, (struct jsv_options){0});
    json_t *instance = json_loads("{\"secret1\":1,\"secret2\":2}", 0, NULL);
    struct jsv_error errors[8];
    size_t count = jsv_explain(program, context, instance, errors, ARRAY_LEN(errors));
    ck_assert_uint_eq(count, 2);
    for (size_t i = 0; i < count; i++) {
        ck_assert_view_eq(errors[i].pointer, "");
        ck_assert(!memmem(errors[i].message.ptr, errors[i].message.len, "secret", 6));
    }
    json_decref(instance);
    jsv_program_unref(program);
    jsv_context_free(context);
}
END_TEST

START_TEST(schema_reasons__errors_locate_themselves)
{
    static const char schema[] =
        "{\"properties\":{\"a\":{\"$ref\":\"#/definitions/"
        "n\"},\"b\":{\"enum\":[\"x\",\"y\"]}},\"required\":[\"c\"],"
        "\"definitions\":{\"n\":{\"type\":\"string\",\"minLength\":3,\"pattern\":\"^[a-z]+$\"}}}";
    struct err err;
    struct jsv_context *context = jsv_context_new(&err);
    struct jsv_program *program = compile(schema, D07, (struct jsv_options){0});
    json_t *instance = json_loads("{\"a\":\"~~\",\"b\":\"hunter2\"}", 0, NULL);
    struct jsv_error errors[8];
    ck_assert_uint_eq(jsv_explain(program, context, instance, errors, ARRAY_LEN(errors)), 4);
    ck_assert_view_eq(errors[0].keyword_location, "/required");
    ck_assert_view_eq(errors[0].message, "must have the member \"c\"");
    ck_assert_view_eq(errors[1].pointer, "/a");
    ck_assert_view_eq(errors[1].keyword_location, "/properties/a/$ref/minLength");
    ck_assert_view_eq(errors[1].absolute_location, URI "#/definitions/n/minLength");
    ck_assert_view_eq(errors[1].message, "must have at least 3 characters");
    ck_assert_view_eq(errors[2].message, "must match the pattern ^[a-z]+$");
    ck_assert_view_eq(errors[3].message, "must be one of [\"x\",\"y\"]");
    struct buf out;
    buf_init(&out, 4096);
    ck_assert(jsv_output_basic(errors + 1, 1, &out));
    ck_assert_view_eq(buf_str(&out),
                      "{\"valid\":false,\"errors\":[{\"keywordLocation\":\"/properties/a/$ref/minLength\","
                      "\"absoluteKeywordLocation\":\"" URI "#/definitions/n/minLength\","
                      "\"instanceLocation\":\"/a\",\"error\":\"must have at least 3 characters\"}]}");
    buf_clear(&out);
    ck_assert(jsv_output_basic(NULL, 0, &out));
    ck_assert_view_eq(buf_str(&out), "{\"valid\":true}");
    buf_release(&out);
    ck_assert_uint_eq(jsv_explain(program, context, instance, errors, 2), 2);
    ck_assert_uint_eq(jsv_explain(program, context, instance, errors, 0), 0);
    json_decref(instance);
    jsv_program_unref(program);
    jsv_context_free(context);
}
END_TEST

// "[[[…]]]", `depth` arrays.
static json_t *nested(unsigned depth)
{
    json_t *value = json_array();
    for (unsigned i = 1; i < depth; i++) {
        json_t *outer = json_array();
        json_array_append_new(outer, value);
        value = outer;
    }
    return value;
}

static enum jsv_verdict verdict_of(const char *schema, json_t *instance)
{
    struct err err;
    struct jsv_context *context = jsv_context_new(&err);
    struct jsv_program *program = compile(schema, D07, (struct jsv_options){0});
    enum jsv_verdict verdict = jsv_validate(program, context, instance);
    // The context is as good as new after a limit.
    json_t *one = json_integer(1);
    ck_assert_int_ne(jsv_validate(program, context, one), JSV_LIMIT);
    json_decref(one);
    json_decref(instance);
    jsv_program_unref(program);
    jsv_context_free(context);
    return verdict;
}

START_TEST(schema_reasons__limits_are_not_validity)
{
    static const char both[] =
        "{\"anyOf\":[{\"type\":\"integer\"},{\"type\":\"array\",\"items\":{\"$ref\":\"#\"}},"
        "{\"type\":\"array\",\"items\":{\"$ref\":\"#\"}}]}";
    json_t *deep = nested(40), *inner = deep;
    while (json_array_size(inner))
        inner = json_array_get(inner, 0);
    json_array_append_new(inner, json_string("x"));
    ck_assert_int_eq(verdict_of("{\"items\":{\"$ref\":\"#\"}}", nested(128)), JSV_VALID);
    ck_assert_int_eq(verdict_of("{\"items\":{\"$ref\":\"#\"}}", nested(129)), JSV_LIMIT);
    ck_assert_int_eq(verdict_of("{\"not\":{\"items\":{\"items\":{\"$ref\":\"#/not/items\"}}}}", nested(2)),
                     JSV_INVALID);
    ck_assert_int_eq(verdict_of(both, deep), JSV_INVALID); // 2^40 ways to fail, each decided once
    ck_assert_int_eq(verdict_of("{\"pattern\":\"^(?=a)(a+)+$\"}",
                                json_string("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab")),
                     JSV_LIMIT);
    ck_assert_int_eq(verdict_of("{\"not\":{\"pattern\":\"^(?=a)(a+)+$\"}}",
                                json_string("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab")),
                     JSV_LIMIT);
}
END_TEST

CHECK_MAIN_WITH(json_setup, "schema_reasons", schema_reasons__unknown_members_are_told_once_and_not_named,
                schema_reasons__errors_locate_themselves, schema_reasons__limits_are_not_validity)
