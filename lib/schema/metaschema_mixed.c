// SPDX-License-Identifier: Apache-2.0
// Documents that embed resources of another dialect: whose fault is an error?
#include "lib/schema/metaschema.h"

#include "lib/schema/registry_private.h"
#include "lib/schema/uri.h"

#include <string.h>

#define TOKEN_MAX 65536

static bool is_same_dialect(const struct jsv_resource *a, const struct jsv_resource *b)
{
    return a->dialect == b->dialect && a->metaschema == b->metaschema;
}

bool jsv_metaschema_is_uniform(const struct jsv_registry *registry, uint32_t document)
{
    const struct jsv_resource *resources = registry->resources.at;
    uint32_t root = registry->subschemas.at[registry->documents.at[document].root].resource;
    for (uint32_t i = 0; i < registry->subschemas.count; i++)
        if (registry->subschemas.at[i].document == document &&
            !is_same_dialect(&resources[registry->subschemas.at[i].resource], &resources[root]))
            return false;
    return true;
}

// Whether the pointer, from `root` on, leads into a resource of another dialect.
static bool is_foreign(const struct jsv_registry *registry, uint32_t root, struct str pointer)
{
    const struct jsv_resource *own = &registry->resources.at[registry->subschemas.at[root].resource];
    const struct json *node = registry->subschemas.at[root].node;
    struct buf token;
    bool foreign = false;
    buf_init(&token, TOKEN_MAX);
    while (node && pointer.len && !foreign) {
        buf_clear(&token);
        bool ok = pointer_next(&pointer, &token) && buf_ok(&token);
        node = ok ? jsv_registry_step(node, buf_str(&token)) : NULL;
        uint32_t found = json_is_object(node) ? jsv_registry_of_node(registry, node) : JSV_NONE;
        foreign = found != JSV_NONE &&
                  !is_same_dialect(&registry->resources.at[registry->subschemas.at[found].resource], own);
    }
    buf_release(&token);
    return foreign;
}

// A branch that failed, or the choice itself, above an error that does not count.
static bool is_choice_above(const struct jsv_error *error, const struct jsv_error *foreign)
{
    struct str keywords = error->keyword_location, above = error->pointer, below = foreign->pointer;
    return memmem(keywords.ptr, keywords.len, "/anyOf", strlen("/anyOf")) && str_starts(below, above) &&
           below.len > above.len && below.ptr[above.len] == '/';
}

const struct jsv_error *jsv_metaschema_own_fault(const struct jsv_registry *registry, uint32_t root,
                                                 const struct jsv_error *errors, size_t count)
{
    bool foreign[METASCHEMA_ERRORS];
    for (size_t i = 0; i < count; i++)
        foreign[i] = is_foreign(registry, root, errors[i].pointer);
    for (size_t i = 0; i < count; i++) {
        bool counts = !foreign[i];
        for (size_t k = 0; k < count && counts; k++)
            counts = !foreign[k] || !is_choice_above(&errors[i], &errors[k]);
        if (counts)
            return &errors[i];
    }
    return NULL;
}
