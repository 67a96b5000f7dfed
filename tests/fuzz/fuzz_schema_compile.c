// SPDX-License-Identifier: Apache-2.0
// Door: a schema's text. Whatever compiles must run, and its two ways of running must agree.
#include "lib/json/parse.h"
#include "lib/schema/run.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char instance_text[] =
    "{\"a\":[1,2.5,\"x\",[1,1.0],{}],\"b\":{\"a\":null,\"\":-1e300},\"c\":\"2026-11-22T08:00:00Z\",\"x-y\":"
    "true,"
    "\"d\":9223372036854775807,\"long name of a member\":\"\\u00e9\\ud83d\\udc32\"}";

// Parsed for good.
static const struct json *keep(const char *text)
{
    static struct json_doc doc;
    json_doc_init(&doc, NULL, 1 << 20);
    BUG_ON(json_doc_parse(&doc, str_from(text), NULL) != JSON_FAULT_NONE);
    return doc.root;
}

static void run(const struct jsv_program *program)
{
    static struct jsv_context *context;
    static const struct json *instance;
    struct jsv_error errors[4];
    struct err err;
    if (!context) {
        context = jsv_context_new(&err);
        instance = keep(instance_text);
    }
    BUG_ON(!context || !instance);
    enum jsv_verdict verdict = jsv_validate(program, context, instance);
    for (unsigned again = 0; again < 2; again++) // planned, then by the plan
        BUG_ON(jsv_validate(program, context, instance) != verdict && verdict != JSV_LIMIT);
    enum jsv_verdict plain = jsv_validate_plain(program, context, instance);
    BUG_ON(plain != verdict && plain != JSV_LIMIT && verdict != JSV_LIMIT);
    size_t count = jsv_explain(program, context, instance, errors, ARRAY_LEN(errors));
    BUG_ON(verdict == JSV_VALID && count);
}

int LLVMFuzzerInitialize(int *argc UNUSED, char ***argv UNUSED)
{
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct err err;
    // The first byte chooses the dialect and the options.
    if (!size)
        return 0;
    struct json_doc doc;
    json_doc_init(&doc, NULL, 64 << 20);
    doc.own.nul = true;
    bool is_json = json_doc_parse(&doc, str_slice(data + 1, size - 1), NULL) == JSON_FAULT_NONE;
    const struct json *schema = is_json ? doc.root : NULL;
    struct jsv_registry *registry = schema ? jsv_registry_new() : NULL;
    struct jsv_options options = {.assert_formats = data[0] & 2, .ignore_unknown = data[0] & 4};
    struct jsv_program *program = NULL;
    if (registry &&
        jsv_registry_add(registry, "https://test.invalid/s", schema, data[0] & 1 ? JSV_2020_12 : JSV_DRAFT_07,
                         &err) &&
        jsv_compile(registry, "https://test.invalid/s", &options, &program, &err)) {
        run(program);
        jsv_program_unref(program);
    }
    jsv_registry_free(registry);
    json_doc_release(&doc);
    return 0;
}
