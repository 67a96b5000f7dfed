// SPDX-License-Identifier: Apache-2.0
// What an error says and where it points, and what happens when a limit is hit.
#include "lib/base/json.h"
#include "lib/schema/schema.h"

#include "tests/unit/check_main.h"
#include "tests/unit/test_parsed.h"

#define D07 JSV_DRAFT_07
#define URI "https://test.invalid/schema.json"

static struct jsv_program *compile(const char *text, enum jsv_dialect dialect, struct jsv_options options)
{
    struct err err = {.text = ""};
    struct jsv_program *program = NULL;
    struct jsv_registry *registry = jsv_registry_new();
    const struct json *schema = parsed(text);
    ck_assert_msg(schema != NULL, "the test's schema is no JSON: %s", text);
    bool ok = jsv_registry_add(registry, URI, schema, dialect, &err) &&
              jsv_compile(registry, URI, &options, &program, &err);
    ck_assert_msg(ok, "%s: %s", text, err.text);
    jsv_registry_free(registry);
    return program;
}

START_TEST(schema_reasons__unknown_members_are_told_once_and_not_named)
{
    struct err err;
    struct jsv_context *context = jsv_context_new(&err);
    struct jsv_program *program = compile(
        "{\"additionalProperties\":false,\"propertyNames\":{\"maxLength\":2}}", D07, (struct jsv_options){0});
    const struct json *instance = parsed("{\"secret1\":1,\"secret2\":2}");
    struct jsv_error errors[8];
    size_t count = jsv_explain(program, context, instance, errors, ARRAY_LEN(errors));
    ck_assert_uint_eq(count, 2);
    for (size_t i = 0; i < count; i++) {
        ck_assert_view_eq(errors[i].pointer, "");
        ck_assert(!memmem(errors[i].message.ptr, errors[i].message.len, "secret", 6));
    }
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
    const struct json *instance = parsed("{\"a\":\"~~\",\"b\":\"hunter2\"}");
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
    jsv_program_unref(program);
    jsv_context_free(context);
}
END_TEST

// "[[[…]]]", `depth` arrays around a text.
static const struct json *nested(unsigned depth, const char *inner)
{
    char text[512];
    size_t len = strlen(inner);
    BUG_ON(2 * depth + len > sizeof(text));
    memset(text, '[', depth);
    memcpy(text + depth, inner, len);
    memset(text + depth + len, ']', depth);
    return parsed_text(str_slice(text, 2 * depth + len));
}

static enum jsv_verdict verdict_of(const char *schema, const struct json *instance)
{
    struct err err;
    struct jsv_context *context = jsv_context_new(&err);
    struct jsv_program *program = compile(schema, D07, (struct jsv_options){0});
    enum jsv_verdict verdict = jsv_validate(program, context, instance);
    // The context is as good as new after a limit.
    const struct json *one = parsed("1");
    ck_assert_int_ne(jsv_validate(program, context, one), JSV_LIMIT);
    jsv_program_unref(program);
    jsv_context_free(context);
    return verdict;
}

START_TEST(schema_reasons__limits_are_not_validity)
{
    static const char both[] =
        "{\"anyOf\":[{\"type\":\"integer\"},{\"type\":\"array\",\"items\":{\"$ref\":\"#\"}},"
        "{\"type\":\"array\",\"items\":{\"$ref\":\"#\"}}]}";
    ck_assert_int_eq(verdict_of("{\"items\":{\"$ref\":\"#\"}}", nested(128, "")), JSV_VALID);
    ck_assert_int_eq(verdict_of("{\"items\":{\"$ref\":\"#\"}}", nested(129, "")), JSV_LIMIT);
    ck_assert_int_eq(
        verdict_of("{\"not\":{\"items\":{\"items\":{\"$ref\":\"#/not/items\"}}}}", nested(2, "")),
        JSV_INVALID);
    ck_assert_int_eq(verdict_of(both, nested(40, "\"x\"")),
                     JSV_INVALID); // 2^40 ways to fail, each decided once
    ck_assert_int_eq(verdict_of("{\"pattern\":\"^(?:(?=a)(a+)+)$\"}",
                                parsed("\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab\"")),
                     JSV_LIMIT);
    ck_assert_int_eq(verdict_of("{\"not\":{\"pattern\":\"^(?:(?=a)(a+)+)$\"}}",
                                parsed("\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab\"")),
                     JSV_LIMIT);
}
END_TEST

CHECK_MAIN("schema_reasons", schema_reasons__unknown_members_are_told_once_and_not_named,
           schema_reasons__errors_locate_themselves, schema_reasons__limits_are_not_validity)
