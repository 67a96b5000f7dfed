// SPDX-License-Identifier: Apache-2.0
// Verdicts, and the first reason of a refusal, keyword by keyword.
#include "lib/base/json.h"
#include "lib/schema/schema.h"

#include "tests/unit/check_main.h"
#include "tests/unit/test_parsed.h"

#define D07   JSV_DRAFT_07
#define D2020 JSV_2020_12
#define URI   "https://test.invalid/schema.json"

// `keyword` NULL: the instance is valid. Otherwise it and `pointer` are those of the first error.
struct row {
    enum jsv_dialect dialect;
    const char *schema;
    const char *instance;
    const char *pointer;
    const char *keyword;
};

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

static void check_row(struct jsv_context *context, const struct row *row, struct jsv_options options)
{
    struct jsv_program *program = compile(row->schema, row->dialect, options);
    struct jsv_error errors[8];
    struct json_doc doc;
    json_doc_init(&doc, NULL, 1 << 20);
    ck_assert_msg(json_doc_parse(&doc, str_from(row->instance), NULL) == JSON_FAULT_NONE, "%s",
                  row->instance);
    enum jsv_verdict verdict = jsv_validate(program, context, doc.root);
    size_t count = jsv_explain(program, context, doc.root, errors, ARRAY_LEN(errors));
    ck_assert_msg(verdict == (row->keyword ? JSV_INVALID : JSV_VALID), "%s on %s: verdict %d", row->schema,
                  row->instance, verdict);
    ck_assert_msg((count > 0) == (row->keyword != NULL), "%s on %s: %zu errors", row->schema, row->instance,
                  count);
    if (row->keyword)
        ck_assert_msg(str_eq(errors[0].keyword, str_from(row->keyword)) &&
                          str_eq(errors[0].pointer, str_from(row->pointer)),
                      "%s on %s: first error is %.*s at \"%.*s\"", row->schema, row->instance,
                      STR_FMT(errors[0].keyword), STR_FMT(errors[0].pointer));
    json_doc_release(&doc);
    jsv_program_unref(program);
}

static void check_rows(const struct row *rows, size_t count, struct jsv_options options)
{
    struct err err;
    struct jsv_context *context = jsv_context_new(&err);
    ck_assert(context != NULL);
    for (size_t i = 0; i < count; i++)
        check_row(context, &rows[i], options);
    jsv_context_free(context);
}
#define CHECK_ROWS(rows) check_rows((rows), ARRAY_LEN(rows), (struct jsv_options){0})

START_TEST(schema__types)
{
    static const struct row rows[] = {
        {D07, "{\"type\":\"integer\"}", "1", NULL, NULL},
        {D07, "{\"type\":\"integer\"}", "1.0", NULL, NULL},
        {D07, "{\"type\":\"integer\"}", "-0.0", NULL, NULL},
        {D07, "{\"type\":\"integer\"}", "18446744073709551615", NULL, NULL}, // a real by now, but whole
        {D07, "{\"type\":\"integer\"}", "1.5", "", "type"},
        {D07, "{\"type\":\"integer\"}", "\"1\"", "", "type"},
        {D07, "{\"type\":\"number\"}", "1.5", NULL, NULL},
        {D07, "{\"type\":[\"number\",\"integer\"]}", "1.5", NULL, NULL},
        {D07, "{\"type\":[\"integer\",\"null\"]}", "null", NULL, NULL},
        {D07, "{\"type\":[\"integer\",\"null\"]}", "0.5", "", "type"},
        {D07, "{\"type\":\"boolean\"}", "false", NULL, NULL},
        {D07, "{\"type\":\"boolean\"}", "0", "", "type"},
        {D07, "{\"type\":\"object\"}", "[]", "", "type"},
        {D07, "{\"type\":\"array\"}", "[]", NULL, NULL},
        {D07, "true", "7", NULL, NULL},
        {D07, "false", "7", "", "false"},
        {D07, "{}", "{\"a\":[1]}", NULL, NULL},
    };
    CHECK_ROWS(rows);
}
END_TEST

START_TEST(schema__equality)
{
    static const struct row rows[] = {
        {D07, "{\"const\":1}", "1.0", NULL, NULL},
        {D07, "{\"const\":1.0}", "1", NULL, NULL},
        {D07, "{\"const\":false}", "0", "", "const"},
        {D07, "{\"const\":0}", "false", "", "const"},
        {D07, "{\"const\":[false]}", "[0]", "", "const"},
        {D07, "{\"const\":[1,{\"a\":1}]}", "[1.0,{\"a\":1.0}]", NULL, NULL},
        {D07, "{\"const\":{\"a\":1,\"b\":2}}", "{\"b\":2,\"a\":1}", NULL, NULL},
        {D07, "{\"const\":{\"a\":1}}", "{\"a\":1,\"b\":2}", "", "const"},
        {D07, "{\"const\":9007199254740993}", "9007199254740992.0", "", "const"},
        {D07, "{\"const\":null}", "null", NULL, NULL},
        {D07, "{\"const\":\"a\"}", "\"ab\"", "", "const"},
        {D07, "{\"enum\":[\"a\",\"b\",3,null]}", "3.0", NULL, NULL},
        {D07, "{\"enum\":[\"a\",\"b\",3,null]}", "\"b\"", NULL, NULL},
        {D07, "{\"enum\":[\"a\",\"b\",3,null]}", "null", NULL, NULL},
        {D07, "{\"enum\":[\"a\",\"b\",3,null]}", "\"c\"", "", "enum"},
        {D07, "{\"enum\":[\"a\",\"b\",3,null]}", "false", "", "enum"},
        {D07, "{\"enum\":[]}", "1", "", "enum"},
        {D07, "{\"enum\":[\"premium_alias\",\"premium_alial\"]}", "\"premium_aliax\"", "", "enum"},
        {D07, "{\"enum\":[\"a long name of more than 16\",\"a long nome of more than 16\"]}",
         "\"a long nome of more than 16\"", NULL, NULL},
        {D07, "{\"enum\":[\"a long name of more than 16\"]}", "\"a long nime of more than 16\"", "", "enum"},
        {D07, "{\"uniqueItems\":true}", "[1,true]", NULL, NULL},
        {D07, "{\"uniqueItems\":true}", "[1,2,1.0]", "", "uniqueItems"},
        {D07, "{\"uniqueItems\":true}", "[{\"a\":1,\"b\":2},{\"b\":2,\"a\":1}]", "", "uniqueItems"},
        {D07, "{\"uniqueItems\":true}", "[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19]", NULL, NULL},
        {D07, "{\"uniqueItems\":true}", "[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,2.0]", "",
         "uniqueItems"},
        {D07, "{\"uniqueItems\":true}",
         "[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,\"x\",[{\"a\":1}],[{\"a\":1.0}]]", "", "uniqueItems"},
        {D07, "{\"uniqueItems\":false}", "[1,1]", NULL, NULL},
    };
    CHECK_ROWS(rows);
}
END_TEST

START_TEST(schema__numbers)
{
    static const struct row rows[] = {
        {D07, "{\"minimum\":0}", "0", NULL, NULL},
        {D07, "{\"minimum\":0}", "-1", "", "minimum"},
        {D07, "{\"minimum\":0}", "-0.5", "", "minimum"},
        {D07, "{\"minimum\":0}", "\"x\"", NULL, NULL},
        {D07, "{\"minimum\":1.5}", "1", "", "minimum"},
        {D07, "{\"minimum\":1.5}", "2", NULL, NULL},
        {D07, "{\"maximum\":1.5}", "1", NULL, NULL},
        {D07, "{\"maximum\":1.5}", "2", "", "maximum"},
        {D07, "{\"exclusiveMinimum\":1}", "1", "", "exclusiveMinimum"},
        {D07, "{\"exclusiveMinimum\":1}", "1.25", NULL, NULL},
        {D07, "{\"exclusiveMaximum\":1}", "1.0", "", "exclusiveMaximum"},
        {D07, "{\"exclusiveMaximum\":1.5}", "1", NULL, NULL},
        {D07, "{\"minimum\":3,\"exclusiveMaximum\":5}", "5", "", "exclusiveMaximum"},
        {D07, "{\"minimum\":3,\"exclusiveMaximum\":5}", "4", NULL, NULL},
        {D07, "{\"maximum\":9007199254740992.0}", "9007199254740993", "", "maximum"},
        {D07, "{\"minimum\":9007199254740993}", "9007199254740992.0", "", "minimum"},
        {D07, "{\"maximum\":9223372036854775807}", "9223372036854775808", "", "maximum"},
        {D07, "{\"maximum\":1e300}", "9223372036854775807", NULL, NULL},
        {D07, "{\"minimum\":1e300}", "9223372036854775807", "", "minimum"},
        {D07, "{\"exclusiveMinimum\":9223372036854775807}", "9223372036854775807", "", "exclusiveMinimum"},
        {D07, "{\"multipleOf\":2}", "7", "", "multipleOf"},
        {D07, "{\"multipleOf\":2}", "-8", NULL, NULL},
        {D07, "{\"multipleOf\":2}", "8.0", NULL, NULL},
        {D07, "{\"multipleOf\":0.0001}", "0.0075", NULL, NULL},
        {D07, "{\"multipleOf\":0.0001}", "0.00751", "", "multipleOf"},
        {D07, "{\"multipleOf\":1e-8}", "12391239123", NULL, NULL},
        {D07, "{\"multipleOf\":0.123456789}", "1e308", "", "multipleOf"},
        {D07, "{\"multipleOf\":0.5}", "1e308", NULL, NULL},
        {D07, "{\"multipleOf\":1.5}", "4.5", NULL, NULL},
        {D07, "{\"multipleOf\":1.5}", "0", NULL, NULL},
        {D07, "{\"multipleOf\":1e300}", "1", "", "multipleOf"},
        {D07, "{\"multipleOf\":3}", "1e-300", "", "multipleOf"},
    };
    CHECK_ROWS(rows);
}
END_TEST

START_TEST(schema__strings)
{
    static const struct row rows[] = {
        {D07, "{\"minLength\":1}", "\"\"", "", "minLength"},
        {D07, "{\"maxLength\":2}", "\"\\u00e4\\u00f6\"", NULL, NULL},
        {D07, "{\"maxLength\":2}", "\"\\ud83d\\udc32\\ud83d\\udc32\"", NULL, NULL},
        {D07, "{\"minLength\":2}", "\"\\ud83d\\udc32\"", "", "minLength"},
        {D07, "{\"maxLength\":11}", "\"abc\\u20ac\\u00e4\\u00f6\\u00fc\\ud83d\\udc32xyz\"", NULL, NULL},
        {D07, "{\"maxLength\":10}", "\"abc\\u20ac\\u00e4\\u00f6\\u00fc\\ud83d\\udc32xyz\"", "", "maxLength"},
        {D07, "{\"minLength\":2.0,\"maxLength\":3}", "\"abcd\"", "", "maxLength"},
        {D07, "{\"maxLength\":2}", "12345", NULL, NULL},
        {D07, "{\"pattern\":\"b+\"}", "\"abbc\"", NULL, NULL},
        {D07, "{\"pattern\":\"^b+$\"}", "\"bb\\n\"", "", "pattern"},
        {D07, "{\"pattern\":\"^\\\\d$\"}", "\"\\u07c0\"", "", "pattern"},
        {D07, "{\"pattern\":\"^\\\\w$\"}", "\"\\u00e9\"", "", "pattern"},
        {D07, "{\"pattern\":\"^\\\\s$\"}", "\"\\ufeff\"", NULL, NULL},
        {D07, "{\"pattern\":\"^[\\\\S]$\"}", "\"\\u2028\"", "", "pattern"},
        {D07, "{\"pattern\":\"^.$\"}", "\"\\u2028\"", "", "pattern"},
        {D07, "{\"pattern\":\"^.$\"}", "\"\\ud83d\\udc32\"", NULL, NULL},
        {D07, "{\"pattern\":\"^\\\\u{1F432}$\"}", "\"\\ud83d\\udc32\"", NULL, NULL},
        {D07, "{\"pattern\":\"^\\\\uD83D\\\\uDC32$\"}", "\"\\ud83d\\udc32\"", NULL, NULL},
        {D07, "{\"pattern\":\"^\\\\p{Letter}+$\"}", "\"\\u00e9a\"", NULL, NULL},
        {D07, "{\"pattern\":\"^[\\\\p{Lu}[:]+$\"}", "\"A[:\"", NULL, NULL},
        {D07, "{\"pattern\":\"^\\\\cC$\"}", "\"\\u0003\"", NULL, NULL},
        {D07, "{\"pattern\":\"^{a}$\"}", "\"{a}\"", NULL, NULL},
        {D07, "{\"pattern\":\"[^]\"}", "\"x\"", NULL, NULL},
        {D07, "{\"pattern\":\"[]\"}", "\"x\"", "", "pattern"},
        {D07, "{\"pattern\":\"^(?<x>a)\\\\k<x>\\\\1$\"}", "\"aaa\"", NULL, NULL},
        {D07, "{\"pattern\":\"^a{2,3}?b\"}", "\"aab\"", NULL, NULL},
        {D07, "{\"format\":\"date-time\"}", "\"x\"", NULL, NULL},
    };
    CHECK_ROWS(rows);
}
END_TEST

START_TEST(schema__objects)
{
    static const char closed[] =
        "{\"properties\":{\"a\":{\"type\":\"integer\"},\"b~/\":{}},\"required\":[\"a\"],"
        "\"additionalProperties\":false}";
    static const char patterns[] =
        "{\"properties\":{\"x1\":{}},\"patternProperties\":{\"^x\":{\"type\":\"integer\"}},"
        "\"additionalProperties\":{\"type\":\"string\"}}";
    static const struct row rows[] = {
        {D07, closed, "{\"a\":1}", NULL, NULL},
        {D07, closed, "{\"a\":1,\"b~/\":2}", NULL, NULL},
        {D07, closed, "{\"b~/\":2}", "", "required"},
        {D07, closed, "{\"a\":\"x\"}", "/a", "type"},
        {D07, closed, "{\"a\":1,\"secret\":2}", "", "additionalProperties"},
        {D07, closed, "[]", NULL, NULL},
        {D07, "{\"required\":[\"a\"],\"additionalProperties\":false}", "{\"a\":1}", "",
         "additionalProperties"},
        {D07, "{\"properties\":{\"b~/\":{\"type\":\"null\"}}}", "{\"b~/\":2}", "/b~0~1", "type"},
        {D07, "{\"properties\":{\"a\":false}}", "{\"a\":1}", "/a", "properties"},
        {D07, patterns, "{\"x1\":1,\"y\":\"s\"}", NULL, NULL},
        {D07, patterns, "{\"x1\":\"s\"}", "", "type"}, // a name that only a pattern states is not shown
        {D07, patterns, "{\"y\":1}", "", "type"},
        {D07, "{\"additionalProperties\":{\"properties\":{\"b\":{\"type\":\"null\"}}}}",
         "{\"home\":{\"b\":1}}", "", "type"},
        {D07, "{\"propertyNames\":{\"maxLength\":2,\"pattern\":\"^a\"}}", "{\"ab\":1}", NULL, NULL},
        {D07, "{\"propertyNames\":{\"maxLength\":2}}", "{\"ab\":1,\"abc\":2}", "", "propertyNames"},
        {D07, "{\"propertyNames\":{\"enum\":[\"a\"]}}", "{\"a\":1}", NULL, NULL},
        {D07, "{\"propertyNames\":{\"const\":\"a\"}}", "{\"b\":1}", "", "propertyNames"},
        {D07, "{\"propertyNames\":{\"const\":1}}", "{\"b\":1}", "", "propertyNames"},
        {D07, "{\"propertyNames\":{\"allOf\":[{\"not\":{\"type\":\"string\"}}]}}", "{\"b\":1}", "",
         "propertyNames"},
        {D07, "{\"propertyNames\":false}", "{\"a\":1}", "", "propertyNames"},
        {D07, "{\"propertyNames\":false}", "{}", NULL, NULL},
        {D07, "{\"minProperties\":1}", "{}", "", "minProperties"},
        {D07, "{\"maxProperties\":1}", "{\"a\":1,\"b\":2}", "", "maxProperties"},
        {D07, "{\"dependencies\":{\"a\":[\"b\"]}}", "{\"a\":1}", "", "dependencies"},
        {D07, "{\"dependencies\":{\"a\":{\"required\":[\"b\"]}}}", "{\"a\":1}", "", "required"},
        {D07, "{\"dependencies\":{\"a\":false}}", "{\"b\":1}", NULL, NULL},
        {D2020, "{\"dependentRequired\":{\"a\":[\"b\"]}}", "{\"a\":1}", "", "dependentRequired"},
        {D2020, "{\"dependentRequired\":{\"a\":[\"b\"]}}", "{\"a\":1,\"b\":1}", NULL, NULL},
        {D2020, "{\"dependentSchemas\":{\"a\":{\"minProperties\":2}}}", "{\"a\":1}", "", "minProperties"},
    };
    CHECK_ROWS(rows);
}
END_TEST

START_TEST(schema__arrays)
{
    static const struct row rows[] = {
        {D07, "{\"items\":{\"type\":\"integer\"}}", "[1,\"x\"]", "/1", "type"},
        {D07, "{\"items\":[{\"type\":\"integer\"}],\"additionalItems\":{\"type\":\"null\"}}", "[1,null]",
         NULL, NULL},
        {D07, "{\"items\":[{\"type\":\"integer\"}],\"additionalItems\":false}", "[1,null]", "/1",
         "additionalItems"},
        {D07, "{\"items\":{},\"additionalItems\":false}", "[1,null]", NULL, NULL},
        {D07, "{\"items\":[{\"type\":\"integer\"}]}", "[1,null]", NULL, NULL},
        {D2020, "{\"prefixItems\":[{\"type\":\"integer\"}],\"items\":{\"type\":\"null\"}}", "[1,2]", "/1",
         "type"},
        {D2020, "{\"prefixItems\":[{\"type\":\"integer\"}]}", "[\"x\",2]", "/0", "type"},
        {D2020, "{\"prefixItems\":[true,{\"type\":\"integer\"}]}", "[1]", NULL, NULL},
        {D2020, "{\"items\":false}", "[]", NULL, NULL},
        {D07, "{\"minItems\":2}", "[1]", "", "minItems"},
        {D07, "{\"maxItems\":0}", "[1]", "", "maxItems"},
        {D07, "{\"contains\":{\"const\":1}}", "[2,1]", NULL, NULL},
        {D07, "{\"contains\":{\"const\":1}}", "[2]", "", "contains"},
        {D2020, "{\"contains\":{\"const\":1},\"minContains\":0}", "[2]", NULL, NULL},
        {D2020, "{\"contains\":{\"const\":1},\"minContains\":2}", "[1]", "", "minContains"},
        {D2020, "{\"contains\":{\"const\":1},\"maxContains\":1}", "[1,1]", "", "maxContains"},
        {D2020, "{\"contains\":{\"const\":1},\"minContains\":0,\"maxContains\":1}", "[1,1]", "",
         "maxContains"},
        {D2020, "{\"minContains\":2}", "[]", NULL, NULL},
        {D07, "{\"items\":{\"items\":{\"properties\":{\"a\":{\"maximum\":1}}}}}",
         "[[],[{\"a\":1},{\"a\":2}]]", "/1/1/a", "maximum"},
    };
    CHECK_ROWS(rows);
}
END_TEST

START_TEST(schema__logic)
{
    static const char by_kind[] = "{\"if\":{\"properties\":{\"k\":{\"const\":1}}},\"then\":{\"required\":["
                                  "\"a\"]},\"else\":{\"maxProperties\":1}}";
    static const struct row rows[] = {
        {D07, "{\"allOf\":[{\"minimum\":1},{\"maximum\":2}]}", "3", "", "maximum"},
        {D07, "{\"anyOf\":[{\"minimum\":5},{\"type\":\"string\"}]}", "3", "", "anyOf"},
        {D07, "{\"anyOf\":[{\"minimum\":5},{\"type\":\"integer\"}]}", "3", NULL, NULL},
        {D07, "{\"oneOf\":[{\"minimum\":5},{\"type\":\"integer\"}]}", "7", "", "oneOf"},
        {D07, "{\"oneOf\":[{\"minimum\":5},{\"type\":\"integer\"}]}", "3", NULL, NULL},
        {D07, "{\"oneOf\":[{\"minimum\":5},{\"type\":\"string\"}]}", "3", "", "oneOf"},
        {D07, "{\"not\":{\"type\":\"string\"}}", "\"x\"", "", "not"},
        {D07, "{\"not\":{\"not\":{}}}", "1", NULL, NULL},
        {D07, by_kind, "{\"k\":1,\"a\":2}", NULL, NULL},
        {D07, by_kind, "{\"k\":1}", "", "required"},
        {D07, by_kind, "{\"k\":2,\"a\":2}", "", "maxProperties"},
        {D07, "{\"then\":false,\"else\":false}", "1", NULL, NULL},
        {D07, "{\"if\":false,\"then\":false}", "1", NULL, NULL},
    };
    CHECK_ROWS(rows);
}
END_TEST

START_TEST(schema__references)
{
    static const char tree[] =
        "{\"$id\":\"https://test.invalid/tree\",\"properties\":{\"next\":{\"$ref\":\"tree\"},"
        "\"v\":{\"$ref\":\"#/definitions/a~1b%25\"}},\"definitions\":{\"a/b%\":{\"minimum\":0}}}";
    static const char embedded[] =
        "{\"$ref\":\"inner#name\",\"$defs\":{\"i\":{\"$id\":\"inner\",\"$defs\":{\"x\":{\"$anchor\":\"name\","
        "\"$ref\":\"#/$defs/y\"},\"y\":{\"type\":\"null\"}}}}}";
    static const struct row rows[] = {
        {D07, tree, "{\"next\":{\"next\":{\"v\":1}}}", NULL, NULL},
        {D07, tree, "{\"next\":{\"next\":{\"v\":-1}}}", "/next/next/v", "minimum"},
        {D07, "{\"$ref\":\"#/definitions/a\",\"maximum\":1,\"definitions\":{\"a\":{\"minimum\":0}}}", "5",
         NULL, NULL},
        {D2020, "{\"$ref\":\"#/$defs/a\",\"maximum\":1,\"$defs\":{\"a\":{\"minimum\":0}}}", "5", "",
         "maximum"},
        {D07, "{\"$ref\":\"#a\",\"definitions\":{\"x\":{\"$id\":\"#a\",\"type\":\"null\"}}}", "5", "",
         "type"},
        {D2020, embedded, "5", "", "type"},
        {D2020, embedded, "null", NULL, NULL},
        {D2020, "{\"properties\":{\"a\":{\"$ref\":\"#\"}},\"additionalProperties\":false}",
         "{\"a\":{\"b\":1}}", "/a", "additionalProperties"},
        {D2020, "{\"$ref\":\"#/$defs/t\",\"$defs\":{\"t\":false}}", "1", "", "$ref"},
        {D07, "{\"const\":{\"$id\":\"https://test.invalid/x\",\"$ref\":\"#nowhere\"}}", "1", "", "const"},
    };
    CHECK_ROWS(rows);
}
END_TEST

START_TEST(schema__asserted_formats)
{
    static const struct row rows[] = {
        {D07, "{\"format\":\"date-time\"}", "\"2026-11-22T08:00:00Z\"", NULL, NULL},
        {D07, "{\"format\":\"date-time\"}", "\"2026-11-22 08:00\"", "", "format"},
        {D07, "{\"format\":\"date-time\"}", "5", NULL, NULL},
        {D07, "{\"format\":\"date\"}", "\"2026-02-29\"", "", "format"},
        {D07, "{\"format\":\"time\"}", "\"08:30:06+00:20\"", NULL, NULL},
        {D07, "{\"format\":\"time\"}", "\"08:30:06\"", "", "format"},
        {D07, "{\"format\":\"duration\"}", "\"P1Y2M\"", NULL, NULL},
        {D07, "{\"format\":\"duration\"}", "\"P1YT\"", "", "format"},
        {D07, "{\"format\":\"uuid\"}", "\"2eb8aa08-aa98-11ea-b4aa-73b441d16380\"", NULL, NULL},
        {D07, "{\"format\":\"uuid\"}", "\"2eb8aa08-aa98-11ea-b4aa73b441d16380\"", "", "format"},
        {D07, "{\"format\":\"ipv4\"}", "\"192.168.00.1\"", "", "format"},
        {D07, "{\"format\":\"ipv6\"}", "\"::ffff:1.2.3.4\"", NULL, NULL},
        {D07, "{\"format\":\"ipv6\"}", "\"1::2::3\"", "", "format"},
        {D07, "{\"format\":\"hostname\"}", "\"a-.example\"", "", "format"},
        {D07, "{\"format\":\"email\"}", "\"joe@example.org\"", NULL, NULL},
        {D07, "{\"format\":\"json-pointer\"}", "\"/a~2\"", "", "format"},
        {D07, "{\"format\":\"relative-json-pointer\"}", "\"0#\"", NULL, NULL},
        {D07, "{\"format\":\"uri\"}", "\"urn:x:y\"", NULL, NULL},
        {D07, "{\"format\":\"uri\"}", "\"http://[::1]:80/a?b#c%20\"", NULL, NULL},
        {D07, "{\"format\":\"uri\"}", "\"http://a b\"", "", "format"},
        {D07, "{\"format\":\"uri\"}", "\"http://h:8x\"", "", "format"},
        {D07, "{\"format\":\"uri-reference\"}", "\"../a%2\"", "", "format"},
        {D07, "{\"format\":\"uri-reference\"}", "\"\"", NULL, NULL},
        {D07, "{\"format\":\"uri-template\"}", "\"/a{?b,c:3}{/d*}\"", NULL, NULL},
        {D07, "{\"format\":\"uri-template\"}", "\"/a{b:0}\"", "", "format"},
        {D07, "{\"format\":\"iri\"}", "\"http://\u00e4/\u00f6\"", NULL, NULL},
        {D07, "{\"format\":\"iri-reference\"}", "\"a\\\\b\"", "", "format"},
        {D07, "{\"format\":\"idn-hostname\"}", "\"b\u00fccher.example\"", NULL, NULL},
        {D07, "{\"format\":\"idn-hostname\"}", "\"-b\u00fccher\"", "", "format"},
        {D07, "{\"format\":\"idn-email\"}", "\"\u00e4@b\u00fccher.example\"", NULL, NULL},
        {D07, "{\"format\":\"regex\"}", "\"^(a|b]$\"", "", "format"},
        {D07, "{\"propertyNames\":{\"format\":\"date\"}}", "{\"x\":1}", "", "propertyNames"},
    };
    check_rows(rows, ARRAY_LEN(rows), (struct jsv_options){.assert_formats = true});
}
END_TEST

START_TEST(schema__annotations_are_accepted)
{
    static const struct row rows[] = {
        {D2020,
         "{\"$schema\":\"https://json-schema.org/draft/2020-12/"
         "schema\",\"title\":\"t\",\"description\":\"d\","
         "\"default\":1,\"examples\":[1],\"$comment\":\"c\",\"deprecated\":true,\"readOnly\":true,"
         "\"writeOnly\":true,"
         "\"contentMediaType\":\"application/"
         "json\",\"contentEncoding\":\"base64\",\"contentSchema\":{},\"x-own\":1}",
         "1", NULL, NULL},
    };
    CHECK_ROWS(rows);
}
END_TEST

CHECK_MAIN("schema", schema__types, schema__equality, schema__numbers, schema__strings, schema__objects,
           schema__arrays, schema__logic, schema__references, schema__asserted_formats,
           schema__annotations_are_accepted)
