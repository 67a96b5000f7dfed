// SPDX-License-Identifier: Apache-2.0
// Door: an instance. A refusal has reasons, a valid instance has none.
#include "lib/json/parse.h"
#include "lib/schema/run.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const schemas[] = {
    "{\"type\":\"object\",\"required\":[\"model\",\"n\"],\"properties\":{\"model\":{\"type\":\"string\","
    "\"minLength\":1,"
    "\"maxLength\":8,\"pattern\":\"^[a-z]+(-[a-z]+)*$\"},\"n\":{\"type\":\"integer\",\"minimum\":0,"
    "\"multipleOf\":0.5},"
    "\"k\":{\"enum\":[\"a\",1,[1.0],null]},\"t\":{\"format\":\"date-time\"}},\"additionalProperties\":false,"
    "\"minProperties\":2,\"propertyNames\":{\"maxLength\":6}}",
    "{\"type\":[\"array\",\"null\"],\"prefixItems\":[{\"type\":\"integer\"},{\"const\":{\"a\":[1]}}],"
    "\"items\":{\"$ref\":\"#/$defs/"
    "leaf\"},\"uniqueItems\":true,\"contains\":{\"type\":\"boolean\"},\"minContains\":0,"
    "\"maxContains\":2,\"$defs\":{\"leaf\":{\"anyOf\":[{\"$ref\":\"#\"},{\"type\":\"string\",\"format\":"
    "\"email\"},"
    "{\"oneOf\":[{\"minimum\":1},{\"exclusiveMaximum\":2.5},{\"type\":\"boolean\"}]}]}}}",
    "{\"properties\":{\"event\":true},\"patternProperties\":{\"^x\":{\"not\":{\"type\":\"null\"}},\"x$\":"
    "false},"
    "\"additionalProperties\":{\"$ref\":\"#\"},\"if\":{\"required\":[\"event\"]},\"then\":{\"maxProperties\":"
    "2},"
    "\"else\":{\"dependentRequired\":{\"a\":[\"b\"]},\"dependentSchemas\":{\"b\":{\"minProperties\":3}}},"
    "\"allOf\":[{\"maxLength\":3},{\"items\":{\"format\":\"ipv6\"}},{\"properties\":{\"h\":{\"format\":"
    "\"hostname\"},"
    "\"d\":{\"format\":\"duration\"},\"p\":{\"format\":\"json-pointer\"},\"u\":{\"format\":\"uuid\"}}}]}",
    "{\"$dynamicAnchor\":\"n\",\"oneOf\":[{\"type\":\"object\",\"required\":[\"k\"],\"properties\":{\"k\":{"
    "\"const\":\"a\"},\"v\":{\"$dynamicRef\":\"#n\"}}},{\"type\":\"object\",\"required\":[\"k\"],"
    "\"properties\":{\"k\":"
    "{\"enum\":[\"b\",\"c\"]}},\"patternProperties\":{\"^(x|y)+[^a-c]{1,3}$\":true}},{\"type\":\"array\","
    "\"prefixItems\":[{\"pattern\":\"(?=a)(a+)+$\"}],\"contains\":{\"format\":\"uri\"},\"unevaluatedItems\":{"
    "\"anyOf\":[{\"$ref\":\"#\"},{\"format\":\"uri-template\"},{\"format\":\"idn-hostname\"},{\"format\":"
    "\"regex\"}]}},"
    "{\"type\":\"string\"}],\"unevaluatedProperties\":{\"type\":\"null\"}}",
};
static struct jsv_program *programs[ARRAY_LEN(schemas)];
static struct jsv_context *context;

static void prepare(void)
{
    struct jsv_options options = {.assert_formats = true};
    struct err err;
    context = jsv_context_new(&err);
    for (size_t i = 0; i < ARRAY_LEN(schemas); i++) {
        struct jsv_registry *registry = jsv_registry_new();
        struct json_doc doc;
        json_doc_init(&doc, NULL, 1 << 20);
        bool ok = json_doc_parse(&doc, str_from(schemas[i]), NULL) == JSON_FAULT_NONE &&
                  jsv_registry_add(registry, "urn:fuzz", doc.root, JSV_2020_12, &err) &&
                  jsv_compile(registry, "urn:fuzz", &options, &programs[i], &err);
        if (!ok)
            BUG(err.text);
        jsv_registry_free(registry);
        json_doc_release(&doc);
    }
}

int LLVMFuzzerInitialize(int *argc UNUSED, char ***argv UNUSED)
{
    prepare();
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct json_doc doc;
    json_doc_init(&doc, NULL, 64 << 20);
    if (json_doc_parse(&doc, str_slice(data, size), NULL) == JSON_FAULT_NONE) {
        for (size_t i = 0; i < ARRAY_LEN(schemas); i++) {
            struct jsv_error errors[4];
            enum jsv_verdict verdict = jsv_validate(programs[i], context, doc.root);
            for (unsigned again = 0; again < 2; again++) // planned, then by the plan
                BUG_ON(jsv_validate(programs[i], context, doc.root) != verdict && verdict != JSV_LIMIT);
            enum jsv_verdict plain = jsv_validate_plain(programs[i], context, doc.root);
            BUG_ON(plain != verdict && plain != JSV_LIMIT && verdict != JSV_LIMIT);
            size_t count = jsv_explain(programs[i], context, doc.root, errors, ARRAY_LEN(errors));
            BUG_ON(verdict == JSV_VALID && count);
            BUG_ON(verdict == JSV_INVALID && !count && size < 256); // beyond, explaining may hit a limit
        }
    }
    json_doc_release(&doc);
    return 0;
}
