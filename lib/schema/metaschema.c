// SPDX-License-Identifier: Apache-2.0
// Our copies of the metaschemas, and holding documents to them.
#include "lib/schema/metaschema.h"

#include "lib/schema/explain.h"
#include "lib/schema/registry_private.h"
#include "lib/schema/run.h"

#define CHECK_STEPS      (64u << 20) // a schema may be larger than what is judged by it
#define CHECK_DEPTH      1024
#define CHECK_FRAMES     4096
#define METASCHEMA_BYTES (1u << 20) // of its tree

bool jsv_metaschema_add(struct jsv_registry *registry, struct str uri, bool *ret_added, struct err *err)
{
    *ret_added = false;
    for (unsigned i = 0; i < jsv_metaschema_count; i++) {
        const struct jsv_metaschema *metaschema = &jsv_metaschemas[i];
        if (!str_eq(uri, str_from(metaschema->uri)))
            continue;
        struct json_doc *doc = calloc(1, sizeof(*doc));
        if (!doc)
            return err_set(err, "memory is out");
        json_doc_init(doc, NULL, METASCHEMA_BYTES);
        if (json_doc_parse(doc, str_slice(metaschema->text, metaschema->len), NULL)) {
            json_doc_release(doc);
            free(doc);
            return err_set(err, "memory is out");
        }
        bool ok = jsv_registry_add_document(registry, uri, doc->root, doc, JSV_2020_12, err);
        *ret_added = ok;
        return ok;
    }
    return true;
}

static bool checker_of(struct jsv_compiler *c, uint32_t metaschema, struct jsv_program **ret_program)
{
    struct jsv_registry *registry = c->registry;
    for (uint32_t i = 0; i < registry->checkers.count; i++) {
        if (registry->checkers.at[i].metaschema == metaschema) {
            *ret_program = registry->checkers.at[i].program;
            return true;
        }
    }
    struct jsv_compiler inner = {
        .registry = c->registry, .err = c->err, .program = jsv_program_new(), .regex_work = REGEX_WORK};
    inner.options.ignore_unknown = true;
    bool ok = inner.program ? compile_program(&inner, metaschema) : compile_no_memory(c);
    compile_release(&inner);
    struct jsv_checker *checker = ok ? VEC_PUSH(&registry->checkers) : NULL;
    if (!checker) {
        jsv_program_unref(inner.program);
        return ok ? compile_no_memory(c) : false;
    }
    *checker = (struct jsv_checker){metaschema, inner.program};
    *ret_program = inner.program;
    return true;
}

// The metaschema that a resource is held to.
static bool metaschema_of(struct jsv_compiler *c, const struct jsv_resource *resource,
                          uint32_t *ret_metaschema)
{
    uint32_t metaschema = resource->metaschema;
    struct str standard = resource->dialect == JSV_DRAFT_07
                              ? STR("http://json-schema.org/draft-07/schema")
                              : STR("https://json-schema.org/draft/2020-12/schema");
    if (metaschema == JSV_NONE && !jsv_registry_name(c->registry, standard, &metaschema, c->err))
        return false;
    BUG_ON(metaschema == JSV_NONE);
    *ret_metaschema = metaschema;
    return true;
}

static bool check_fault(struct jsv_compiler *c, struct str uri, const struct jsv_error *error)
{
    if (!error)
        return err_set(c->err, "Schema %.*s: it is too deep or too large to be held to its metaschema.",
                       (int)MIN(uri.len, 200), uri.ptr);
    return err_set(c->err, "Schema %.*s#%.*s: %.*s (so its metaschema has it).", (int)MIN(uri.len, 160),
                   uri.ptr, (int)MIN(error->pointer.len, 120), error->pointer.ptr,
                   (int)MIN(error->message.len, 140), error->message.ptr);
}

// Holds the schema at `root`, the root of a resource, to the metaschema of its dialect.
static bool check_resource(struct jsv_compiler *c, struct jsv_context *context, uint32_t root)
{
    struct jsv_registry *registry = c->registry;
    uint32_t metaschema, resource = registry->subschemas.at[root].resource;
    struct jsv_program *program;
    struct jsv_error errors[METASCHEMA_ERRORS];
    // What is added on the way moves the arrays.
    struct jsv_resource copy = registry->resources.at[resource];
    if (!metaschema_of(c, &copy, &metaschema) || !checker_of(c, metaschema, &program))
        return false;
    jsv_context_begin(context, program);
    context->steps = CHECK_STEPS;
    context->depth_max = CHECK_DEPTH;
    context->frames_max = CHECK_FRAMES;
    enum jsv_verdict verdict = jsv_run(context, 0, registry->subschemas.at[root].node);
    if (verdict == JSV_VALID)
        return true;
    if (verdict == JSV_LIMIT)
        return check_fault(c, copy.uri, NULL);
    size_t count =
        jsv_explain_names(program, context, registry->subschemas.at[root].node, errors, ARRAY_LEN(errors));
    if (!count)
        return check_fault(c, copy.uri, NULL);
    const struct jsv_error *error = jsv_metaschema_own_fault(registry, root, errors, count);
    return error ? check_fault(c, copy.uri, error) : true;
}

// Every resource by itself: what an outer one's metaschema says of an inner one of another dialect does not
// count, and what is of the same dialect is seen by both.
static bool check_document(struct jsv_compiler *c, struct jsv_context *context, uint32_t document)
{
    struct jsv_registry *registry = c->registry;
    if (!check_resource(c, context, registry->documents.at[document].root))
        return false;
    if (jsv_metaschema_is_uniform(registry, document))
        return true;
    uint32_t count = registry->subschemas.count; // checking adds the metaschemas'
    for (uint32_t i = 0; i < count; i++)
        if (registry->subschemas.at[i].document == document && !registry->subschemas.at[i].pointer.len &&
            i != registry->documents.at[document].root && !check_resource(c, context, i))
            return false;
    return true;
}

bool jsv_metaschema_check(struct jsv_compiler *c)
{
    struct jsv_registry *registry = c->registry;
    uint32_t count = registry->documents.count; // checking adds metaschemas
    bool *used = calloc(count, sizeof(*used)), ok = used != NULL;
    struct jsv_context *context = ok ? jsv_context_new(c->err) : NULL;
    if (!ok)
        compile_no_memory(c);
    ok = context != NULL;
    for (uint32_t i = 0; ok && i < c->sources.count; i++)
        used[registry->subschemas.at[c->sources.at[i].subschema].document] = true;
    for (uint32_t i = 0; ok && i < count; i++)
        if (used[i] && !registry->documents.at[i].own && registry->documents.at[i].root != JSV_NONE)
            ok = check_document(c, context, i);
    jsv_context_free(context);
    free(used);
    return ok;
}
