// SPDX-License-Identifier: Apache-2.0
// From a URI reference to a subschema.
#include "lib/schema/registry_private.h"

#include "lib/schema/metaschema.h"
#include "lib/schema/program.h"
#include "lib/schema/uri.h"

#define URI_MAX 16384

const struct json *jsv_registry_step(const struct json *node, struct str token)
{
    uint64_t index;
    if (json_is_object(node))
        return json_get(node, token);
    if (json_is_array(node) && str_to_u64(token, &index) && (token.len == 1 || token.ptr[0] != '0'))
        return json_at(node, index);
    return NULL;
}

// Follows a JSON Pointer from `*subschema`. Bases change where it crosses an embedded resource; a place that
// no keyword makes a schema becomes one by being pointed at.
static bool follow(struct jsv_registry *registry, uint32_t *subschema, struct str pointer, struct err *err)
{
    struct jsv_subschema at = registry->subschemas.at[*subschema];
    struct buf token, path; // path: from the last known subschema
    bool known = true, ok = true;
    buf_init(&token, URI_MAX);
    buf_init(&path, REGISTRY_BYTES);
    buf_put_str(&path, at.pointer);
    while (ok && pointer.len) {
        buf_clear(&token);
        ok = pointer_next(&pointer, &token) && buf_ok(&token);
        at.node = ok ? jsv_registry_step(at.node, buf_str(&token)) : NULL;
        ok = ok && at.node;
        if (!ok)
            break;
        pointer_put_name(&path, buf_str(&token));
        uint32_t found = json_is_object(at.node) ? jsv_registry_of_node(registry, at.node) : JSV_NONE;
        known = found != JSV_NONE;
        if (known) {
            *subschema = found;
            at = registry->subschemas.at[found];
            buf_clear(&path);
            buf_put_str(&path, at.pointer);
        }
    }
    ok = ok && (json_is_object(at.node) || json_is_boolean(at.node)) && buf_ok(&path);
    if (!ok)
        err_set(err, "no schema stands there");
    if (ok && !known) {
        at.pointer = arena_dup(&registry->arena, buf_str(&path));
        ok = at.pointer.ptr ? jsv_registry_walk(registry, &at, 0, subschema, err)
                            : err_set(err, "memory is out");
    }
    buf_release(&token);
    buf_release(&path);
    return ok;
}

bool jsv_registry_name(struct jsv_registry *registry, struct str uri, uint32_t *ret_subschema,
                       struct err *err)
{
    bool added = false;
    *ret_subschema = jsv_names_find(&registry->names, uri);
    if (*ret_subschema == JSV_NONE && !jsv_metaschema_add(registry, uri, &added, err))
        return false;
    if (added)
        *ret_subschema = jsv_names_find(&registry->names, uri);
    return true;
}

// `uri` without fragment in `name`; `fragment` decoded.
static bool look_up(struct jsv_registry *registry, struct buf *name, struct str fragment,
                    uint32_t *ret_subschema, struct err *err)
{
    uint32_t root;
    if (!jsv_registry_name(registry, buf_str(name), &root, err))
        return false;
    if (!fragment.len || fragment.ptr[0] == '/') {
        if (root == JSV_NONE)
            return err_set(err, "it is not in the registry, and nothing is fetched");
        *ret_subschema = root;
        return !fragment.len || follow(registry, ret_subschema, fragment, err);
    }
    buf_put_char(name, '#');
    buf_put_str(name, fragment);
    *ret_subschema = buf_ok(name) ? jsv_names_find(&registry->names, buf_str(name)) : JSV_NONE;
    return *ret_subschema != JSV_NONE ||
           err_set(err, "there is no such anchor, or its document is not in the registry");
}

static bool resolve(struct jsv_registry *registry, struct str base, struct str reference,
                    uint32_t *ret_subschema, struct err *err)
{
    struct buf name, fragment;
    struct err why;
    buf_init(&name, URI_MAX);
    buf_init(&fragment, URI_MAX);
    uri_resolve(&name, base, reference);
    bool ok = uri_decode(&fragment, uri_split(reference).fragment) && buf_ok(&fragment) && buf_ok(&name);
    if (!ok)
        err_set(&why, "the URI is malformed or too long");
    ok = ok && look_up(registry, &name, buf_str(&fragment), ret_subschema, &why);
    if (!ok)
        err_set(err, "\"%.*s\": %s", (int)MIN(reference.len, 200), reference.ptr, why.text);
    buf_release(&name);
    buf_release(&fragment);
    return ok;
}

bool jsv_registry_resolve(struct jsv_registry *registry, uint32_t resource, struct str reference,
                          uint32_t *ret_subschema, struct err *err)
{
    return resolve(registry, registry->resources.at[resource].uri, reference, ret_subschema, err);
}

bool jsv_registry_find(struct jsv_registry *registry, struct str uri, uint32_t *ret_subschema,
                       struct err *err)
{
    return resolve(registry, STR(""), uri, ret_subschema, err);
}
