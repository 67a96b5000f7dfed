// SPDX-License-Identifier: Apache-2.0
// Which dialect and which vocabularies a resource is written in.
#include "lib/schema/registry_private.h"

static bool known_dialect(struct str uri, enum jsv_dialect *dialect)
{
    static const struct {
        const char *uri;
        enum jsv_dialect dialect;
    } known[] = {
        {"http://json-schema.org/draft-07/schema", JSV_DRAFT_07},
        {"https://json-schema.org/draft-07/schema", JSV_DRAFT_07},
        {"https://json-schema.org/draft/2020-12/schema", JSV_2020_12},
    };
    for (size_t i = 0; i < ARRAY_LEN(known); i++) {
        if (str_eq(uri, str_from(known[i].uri))) {
            *dialect = known[i].dialect;
            return true;
        }
    }
    return false;
}

// What a metaschema's $vocabulary switches on. One that must be understood and is not is an error.
static bool vocabularies_of(const struct json *metaschema, unsigned *set, struct err *err)
{
    const struct json *stated = json_get(metaschema, STR("$vocabulary"));
    if (!stated)
        return true;
    *set = 1u << VOCABULARY_CORE;
    for (uint32_t at = 0; at < json_count(stated); at++) {
        struct str uri = json_name(stated, at);
        unsigned found = jsv_vocabulary_find(uri);
        if (!found && json_is_true(json_at(stated, at)))
            return err_set(err, "the vocabulary \"%.*s\" is not supported", (int)MIN(uri.len, 200), uri.ptr);
        *set |= found;
    }
    return true;
}

static bool state_dialect(struct jsv_registry *registry, struct str uri, struct jsv_resource *resource,
                          struct err *err)
{
    uint32_t metaschema;
    if (str_ends(uri, STR("#")))
        uri.len--;
    resource->vocabularies = VOCABULARIES_USUAL;
    resource->metaschema = JSV_NONE;
    if (known_dialect(uri, &resource->dialect))
        return true;
    if (!jsv_registry_name(registry, uri, &metaschema, err))
        return false;
    if (metaschema == JSV_NONE || !json_is_object(registry->subschemas.at[metaschema].node))
        return err_set(err, "\"$schema\" is no dialect we know");
    resource->metaschema = metaschema;
    resource->dialect = registry->resources.at[registry->subschemas.at[metaschema].resource].dialect;
    return resource->dialect != JSV_2020_12 ||
           vocabularies_of(registry->subschemas.at[metaschema].node, &resource->vocabularies, err);
}

bool jsv_registry_add_resource(struct jsv_registry *registry, const struct json *schema,
                               const struct jsv_resource *like, uint32_t *ret_resource, struct err *err)
{
    struct jsv_resource resource = *like;
    const struct json *stated = json_get(schema, STR("$schema"));
    struct err why = {.text = "\"$schema\" must be a URI"};
    struct str text = json_text(stated);
    if (stated && (!json_is_string(stated) || !state_dialect(registry, text, &resource, &why)))
        return err_set(err, "Schema %.*s: %s.", (int)MIN(like->uri.len, 200), like->uri.ptr, why.text);
    resource.uri = arena_dup(&registry->arena, like->uri);
    struct jsv_resource *item = resource.uri.ptr ? VEC_PUSH(&registry->resources) : NULL;
    if (!item)
        return err_set(err, "Out of memory for schemas.");
    *item = resource;
    *ret_resource = registry->resources.count - 1;
    return true;
}
