// SPDX-License-Identifier: Apache-2.0
// The registry's tables and the walk that fills them.
#include "lib/schema/registry.h"

#include "lib/schema/program.h"
#include "lib/schema/registry_private.h"
#include "lib/schema/uri.h"

struct jsv_registry *jsv_registry_new(void)
{
    struct jsv_registry *registry = calloc(1, sizeof(*registry));
    if (!registry)
        return NULL;
    arena_init(&registry->arena, 16384, REGISTRY_BYTES);
    return registry;
}

static void free_own(struct json_doc *own)
{
    if (own)
        json_doc_release(own);
    free(own);
}

void jsv_registry_free(struct jsv_registry *registry)
{
    if (!registry)
        return;
    for (uint32_t i = 0; i < registry->documents.count; i++)
        free_own(registry->documents.at[i].own);
    for (uint32_t i = 0; i < registry->checkers.count; i++)
        jsv_program_unref(registry->checkers.at[i].program);
    free(registry->names.slots);
    VEC_FREE(&registry->names);
    VEC_FREE(&registry->documents);
    VEC_FREE(&registry->dynamics);
    VEC_FREE(&registry->checkers);
    VEC_FREE(&registry->resources);
    VEC_FREE(&registry->subschemas);
    free(registry->index);
    arena_release(&registry->arena);
    free(registry);
}

static size_t node_slot(const struct jsv_registry *registry, const struct json *node)
{
    uint64_t mixed = (uint64_t)(uintptr_t)node * 0x9e3779b97f4a7c15u;
    size_t slot = (size_t)(mixed >> 32) & (registry->index_size - 1);
    while (registry->index[slot] && registry->subschemas.at[registry->index[slot] - 1].node != node)
        slot = (slot + 1) & (registry->index_size - 1);
    return slot;
}

uint32_t jsv_registry_of_node(const struct jsv_registry *registry, const struct json *node)
{
    return registry->index_size ? registry->index[node_slot(registry, node)] - 1 : JSV_NONE;
}

static bool grow_index(struct jsv_registry *registry)
{
    uint32_t size = registry->index_size ? registry->index_size * 2 : 64;
    uint32_t *old = registry->index;
    registry->index = calloc(size, sizeof(*registry->index));
    if (!registry->index) {
        registry->index = old;
        return false;
    }
    registry->index_size = size;
    for (uint32_t i = 0; i < registry->subschemas.count; i++)
        if (json_is_object(registry->subschemas.at[i].node))
            registry->index[node_slot(registry, registry->subschemas.at[i].node)] = i + 1;
    free(old);
    return true;
}

bool jsv_registry_push(struct jsv_registry *registry, const struct jsv_subschema *subschema,
                       uint32_t *ret_index, struct err *err)
{
    if (registry->subschemas.count * 2 >= registry->index_size && !grow_index(registry))
        return err_set(err, "Out of memory for schemas.");
    struct jsv_subschema *item = VEC_PUSH(&registry->subschemas);
    if (!item)
        return err_set(err, "Too many subschemas, or out of memory for them.");
    *item = *subschema;
    *ret_index = registry->subschemas.count - 1;
    if (json_is_object(subschema->node))
        registry->index[node_slot(registry, subschema->node)] = *ret_index + 1;
    return true;
}

struct str jsv_registry_pointer(struct jsv_registry *registry, struct str parent, const char *keyword,
                                struct str name)
{
    struct buf text;
    struct str pointer = STR_NULL;
    buf_init(&text, REGISTRY_BYTES);
    buf_put_str(&text, parent);
    pointer_put_name(&text, str_from(keyword));
    if (name.ptr)
        pointer_put_name(&text, name);
    if (buf_ok(&text))
        pointer = arena_dup(&registry->arena, buf_str(&text));
    buf_release(&text);
    return pointer;
}

bool jsv_registry_child(struct jsv_registry *registry, uint32_t parent, const char *keyword, struct str name,
                        const struct json *node, uint32_t *ret_subschema, struct err *err)
{
    if (json_is_object(node)) {
        *ret_subschema = jsv_registry_of_node(registry, node);
        BUG_ON(*ret_subschema == JSV_NONE); // every place of a schema was walked
        return true;
    }
    struct jsv_subschema child = registry->subschemas.at[parent];
    child.node = node;
    child.pointer = jsv_registry_pointer(registry, child.pointer, keyword, name);
    if (!child.pointer.ptr)
        return err_set(err, "Out of memory for schemas.");
    return jsv_registry_push(registry, &child, ret_subschema, err);
}

void jsv_registry_location(const struct jsv_registry *registry, uint32_t subschema, struct buf *out)
{
    const struct jsv_subschema *at = &registry->subschemas.at[subschema];
    buf_put_str(out, registry->resources.at[at->resource].uri);
    buf_put_char(out, '#');
    uri_encode_fragment(out, at->pointer);
}

bool jsv_registry_add_document(struct jsv_registry *registry, struct str uri, const struct json *schema,
                               struct json_doc *own, enum jsv_dialect default_dialect, struct err *err)
{
    struct jsv_document *document = VEC_PUSH(&registry->documents);
    uint32_t root;
    if (!document) {
        free_own(own);
        return err_set(err, "Out of memory for schemas.");
    }
    *document = (struct jsv_document){schema, JSV_NONE, own};
    if (json_is_object(schema) && jsv_registry_of_node(registry, schema) != JSV_NONE)
        return err_set(err, "Schema %.*s: the same tree is in the registry under another URI.", STR_FMT(uri));
    uint32_t index = registry->documents.count - 1;
    if (!jsv_registry_walk_document(registry, index, uri, default_dialect, &root, err))
        return false;
    registry->documents.at[index].root = root;
    return true;
}

bool jsv_registry_add(struct jsv_registry *registry, const char *uri, const struct json *schema,
                      enum jsv_dialect default_dialect, struct err *err)
{
    return jsv_registry_add_document(registry, str_from(uri), schema, NULL, default_dialect, err);
}
