// SPDX-License-Identifier: Apache-2.0
// The fast program against the plain one on made schemas and instances, and what it makes cheap.
#include "lib/base/json.h"
#include "lib/schema/run.h"

#include "tests/unit/check_main.h"
#include "tests/unit/test_parsed.h"

#define URI "https://test.invalid/schema.json"

static uint32_t random_state = 7;

static uint32_t dice(uint32_t sides)
{
    random_state = random_state * 1664525u + 1013904223u;
    return (random_state >> 10) % sides;
}

static const char *pick(const char *const *texts, size_t count)
{
    return texts[dice((uint32_t)count)];
}
#define PICK(texts) pick((texts), ARRAY_LEN(texts))

static const char *const names[] = {"a", "b", "kind", "list", "x-1", "a rather long name of a member"};
static const char *const scalars[] = {"null",
                                      "true",
                                      "false",
                                      "0",
                                      "1",
                                      "1.0",
                                      "2.5",
                                      "-3",
                                      "\"a\"",
                                      "\"b\"",
                                      "\"one\"",
                                      "\"\\u00e9\"",
                                      "\"2026-11-22\"",
                                      "9007199254740993",
                                      "1e300"};

static void put_instance(struct buf *out, unsigned depth)
{
    unsigned what = depth ? dice(6) : 0, count = dice(5);
    if (what < 2) {
        buf_put_cstr(out, PICK(scalars));
    } else if (what < 4) {
        buf_put_char(out, '[');
        for (unsigned i = 0; i < count; i++) {
            buf_put_cstr(out, i ? "," : "");
            put_instance(out, depth - 1);
        }
        buf_put_char(out, ']');
    } else {
        bool first = true;
        unsigned start = dice(3) ? 0 : dice(ARRAY_LEN(names)); // mostly one order
        buf_put_char(out, '{');
        for (unsigned n = 0; n < ARRAY_LEN(names); n++) {
            unsigned i = (start + n) % ARRAY_LEN(names);
            if (dice(2))
                continue;
            buf_putf(out, "%s\"%s\":", first ? "" : ",", names[i]);
            first = false;
            if (i == 2)
                buf_put_cstr(out, dice(3) ? "\"one\"" : "\"a\"");
            else
                put_instance(out, depth - 1);
        }
        buf_put_char(out, '}');
    }
}

static void put_schema(struct buf *out, unsigned depth);

static void put_list(struct buf *out, unsigned depth)
{
    buf_put_char(out, '[');
    for (unsigned i = 0, count = 1 + dice(3); i < count; i++) {
        buf_put_cstr(out, i ? "," : "");
        put_schema(out, depth);
    }
    buf_put_char(out, ']');
}

// Branches that a member tells apart, or nearly.
static void put_kinds(struct buf *out, unsigned depth)
{
    static const char *const kinds[] = {"{\"const\":\"one\"}", "{\"const\":\"a\"}",
                                        "{\"enum\":[\"b\",\"two\"]}", "{\"enum\":[\"b\",1]}",
                                        "{\"type\":\"string\"}"};
    buf_put_char(out, '[');
    for (unsigned i = 0, count = 2 + dice(2); i < count; i++) {
        buf_putf(out, "%s{\"type\":\"object\",\"required\":[\"kind\"],\"properties\":{\"kind\":%s,\"a\":",
                 i ? "," : "", dice(4) ? kinds[i] : PICK(kinds));
        put_schema(out, depth);
        buf_put_cstr(out, "}}");
    }
    buf_put_char(out, ']');
}

static void put_keyword(struct buf *out, unsigned keyword, unsigned depth)
{
    static const char *const leaves[] = {"\"type\":\"integer\"",
                                         "\"type\":[\"string\",\"object\"]",
                                         "\"type\":\"object\"",
                                         "\"type\":\"array\"",
                                         "\"minimum\":1",
                                         "\"multipleOf\":0.5",
                                         "\"maxLength\":1",
                                         "\"pattern\":\"^[a-o]\"",
                                         "\"required\":[\"a\"]",
                                         "\"const\":1",
                                         "\"enum\":[\"a\",1,null]",
                                         "\"maxProperties\":2",
                                         "\"uniqueItems\":true",
                                         "\"minItems\":1",
                                         "\"propertyNames\":{\"maxLength\":4}",
                                         "\"dependentRequired\":{\"a\":[\"b\"]}",
                                         "\"format\":\"date\"",
                                         "\"type\":\"string\"",
                                         "\"enum\":[\"one\",\"b\"]"};
    static const char *const one[] = {
        "not", "items", "contains", "additionalProperties", "unevaluatedProperties", "unevaluatedItems",
        "if",  "then",  "else"};
    static const char *const many[] = {"allOf", "anyOf", "oneOf", "prefixItems"};
    static const char *const refs[] = {"\"$ref\":\"#/$defs/d\"", "\"$ref\":\"#/$defs/e\"",
                                       "\"$dynamicRef\":\"#n\""};
    if (keyword < 8 || !depth) {
        buf_put_cstr(out, PICK(leaves));
    } else if (keyword < 11) {
        buf_putf(out, "\"%s\":", PICK(one));
        put_schema(out, depth - 1);
    } else if (keyword < 14) {
        buf_putf(out, "\"%s\":", PICK(many));
        put_list(out, depth - 1);
    } else if (keyword < 15) {
        buf_putf(out, "\"%s\":", dice(2) ? "oneOf" : "anyOf");
        put_kinds(out, depth - 1);
    } else if (keyword < 17) {
        buf_put_cstr(out, PICK(refs));
    } else {
        buf_putf(out, "\"%s\":{\"%s\":", keyword == 17 ? "patternProperties" : "properties",
                 keyword == 17 ? "^x" : PICK(names));
        put_schema(out, depth - 1);
        buf_put_char(out, '}');
    }
}

static void put_schema(struct buf *out, unsigned depth)
{
    if (!dice(12)) {
        buf_put_cstr(out, dice(3) ? "true" : "false");
        return;
    }
    size_t starts[4], lengths[4];
    unsigned kept = 0;
    buf_put_char(out, '{');
    for (unsigned i = 0, count = dice(4); i < count; i++) {
        size_t before = out->len;
        bool twice = false;
        buf_put_cstr(out, kept ? "," : "");
        starts[kept] = out->len;
        put_keyword(out, dice(20), depth);
        lengths[kept] =
            2 + str_find(str_slice(out->ptr + starts[kept] + 1, out->len - starts[kept] - 1), '"');
        for (unsigned n = 0; n < kept; n++)
            twice = twice || (lengths[n] == lengths[kept] &&
                              !memcmp(out->ptr + starts[n], out->ptr + starts[kept], lengths[n]));
        if (twice)
            out->len = before;
        kept += !twice;
    }
    buf_put_char(out, '}');
}

static struct jsv_program *made_program(struct buf *text)
{
    struct jsv_program *program = NULL;
    struct err err;
    buf_clear(text);
    buf_put_cstr(text, "{\"allOf\":[");
    put_schema(text, 4);
    buf_put_cstr(text, "],\"$defs\":{\"d\":");
    put_schema(text, 3);
    buf_put_cstr(text, ",\"e\":{\"$dynamicAnchor\":\"n\",\"properties\":{\"a\":");
    put_schema(text, 2);
    buf_put_cstr(text, "}}}}");
    const struct json *schema = parsed_text(buf_str(text));
    ck_assert_msg(schema != NULL, "%.*s", (int)text->len, text->ptr);
    struct jsv_registry *registry = jsv_registry_new();
    struct jsv_options options = {.assert_formats = true};
    if (!jsv_registry_add(registry, URI, schema, JSV_2020_12, &err) ||
        !jsv_compile(registry, URI, &options, &program, &err))
        program = NULL; // it refers to itself
    jsv_registry_free(registry);
    return program;
}

START_TEST(schema_fast__agrees_with_the_plain_program)
{
    struct err err;
    struct jsv_context *context = jsv_context_new(&err);
    struct buf text, instance;
    unsigned compiled = 0, verdicts[3] = {0};
    buf_init(&text, 1 << 20);
    buf_init(&instance, 1 << 20);
    for (unsigned round = 0; round < 1500; round++) {
        struct jsv_program *program = made_program(&text);
        compiled += program != NULL;
        for (unsigned i = 0; program && i < 25; i++) {
            struct jsv_error error;
            buf_clear(&instance);
            put_instance(&instance, 4);
            const struct json *json = parsed_text(buf_str(&instance));
            enum jsv_verdict plain = jsv_validate_plain(program, context, json);
            enum jsv_verdict fast = jsv_validate(program, context, json);
            verdicts[fast]++;
            // The second time the form is planned, then the plan runs.
            for (unsigned again = 0; again < 2; again++) {
                enum jsv_verdict planned = jsv_validate(program, context, json);
                ck_assert_msg(planned == fast || fast == JSV_LIMIT, "%.*s\non %.*s: fast %d, planned %d",
                              (int)text.len, text.ptr, (int)instance.len, instance.ptr, fast, planned);
            }
            ck_assert_msg(plain == fast || plain == JSV_LIMIT, "%.*s\non %.*s: plain %d, fast %d",
                          (int)text.len, text.ptr, (int)instance.len, instance.ptr, plain, fast);
            ck_assert_msg(
                fast == JSV_LIMIT || jsv_explain(program, context, json, &error, 1) == (fast == JSV_INVALID),
                "%.*s\non %.*s: not explained", (int)text.len, text.ptr, (int)instance.len, instance.ptr);
        }
        jsv_program_unref(program);
        parsed_drop();
    }
    ck_assert_uint_gt(compiled, 1000);
    ck_assert_uint_gt(verdicts[JSV_VALID], 3000);
    ck_assert_uint_gt(verdicts[JSV_INVALID], 3000);
    buf_release(&text);
    buf_release(&instance);
    jsv_context_free(context);
}
END_TEST

// Two branches that both recurse: without memory 2^depth steps.
START_TEST(schema_fast__recursion_under_branches_is_linear)
{
    static const char schema_text[] =
        "{\"anyOf\":[{\"type\":\"integer\"},{\"type\":\"array\",\"items\":{\"$ref\":\"#\"}},"
        "{\"type\":\"array\",\"items\":{\"$ref\":\"#\"},\"maxItems\":9}]}";
    struct err err;
    struct jsv_context *context = jsv_context_new(&err);
    struct jsv_registry *registry = jsv_registry_new();
    struct jsv_program *program = NULL;
    const struct json *schema = parsed(schema_text);
    char nested[128] = "";
    ck_assert(jsv_registry_add(registry, URI, schema, JSV_2020_12, &err));
    ck_assert(jsv_compile(registry, URI, NULL, &program, &err));
    memset(nested, '[', 60);
    snprintf(nested + 60, sizeof(nested) - 60, "\"x\"");
    memset(nested + 63, ']', 60);
    const struct json *instance = parsed_text(str_slice(nested, 123));
    ck_assert_int_eq(jsv_validate_plain(program, context, instance), JSV_LIMIT);
    ck_assert_int_eq(jsv_validate(program, context, instance), JSV_INVALID);
    ck_assert_uint_gt(context->steps, JSV_STEPS - 20000);
    struct jsv_error errors[4];
    ck_assert_uint_gt(jsv_explain(program, context, instance, errors, ARRAY_LEN(errors)), 0);
    ck_assert_view_eq(errors[0].keyword, "anyOf");
    jsv_program_unref(program);
    jsv_registry_free(registry);
    jsv_context_free(context);
}
END_TEST

CHECK_MAIN("schema_fast", schema_fast__agrees_with_the_plain_program,
           schema_fast__recursion_under_branches_is_linear)
