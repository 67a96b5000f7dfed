// SPDX-License-Identifier: Apache-2.0
// What the registry and the compiler refuse, and what a URI names.
#include "lib/base/json.h"
#include "lib/schema/schema.h"

#include "tests/unit/check_main.h"
#include "tests/unit/test_parsed.h"

#define URI "https://test.invalid/a/schema.json"

static bool compile_text(const char *text, enum jsv_dialect dialect, struct jsv_options options,
                         struct err *err)
{
    struct jsv_program *program = NULL;
    struct jsv_registry *registry = jsv_registry_new();
    const struct json *schema = parsed(text);
    ck_assert_msg(schema != NULL, "the test's schema is no JSON: %s", text);
    bool ok = jsv_registry_add(registry, URI, schema, dialect, err) &&
              jsv_compile(registry, URI, &options, &program, err);
    if (ok)
        jsv_program_unref(program);
    jsv_registry_free(registry);
    return ok;
}

struct row {
    enum jsv_dialect dialect;
    const char *schema;
    const char *says; // part of the sentence
};

START_TEST(schema_compile__refuses_with_a_pointer)
{
    static const struct row rows[] = {
        {JSV_DRAFT_07, "{\"minimun\":1}", URI "#/minimun: this is no keyword"},
        {JSV_DRAFT_07, "{\"properties\":{\"a b\":{\"minimun\":1}}}",
         "#/properties/a%20b/minimun: this is no keyword"},
        {JSV_DRAFT_07, "{\"definitions\":{\"unused\":{\"minimun\":1}}}", "#/definitions/unused/minimun"},
        {JSV_DRAFT_07, "{\"definitions\":{\"unused\":{\"$ref\":\"#/gone\"}}}", "#/definitions/unused/$ref"},
        {JSV_DRAFT_07, "{\"prefixItems\":[true]}", "#/prefixItems: this is no keyword"},
        {JSV_DRAFT_07, "{\"dependentRequired\":{}}", "#/dependentRequired: this is no keyword"},
        {JSV_2020_12, "{\"additionalItems\":true}", "#/additionalItems: this is no keyword"},
        {JSV_2020_12, "{\"$recursiveRef\":\"#\"}", "#/$recursiveRef: the keyword is not supported"},
        {JSV_2020_12, "{\"$dynamicRef\":\"#x\"}", "#/$dynamicRef: \"#x\": there is no such anchor"},
        {JSV_2020_12, "{\"$dynamicRef\":\"#x\",\"$dynamicAnchor\":\"x\"}", "refers to itself"},
        {JSV_2020_12, "{\"$dynamicAnchor\":7}", "\"$dynamicAnchor\" must be a name"},
        {JSV_2020_12, "{\"unevaluatedItems\":1}", "#/unevaluatedItems: a schema is an object or a boolean"},
        {JSV_DRAFT_07, "{\"properties\":{\"a/b\":{\"title\":1}}}",
         "#/properties/a~1b/title: must be of type string (so its metaschema"},
        {JSV_2020_12, "{\"$defs\":{\"x\":{\"examples\":1}}}", "#/$defs/x/examples: must be of type array"},
        {JSV_2020_12, "{\"$vocabulary\":{\"x\":1}}", "#/$vocabulary/x: must be of type boolean"},
        {JSV_DRAFT_07, "{\"type\":\"int\"}", "#/type: it must name one of the seven types"},
        {JSV_DRAFT_07, "{\"type\":[]}", "#/type: "},
        {JSV_DRAFT_07, "{\"type\":[\"null\",1]}", "#/type: "},
        {JSV_DRAFT_07, "{\"enum\":1}", "#/enum: it must be a list"},
        {JSV_DRAFT_07, "{\"minimum\":\"1\"}", "#/minimum: it must be a number"},
        {JSV_DRAFT_07, "{\"exclusiveMinimum\":true}", "#/exclusiveMinimum: it must be a number"},
        {JSV_DRAFT_07, "{\"multipleOf\":0}", "#/multipleOf: it must be a number above 0"},
        {JSV_DRAFT_07, "{\"minLength\":-1}", "#/minLength: it must be a whole number"},
        {JSV_DRAFT_07, "{\"maxItems\":1.5}", "#/maxItems: it must be a whole number"},
        {JSV_DRAFT_07, "{\"pattern\":\"(\"}", "#/pattern: the pattern is not ECMA-262"},
        {JSV_DRAFT_07, "{\"patternProperties\":{\"a**\":{}}}",
         "#/patternProperties: the pattern is not ECMA-262"},
        {JSV_DRAFT_07, "{\"properties\":[]}", "#/properties: it must be an object of schemas"},
        {JSV_DRAFT_07, "{\"properties\":{\"a\":1}}", "#/properties: a: a schema is an object or a boolean"},
        {JSV_DRAFT_07, "{\"required\":[1]}", "#/required: it must be a list of names"},
        {JSV_DRAFT_07, "{\"required\":[\"a\",\"a\"]}", "#/required: a name is there twice"},
        {JSV_DRAFT_07, "{\"required\":true}", "#/required: it must be a list of names"},
        {JSV_DRAFT_07, "{\"dependencies\":{\"a\":1}}", "#/dependencies: a: a schema is"},
        {JSV_2020_12, "{\"items\":[true]}", "#/items: a schema is an object or a boolean"},
        {JSV_2020_12, "{\"prefixItems\":[]}", "#/prefixItems: it must be a list of schemas"},
        {JSV_DRAFT_07, "{\"anyOf\":[]}", "#/anyOf: it must be a list of schemas"},
        {JSV_DRAFT_07, "{\"not\":7}", "#/not: a schema is"},
        {JSV_DRAFT_07, "{\"uniqueItems\":1}", "#/uniqueItems: it must be a boolean"},
        {JSV_DRAFT_07, "{\"format\":1}", "#/format: it must be a name"},
        {JSV_DRAFT_07, "{\"$ref\":\"other.json\"}", "\"other.json\": it is not in the registry"},
        {JSV_DRAFT_07, "{\"$ref\":\"#nowhere\"}", "\"#nowhere\": there is no such anchor"},
        {JSV_DRAFT_07, "{\"$ref\":\"#/definitions/x\"}", "\"#/definitions/x\": no schema stands there"},
        {JSV_DRAFT_07, "{\"$ref\":\"#/enum/~2\",\"enum\":[]}", "no schema stands there"},
        {JSV_DRAFT_07, "{\"$ref\":\"#/%zz\"}", "the URI is malformed"},
        {JSV_DRAFT_07, "{\"$ref\":1}", "#/$ref: it must be a URI"},
        {JSV_DRAFT_07, "{\"$ref\":\"#\"}", "refers to itself for the same value"},
        {JSV_DRAFT_07, "{\"anyOf\":[{\"type\":\"null\"},{\"not\":{\"$ref\":\"#\"}}]}", "refers to itself"},
        {JSV_DRAFT_07, "{\"dependencies\":{\"a\":{\"allOf\":[{\"$ref\":\"#\"}]}}}", "refers to itself"},
        {JSV_DRAFT_07, "{\"properties\":{\"a\":{\"if\":{\"$ref\":\"#/properties/a\"},\"then\":true}}}",
         "#/properties/a: the schema refers to itself"},
        {JSV_DRAFT_07, "{\"$id\":1}", "#: \"$id\" must be a string"},
        {JSV_2020_12, "{\"$id\":\"#a\"}", "\"$id\" must have no fragment"},
        {JSV_2020_12, "{\"$anchor\":\"\"}", "\"$anchor\" must be a name"},
        {JSV_2020_12, "{\"$defs\":{\"a\":{\"$anchor\":\"x\"},\"b\":{\"$anchor\":\"x\"}}}",
         "two schemas have this URI"},
        {JSV_2020_12, "{\"$defs\":{\"a\":{\"$id\":\"x\"},\"b\":{\"$id\":\"x\"}}}",
         "two schemas have this URI"},
        {JSV_2020_12, "{\"$schema\":\"http://json-schema.org/draft-04/schema#\"}", "no dialect we know"},
        {JSV_2020_12, "7", "a schema is an object or a boolean"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct err err = {.text = ""};
        bool ok = compile_text(rows[i].schema, rows[i].dialect, (struct jsv_options){0}, &err);
        ck_assert_msg(!ok && strstr(err.text, rows[i].says), "%s: \"%s\"", rows[i].schema, err.text);
    }
}
END_TEST

START_TEST(schema_compile__options)
{
    struct err err = {.text = ""};
    struct jsv_options lenient = {.ignore_unknown = true}, formats = {.assert_formats = true};
    struct jsv_options both = {.assert_formats = true, .ignore_unknown = true};
    ck_assert(compile_text("{\"minimun\":1}", JSV_DRAFT_07, lenient, &err));
    ck_assert(!compile_text("{\"$recursiveAnchor\":true}", JSV_2020_12, lenient, &err));
    ck_assert(compile_text("{\"format\":\"color\"}", JSV_2020_12, (struct jsv_options){0}, &err));
    ck_assert(!compile_text("{\"format\":\"color\"}", JSV_2020_12, formats, &err));
    ck_assert_msg(strstr(err.text, "#/format: the format cannot be asserted") != NULL, "%s", err.text);
    ck_assert(compile_text("{\"format\":\"color\"}", JSV_2020_12, both, &err));
}
END_TEST

START_TEST(schema_compile__refuses_what_ecma_262_has_not)
{
    static const char *const bad[] = {
        "a**",      "a++",     "*a",        "(?i)a",     "(?>a)",  "(*LIMIT_MATCH=1)a",
        "\\\\A",    "\\\\Z",   "\\\\Qa",    "\\\\a",     "\\\\h",  "(?P<x>a)",
        "\\\\01",   "\\\\xzz", "\\\\uD83D", "\\\\c1",    "\\\\pL", "\\\\p{L:l}",
        "[a",       "\\\\",    "^*",        "a|*",       "\\\\k",  "\\\\u{110000}",
        "\\\\2(a)", "(?<x>a",  "(?#c)",     "\\\\p{^L}", "\\\\k<x"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        char text[128];
        struct err err = {.text = ""};
        snprintf(text, sizeof(text), "{\"pattern\":\"%s\"}", bad[i]);
        ck_assert_msg(!compile_text(text, JSV_DRAFT_07, (struct jsv_options){0}, &err), "%s compiles",
                      bad[i]);
        ck_assert_msg(strstr(err.text, "#/pattern: the pattern") != NULL, "%s: %s", bad[i], err.text);
    }
}
END_TEST

static bool validates(struct jsv_registry *registry, const char *uri, const char *instance)
{
    struct jsv_program *program = NULL;
    struct err err = {.text = ""};
    struct jsv_context *context = jsv_context_new(&err);
    ck_assert_msg(jsv_compile(registry, uri, NULL, &program, &err), "%s", err.text);
    const struct json *json = parsed(instance);
    bool valid = jsv_validate(program, context, json) == JSV_VALID;
    jsv_program_unref(program);
    jsv_context_free(context);
    return valid;
}

static void add(struct jsv_registry *registry, const char *uri, const char *text)
{
    struct err err = {.text = ""};
    const struct json *schema = parsed(text);
    ck_assert(schema != NULL);
    ck_assert_msg(jsv_registry_add(registry, uri, schema, JSV_DRAFT_07, &err), "%s", err.text);
}

START_TEST(schema_compile__uris_name_subschemas)
{
    struct jsv_registry *registry = jsv_registry_new();
    struct jsv_program *program = NULL;
    struct err err = {.text = ""};
    add(registry, "https://test.invalid/one/a.json",
        "{\"$id\":\"https://test.invalid/two/"
        "b.json\",\"definitions\":{\"n\":{\"$id\":\"#n\",\"type\":\"null\"},"
        "\"x\":{\"$ref\":\"../one/./c.json#/definitions/t\"},\"f\":false}}");
    add(registry, "https://test.invalid/one/c.json", "{\"definitions\":{\"t\":{\"type\":\"integer\"}}}");
    add(registry, "urn:example:leaf", "{\"type\":\"string\"}");
    add(registry, "https://test.invalid/two/u.json",
        "{\"$schema\":\"https://json-schema.org/draft/2020-12/"
        "schema\",\"$ref\":\"urn:example:leaf\",\"minLength\":2}");
    ck_assert(validates(registry, "https://test.invalid/two/b.json#n", "null"));
    ck_assert(!validates(registry, "https://test.invalid/one/a.json#/definitions/n", "1"));
    ck_assert(validates(registry, "https://test.invalid/two/b.json#/definitions/x", "1"));
    ck_assert(!validates(registry, "https://test.invalid/two/b.json#/definitions/x", "null"));
    ck_assert(!validates(registry, "https://test.invalid/two/b.json#/definitions/f", "null"));
    ck_assert(!validates(registry, "https://test.invalid/two/u.json", "\"a\""));
    ck_assert(!jsv_compile(registry, "https://test.invalid/none", NULL, &program, &err));
    ck_assert(program == NULL && strstr(err.text, "it is not in the registry"));
    const struct json *again = parsed("{}");
    ck_assert(!jsv_registry_add(registry, "urn:example:leaf", again, JSV_DRAFT_07, &err));
    ck_assert_msg(strstr(err.text, "two schemas have this URI") != NULL, "%s", err.text);
    jsv_registry_free(registry);
}
END_TEST

START_TEST(schema_compile__the_program_outlives_its_sources)
{
    struct jsv_registry *registry = jsv_registry_new();
    struct jsv_program *program = NULL;
    struct jsv_error error;
    struct err err = {.text = ""};
    add(registry, URI, "{\"enum\":[\"one\",{\"two\":2}],\"propertyNames\":{\"pattern\":\"^two$\"}}");
    ck_assert_msg(jsv_compile(registry, URI, NULL, &program, &err), "%s", err.text);
    jsv_registry_free(registry);
    jsv_program_unref(jsv_program_ref(program));
    struct jsv_context *context = jsv_context_new(&err);
    const struct json *instance = parsed("{\"two\":2.0}");
    ck_assert_int_eq(jsv_validate(program, context, instance), JSV_VALID);
    instance = parsed("{\"two\":2.0,\"three\":null}");
    ck_assert_int_eq(jsv_validate(program, context, instance), JSV_INVALID);
    ck_assert_uint_eq(jsv_explain(program, context, instance, &error, 1), 1);
    ck_assert_view_eq(error.absolute_location, URI "#/enum");
    jsv_context_free(context);
    jsv_program_unref(program);
    jsv_program_unref(NULL);
    jsv_context_free(NULL);
    jsv_registry_free(NULL);
}
END_TEST

START_TEST(schema_compile__depth_of_a_schema_is_bounded)
{
    for (unsigned depth = 200; depth <= 300; depth += 100) {
        struct buf text;
        struct jsv_program *program = NULL;
        struct err err = {.text = ""};
        buf_init(&text, 1 << 16);
        for (unsigned i = 0; i < depth; i++)
            buf_put_cstr(&text, "{\"not\":");
        buf_put_cstr(&text, "{}");
        for (unsigned i = 0; i < depth; i++)
            buf_put_char(&text, '}');
        const struct json *schema = parsed_text(buf_str(&text));
        buf_release(&text);
        struct jsv_registry *registry = jsv_registry_new();
        bool ok = jsv_registry_add(registry, URI, schema, JSV_DRAFT_07, &err) &&
                  jsv_compile(registry, URI, NULL, &program, &err);
        ck_assert_msg(ok == (depth == 200), "%u: %s", depth, err.text);
        ck_assert(ok || strstr(err.text, "nested too deep"));
        jsv_program_unref(program);
        jsv_registry_free(registry);
    }
}
END_TEST

CHECK_MAIN("schema_compile", schema_compile__refuses_with_a_pointer, schema_compile__options,
           schema_compile__refuses_what_ecma_262_has_not, schema_compile__uris_name_subschemas,
           schema_compile__the_program_outlives_its_sources, schema_compile__depth_of_a_schema_is_bounded)
