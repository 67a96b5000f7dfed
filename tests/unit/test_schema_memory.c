// SPDX-License-Identifier: Apache-2.0
// Validating allocates nothing; building survives every failed allocation. Linked with --wrap for malloc &
// co.
#include "lib/base/json.h"
#include "lib/schema/schema.h"

#include "tests/unit/check_main.h"
#include "tests/unit/test_parsed.h"

static unsigned long calls;   // since the last reset
static unsigned long fail_at; // the call that fails; 0: none

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *ptr, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *ptr, size_t size);

static bool fails(void)
{
    return ++calls == fail_at;
}

void *__wrap_malloc(size_t size)
{
    return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    return fails() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *ptr, size_t size)
{
    return fails() ? NULL : __real_realloc(ptr, size);
}

// Every instruction, with something to do.
static const char schema_text[] =
    "{\"$id\":\"https://test.invalid/"
    "all\",\"type\":\"object\",\"required\":[\"s\",\"n\"],\"minProperties\":2,"
    "\"properties\":{\"s\":{\"type\":\"string\",\"minLength\":1,\"maxLength\":40,\"pattern\":\"^(a|b)*?c\","
    "\"format\":\"date-time\"},\"n\":{\"type\":\"integer\",\"minimum\":0,\"multipleOf\":0.5},"
    "\"e\":{\"enum\":[\"x\",1,{\"a\":[1.5]}]},\"c\":{\"const\":{\"k\":[1,2]}},"
    "\"u\":{\"uniqueItems\":true,\"minItems\":1,\"prefixItems\":[{\"type\":\"integer\"}],"
    "\"items\":{\"type\":[\"integer\",\"string\"]},\"contains\":{\"const\":3},\"maxContains\":2,"
    "\"unevaluatedItems\":{\"$dynamicRef\":\"#top\"}},"
    "\"l\":{\"allOf\":[{\"anyOf\":[{\"type\":\"null\"},{\"$ref\":\"#/$defs/"
    "d\"}]},{\"oneOf\":[{\"minimum\":1},"
    "{\"type\":\"string\"}]},{\"not\":{\"const\":9}},{\"if\":{\"type\":\"integer\"},\"then\":{\"maximum\":8},"
    "\"else\":true}]}},\"patternProperties\":{\"^x-\":{\"type\":\"number\"}},\"additionalProperties\":false,"
    "\"propertyNames\":{\"maxLength\":8,\"pattern\":\"^[a-z-]+$\"},\"dependentRequired\":{\"n\":[\"s\"]},"
    "\"dependentSchemas\":{\"s\":{\"required\":[\"n\"]}},\"unevaluatedProperties\":false,"
    "\"$dynamicAnchor\":\"top\",\"$defs\":{\"d\":{\"$anchor\":\"d\",\"type\":"
    "\"integer\"}}}";
static const char valid_text[] =
    "{\"s\":\"2026-11-22T08:00:00Z\",\"n\":1.0,\"e\":{\"a\":[1.5]},\"c\":{\"k\":[1.0,2]},"
    "\"u\":[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,\"18\"],\"l\":2,\"x-own\":1}";

static struct jsv_program *build(const struct json *schema, struct err *err)
{
    struct jsv_program *program = NULL;
    struct jsv_options options = {.assert_formats = true};
    struct jsv_registry *registry = jsv_registry_new();
    if (!registry) {
        err_set(err, "no registry");
        return NULL;
    }
    if (!jsv_registry_add(registry, "urn:test", schema, JSV_2020_12, err) ||
        !jsv_compile(registry, "urn:test", &options, &program, err))
        program = NULL;
    jsv_registry_free(registry);
    return program;
}

START_TEST(schema_memory__validating_allocates_nothing)
{
    static const char slow[] = "{\"pattern\":\"^(?:(?=a)(?:(a+)+|b)*)$\"}";
    struct err err = {.text = ""};
    struct jsv_context *context = jsv_context_new(&err);
    const struct json *schema = parsed(schema_text), *instance = parsed(valid_text);
    struct jsv_program *program = build(schema, &err);
    char other[sizeof(schema_text)];
    bool same = true;
    ck_assert_msg(program != NULL, "%s", err.text);
    calls = 0;
    enum jsv_verdict first = jsv_validate(program, context, instance);
    ck_assert_uint_eq(calls, 0);
    ck_assert_int_eq(first, JSV_INVALID); // the pattern wants a "c"
    jsv_program_unref(program);
    char *starts = strstr(memcpy(other, schema_text, sizeof(other)), "^(a|b)*?c");
    memcpy(starts, "^20(2|3)*", 9);
    schema = parsed(other);
    program = build(schema, &err);
    calls = 0;
    first = jsv_validate(program, context, instance);
    for (unsigned again = 0; again < 2; again++) // planned, then by the plan
        same = same && jsv_validate(program, context, instance) == first;
    ck_assert_uint_eq(calls, 0);
    ck_assert(same);
    ck_assert_int_eq(first, JSV_VALID);
    jsv_program_unref(program);

    schema = parsed(slow);
    program = build(schema, &err);
    instance = parsed("\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaac\"");
    calls = 0;
    first = jsv_validate(program, context, instance);
    ck_assert_uint_eq(calls, 0);
    ck_assert_int_eq(first, JSV_LIMIT);
    jsv_program_unref(program);
    jsv_context_free(context);
}
END_TEST

START_TEST(schema_memory__building_survives_failed_allocations)
{
    const struct json *schema = parsed(schema_text);
    struct jsv_program *program = NULL;
    unsigned long n = 0;
    while (!program) {
        struct err err = {.text = ""};
        calls = 0;
        fail_at = ++n;
        program = build(schema, &err);
        bool reached = calls >= n;
        fail_at = 0;
        ck_assert_msg(program || err.text[0], "allocation %lu failed without a sentence", n);
        ck_assert_msg(program || reached, "%s", err.text);
        if (program && reached) { // a failure that did no harm (PCRE2 without its JIT)
            jsv_program_unref(program);
            program = NULL;
        }
    }
    ck_assert_uint_gt(n, 100);
    jsv_program_unref(program);
}
END_TEST

START_TEST(schema_memory__contexts_survive_failed_allocations)
{
    struct jsv_context *context = NULL;
    for (unsigned long n = 1; !context; n++) {
        struct err err = {.text = ""};
        calls = 0;
        fail_at = n;
        context = jsv_context_new(&err);
        fail_at = 0;
        ck_assert(context || err.text[0]);
        if (context && calls >= n) {
            jsv_context_free(context);
            context = NULL;
        }
    }
    jsv_context_free(context);
}
END_TEST

START_TEST(schema_memory__explaining_survives_failed_allocations)
{
    struct err err = {.text = ""};
    const struct json *schema = parsed(schema_text), *instance = parsed("{\"n\":-1,\"s\":\"\"}");
    struct jsv_program *program = build(schema, &err);
    struct jsv_error errors[8];
    for (unsigned long n = 1, failed = 1; failed; n++) {
        struct jsv_context *context = jsv_context_new(&err);
        calls = 0;
        fail_at = n;
        size_t count = jsv_explain(program, context, instance, errors, ARRAY_LEN(errors));
        failed = calls >= n;
        fail_at = 0;
        ck_assert_uint_gt(count, 3);
        for (size_t i = 0; i < count; i++)
            ck_assert(errors[i].pointer.ptr && errors[i].message.ptr && errors[i].absolute_location.ptr);
        jsv_context_free(context);
    }
    jsv_program_unref(program);
}
END_TEST

CHECK_MAIN("schema_memory", schema_memory__validating_allocates_nothing,
           schema_memory__building_survives_failed_allocations,
           schema_memory__contexts_survive_failed_allocations,
           schema_memory__explaining_survives_failed_allocations)
