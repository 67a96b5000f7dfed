// SPDX-License-Identifier: Apache-2.0
// $dynamicRef without a stack at run time: the dynamic scope is part of what a block is.
//
// Which resource a $dynamicRef means depends on the way that led to it, but only on the first resource of
// that way that has the anchor. So a way counts as the list of the resources that were first with some
// anchor, and blocks are made per list.
#include "lib/schema/compile.h"

static const struct jsv_dynamic *anchor_in(const struct jsv_compiler *c, uint32_t resource, struct str name)
{
    for (uint32_t i = 0; i < c->registry->dynamics.count; i++) {
        const struct jsv_dynamic *dynamic = &c->registry->dynamics.at[i];
        if (dynamic->resource == resource && str_eq(dynamic->name, name))
            return dynamic;
    }
    return NULL;
}

// The outermost.
static const struct jsv_dynamic *anchor_in_scope(const struct jsv_compiler *c, uint32_t scope,
                                                 struct str name)
{
    const struct jsv_dynamic *found = NULL;
    for (; scope; scope = c->scopes.at[scope - 1].outer) {
        const struct jsv_dynamic *dynamic = anchor_in(c, c->scopes.at[scope - 1].resource, name);
        found = dynamic ? dynamic : found;
    }
    return found;
}

bool compile_scope(struct jsv_compiler *c, uint32_t scope, uint32_t resource, uint32_t *ret_scope)
{
    bool brings = false;
    for (uint32_t i = 0; i < c->registry->dynamics.count && !brings; i++) {
        const struct jsv_dynamic *dynamic = &c->registry->dynamics.at[i];
        brings = dynamic->resource == resource && !anchor_in_scope(c, scope, dynamic->name);
    }
    *ret_scope = scope;
    if (!brings)
        return true;
    for (uint32_t i = 0; i < c->scopes.count; i++) {
        if (c->scopes.at[i].outer == scope && c->scopes.at[i].resource == resource) {
            *ret_scope = i + 1;
            return true;
        }
    }
    struct jsv_scope *item = VEC_PUSH(&c->scopes);
    if (!item)
        return compile_no_memory(c);
    *item = (struct jsv_scope){scope, resource};
    *ret_scope = c->scopes.count;
    return true;
}

uint32_t compile_dynamic_target(const struct jsv_compiler *c, uint32_t subschema, struct str reference)
{
    struct str name = str_skip(reference, str_find(reference, '#') + 1);
    uint32_t resource = c->registry->subschemas.at[subschema].resource;
    const struct jsv_dynamic *own = anchor_in(c, resource, name);
    if (!own || own->subschema != subschema)
        return subschema; // no dynamic anchor: as $ref
    const struct jsv_dynamic *outermost = anchor_in_scope(c, c->scope, name);
    return outermost ? outermost->subschema : subschema;
}
