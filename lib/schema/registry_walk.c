// SPDX-License-Identifier: Apache-2.0
// Finding resources, anchors and subschemas in a document.
#include "lib/schema/registry_private.h"

#include "lib/schema/program.h"
#include "lib/schema/uri.h"

#define URI_MAX 8192

static bool fail_at(const struct jsv_registry *registry, const struct jsv_subschema *at, struct err *err,
                    const char *what)
{
    struct str uri = registry->resources.at[at->resource].uri;
    return err_set(err, "Schema %.*s#%.*s: %s.", (int)MIN(uri.len, 200), uri.ptr,
                   (int)MIN(at->pointer.len, 200), at->pointer.ptr, what);
}

// Enters a name for a subschema. A second meaning of a name is an error.
static bool add_name(struct jsv_registry *registry, struct str name, uint32_t subschema, struct err *err)
{
    uint32_t old = jsv_names_find(&registry->names, name);
    if (old != JSV_NONE && old != subschema)
        return err_set(err, "Schema %.*s: two schemas have this URI.", STR_FMT(name));
    struct str copy = old == JSV_NONE ? arena_dup(&registry->arena, name) : STR_NULL;
    if (old == JSV_NONE && (!copy.ptr || !jsv_names_add(&registry->names, copy, subschema)))
        return err_set(err, "Out of memory for schemas.");
    return true;
}

// Moves `at` into a new resource if its `$id` starts one; `*ret_anchor` is a plain-name fragment of it.
static bool apply_id(struct jsv_registry *registry, struct jsv_subschema *at, struct str *ret_anchor,
                     struct err *err)
{
    struct jsv_resource in = registry->resources.at[at->resource];
    const struct json *id = json_get(at->node, STR("$id"));
    *ret_anchor = STR_NULL;
    if (!id || (in.dialect == JSV_DRAFT_07 && json_get(at->node, STR("$ref"))))
        return true;
    if (!json_is_string(id))
        return fail_at(registry, at, err, "\"$id\" must be a string");
    struct str text = json_text(id);
    *ret_anchor = uri_split(text).fragment;
    if (ret_anchor->len && in.dialect != JSV_DRAFT_07)
        return fail_at(registry, at, err, "\"$id\" must have no fragment");
    struct buf uri;
    buf_init(&uri, URI_MAX);
    uri_resolve(&uri, in.uri, text);
    bool ok = buf_ok(&uri);
    if (!ok)
        fail_at(registry, at, err, "\"$id\" is too long, or memory is out");
    else if (!str_eq(buf_str(&uri), in.uri)) {
        in.uri = buf_str(&uri);
        ok = jsv_registry_add_resource(registry, at->node, &in, &at->resource, err);
        at->pointer = STR("");
    }
    buf_release(&uri);
    return ok;
}

static bool add_anchor(struct jsv_registry *registry, uint32_t subschema, struct str anchor, struct err *err)
{
    struct buf name;
    buf_init(&name, URI_MAX);
    buf_put_str(&name, registry->resources.at[registry->subschemas.at[subschema].resource].uri);
    buf_put_char(&name, '#');
    buf_put_str(&name, anchor);
    bool ok = buf_ok(&name) ? add_name(registry, buf_str(&name), subschema, err)
                            : err_set(err, "An anchor is too long, or memory is out.");
    buf_release(&name);
    return ok;
}

static bool add_names(struct jsv_registry *registry, uint32_t subschema, struct str id_anchor,
                      struct err *err)
{
    struct jsv_subschema at = registry->subschemas.at[subschema];
    struct jsv_resource resource = registry->resources.at[at.resource];
    if (!at.pointer.len && !add_name(registry, resource.uri, subschema, err))
        return false;
    if (id_anchor.len && !add_anchor(registry, subschema, id_anchor, err))
        return false;
    static const enum jsv_keyword keywords[] = {KW_ANCHOR, KW_DYNAMIC_ANCHOR};
    for (size_t i = 0; i < ARRAY_LEN(keywords); i++) {
        const struct json *anchor = jsv_keyword_get(at.node, keywords[i], resource.dialect);
        struct str name = json_text(anchor);
        if (!anchor)
            continue;
        if (!name.len)
            return fail_at(registry, &at, err,
                           i ? "\"$dynamicAnchor\" must be a name" : "\"$anchor\" must be a name");
        if (!add_anchor(registry, subschema, name, err))
            return false;
        struct jsv_dynamic *dynamic = i ? VEC_PUSH(&registry->dynamics) : NULL;
        if (i && !dynamic)
            return err_set(err, "Out of memory for schemas.");
        if (dynamic)
            *dynamic = (struct jsv_dynamic){name, at.resource, subschema}; // the tree keeps the name
    }
    return true;
}

// Walks one schema below `parent`. What is no schema is left to the compiler's complaint.
static bool walk_child(struct jsv_registry *registry, uint32_t parent, enum jsv_keyword keyword,
                       struct str name, const struct json *node, unsigned depth, struct err *err)
{
    if (!json_is_object(node))
        return true;
    struct jsv_subschema child = registry->subschemas.at[parent];
    uint32_t index;
    child.node = node;
    child.pointer = jsv_registry_pointer(registry, child.pointer, jsv_keyword_name(keyword), name);
    if (!child.pointer.ptr)
        return err_set(err, "Out of memory for schemas.");
    return jsv_registry_walk(registry, &child, depth + 1, &index, err);
}

static bool walk_children(struct jsv_registry *registry, uint32_t parent, enum jsv_keyword keyword,
                          const struct json *value, unsigned depth, struct err *err)
{
    enum jsv_shape shape = jsv_keyword_info(keyword)->shape;
    if (json_is_array(value) && (shape == SHAPE_LIST || shape == SHAPE_ONE_OR_LIST)) {
        for (size_t i = 0; i < json_count(value); i++) {
            char name[24];
            snprintf(name, sizeof(name), "%zu", i);
            if (!walk_child(registry, parent, keyword, str_from(name), json_at(value, i), depth, err))
                return false;
        }
    } else if (json_is_object(value) && (shape == SHAPE_MAP || shape == SHAPE_MIXED)) {
        for (uint32_t at = 0; at < json_count(value); at++) {
            struct str name = json_name(value, at);
            if (!walk_child(registry, parent, keyword, name, json_at(value, at), depth, err))
                return false;
        }
    } else if (shape == SHAPE_ONE || shape == SHAPE_ONE_OR_LIST) {
        return walk_child(registry, parent, keyword, STR_NULL, value, depth, err);
    }
    return true;
}

bool jsv_registry_walk(struct jsv_registry *registry, const struct jsv_subschema *start, unsigned depth,
                       uint32_t *ret_index, struct err *err)
{
    struct jsv_subschema at = *start;
    struct str anchor = STR_NULL;
    if (depth > JSV_SCHEMA_DEPTH)
        return fail_at(registry, &at, err, "schemas are nested too deep");
    if (!json_is_object(at.node))
        return jsv_registry_push(registry, &at, ret_index, err);
    if (jsv_registry_of_node(registry, at.node) != JSV_NONE) { // one node in two places of a built tree
        *ret_index = jsv_registry_of_node(registry, at.node);
        return true;
    }
    if (!apply_id(registry, &at, &anchor, err) || !jsv_registry_push(registry, &at, ret_index, err) ||
        !add_names(registry, *ret_index, anchor, err))
        return false;
    enum jsv_dialect dialect = registry->resources.at[at.resource].dialect;
    for (uint32_t i = 0; i < json_count(at.node); i++) {
        enum jsv_keyword keyword = jsv_keyword_find(json_name(at.node, i), dialect);
        if (keyword != KW_COUNT &&
            !walk_children(registry, *ret_index, keyword, json_at(at.node, i), depth, err))
            return false;
    }
    return true;
}

bool jsv_registry_walk_document(struct jsv_registry *registry, uint32_t document, struct str uri,
                                enum jsv_dialect dialect, uint32_t *ret_root, struct err *err)
{
    const struct json *schema = registry->documents.at[document].json;
    struct jsv_subschema root = {.node = schema, .document = document, .pointer = STR("")};
    struct jsv_resource resource = {
        .dialect = dialect, .vocabularies = VOCABULARIES_USUAL, .metaschema = JSV_NONE};
    struct buf name;
    uri.len = str_find(uri, '#');
    if (!json_is_object(schema) && !json_is_boolean(schema))
        return err_set(err, "Schema %.*s: a schema is an object or a boolean.", STR_FMT(uri));
    buf_init(&name, URI_MAX);
    uri_resolve(&name, STR(""), uri);
    resource.uri = buf_str(&name);
    bool ok = buf_ok(&name) ? jsv_registry_add_resource(registry, schema, &resource, &root.resource, err)
                            : err_set(err, "A schema's URI is too long, or memory is out.");
    // The root answers to the URI it was added under as well as to its $id.
    ok = ok && jsv_registry_walk(registry, &root, 0, ret_root, err) &&
         add_name(registry, buf_str(&name), *ret_root, err);
    buf_release(&name);
    return ok;
}
