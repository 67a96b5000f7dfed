// SPDX-License-Identifier: Apache-2.0
// Keywords that look at an object's members.
#include "lib/schema/compile.h"
#include "lib/schema/regex.h"

// The names of `required`, each once.
static bool required_names(struct jsv_compiler *c, struct str **ret_names, uint32_t *ret_count)
{
    const struct json *required = compile_get(c, KW_REQUIRED);
    struct str *names = NULL;
    struct jsv_keys keys;
    uint32_t count = (uint32_t)json_count(required);
    if (required && !compile_names(c, KW_REQUIRED, required, &names))
        return false;
    if (!jsv_keys_build(&c->program->arena, names, count, &keys))
        return compile_no_memory(c);
    for (uint32_t i = 0; i < count; i++)
        if (jsv_keys_find(&keys, names[i].ptr, names[i].len) != i)
            return compile_fail(c, KW_REQUIRED, "a name is there twice");
    *ret_names = names;
    *ret_count = count;
    return true;
}

// Fills `names` and `properties` from `properties`; they have room.
static bool stated_names(struct jsv_compiler *c, const struct json *stated, struct str *names,
                         struct jsv_property *properties)
{
    for (uint32_t count = 0; count < json_count(stated); count++) {
        struct str name = json_name(stated, count);
        names[count] = arena_dup(&c->program->arena, name);
        if (!names[count].ptr)
            return compile_no_memory(c);
        if (!compile_child(c, KW_PROPERTIES, name, json_at(stated, count), &properties[count].block))
            return false;
    }
    return true;
}

// `properties` and `required` as one table: the stated names first, then those that are only required.
static bool compile_keys(struct jsv_compiler *c, struct jsv_object *object)
{
    const struct json *stated = compile_get(c, KW_PROPERTIES);
    struct arena *arena = &c->program->arena;
    struct str *wanted;
    if (stated && !json_is_object(stated))
        return compile_fail(c, KW_PROPERTIES, "it must be an object of schemas");
    if (!required_names(c, &wanted, &object->required))
        return false;
    uint32_t count = (uint32_t)json_count(stated);
    struct str *names = arena_alloc(arena, (count + object->required) * sizeof(*names));
    struct jsv_property *properties = arena_zalloc(arena, (count + object->required) * sizeof(*properties));
    if (!names || !properties)
        return compile_no_memory(c);
    if (!stated_names(c, stated, names, properties))
        return false;
    if (!jsv_keys_build(arena, names, count, &object->keys))
        return compile_no_memory(c);
    for (uint32_t i = 0; i < object->required; i++) {
        uint32_t at = jsv_keys_find(&object->keys, wanted[i].ptr, wanted[i].len);
        if (at == UINT32_MAX) {
            at = count++;
            names[at] = wanted[i];
            properties[at].block = JSV_NONE;
        }
        properties[at].required = true;
    }
    object->properties = properties;
    if (count != object->keys.count && !jsv_keys_build(arena, names, count, &object->keys))
        return compile_no_memory(c);
    return true;
}

static bool compile_patterns(struct jsv_compiler *c, struct jsv_object *object)
{
    const struct json *stated = compile_get(c, KW_PATTERN_PROPERTIES);
    if (!stated)
        return true;
    if (!json_is_object(stated))
        return compile_fail(c, KW_PATTERN_PROPERTIES, "it must be an object of schemas");
    struct jsv_pattern *patterns = arena_alloc(&c->program->arena, json_count(stated) * sizeof(*patterns));
    if (!patterns)
        return compile_no_memory(c);
    for (uint32_t at = 0; at < json_count(stated); at++) {
        struct str text = json_name(stated, at);
        struct jsv_pattern *pattern = &patterns[object->pattern_count];
        uint32_t index;
        if (!compile_regex(c, KW_PATTERN_PROPERTIES, text, &index) ||
            !compile_child(c, KW_PATTERN_PROPERTIES, text, json_at(stated, at), &pattern->block))
            return false;
        pattern->regex = c->program->regexes.at[index];
        object->pattern_count++;
    }
    object->patterns = patterns;
    return true;
}

static bool compile_members(struct jsv_compiler *c)
{
    const struct json *additional = compile_get(c, KW_ADDITIONAL_PROPERTIES),
                      *names = compile_get(c, KW_PROPERTY_NAMES);
    struct jsv_object object = {.additional = JSV_NONE, .names = JSV_NONE};
    if (!compile_get(c, KW_PROPERTIES) && !compile_get(c, KW_REQUIRED) &&
        !compile_get(c, KW_PATTERN_PROPERTIES) && !additional && !names)
        return true;
    if (!compile_keys(c, &object) || !compile_patterns(c, &object))
        return false;
    if (additional && !compile_child(c, KW_ADDITIONAL_PROPERTIES, STR_NULL, additional, &object.additional))
        return false;
    if (names && !compile_child(c, KW_PROPERTY_NAMES, STR_NULL, names, &object.names))
        return false;
    struct jsv_object *item = VEC_PUSH(&c->program->objects);
    if (!item)
        return compile_no_memory(c);
    *item = object;
    return compile_emit(c, OP_OBJECT, KW_PROPERTIES, c->program->objects.count - 1, 0);
}

static bool compile_dependency(struct jsv_compiler *c, enum jsv_keyword keyword, struct str name,
                               const struct json *value)
{
    struct jsv_dependency dependency = {.block = JSV_NONE};
    dependency.name = arena_dup(&c->program->arena, name);
    if (!dependency.name.ptr)
        return compile_no_memory(c);
    if (keyword == KW_DEPENDENT_REQUIRED || (keyword == KW_DEPENDENCIES && json_is_array(value))) {
        struct str *names;
        if (!compile_names(c, keyword, value, &names))
            return false;
        dependency.names = names;
        dependency.name_count = (uint32_t)json_count(value);
    } else if (!compile_child(c, keyword, name, value, &dependency.block) ||
               !compile_jump(c, dependency.block)) {
        return false;
    }
    struct jsv_dependency *item = VEC_PUSH(&c->program->dependencies);
    if (!item)
        return compile_no_memory(c);
    *item = dependency;
    return compile_emit(c, OP_DEPENDENCY, keyword, c->program->dependencies.count - 1, 0);
}

static bool compile_dependencies(struct jsv_compiler *c)
{
    static const enum jsv_keyword keywords[] = {KW_DEPENDENT_REQUIRED, KW_DEPENDENT_SCHEMAS, KW_DEPENDENCIES};
    for (size_t i = 0; i < ARRAY_LEN(keywords); i++) {
        const struct json *map = compile_get(c, keywords[i]);
        if (map && !json_is_object(map))
            return compile_fail(c, keywords[i], "it must be an object");
        for (uint32_t at = 0; at < json_count(map); at++) {
            struct str name = json_name(map, at);
            if (!compile_dependency(c, keywords[i], name, json_at(map, at)))
                return false;
        }
    }
    return true;
}

bool compile_objects(struct jsv_compiler *c)
{
    uint32_t min = 0, max = UINT32_MAX;
    if (!compile_count(c, KW_MIN_PROPERTIES, &min) || !compile_count(c, KW_MAX_PROPERTIES, &max))
        return false;
    if ((min || max != UINT32_MAX) && !compile_emit(c, OP_MEMBERS, KW_MIN_PROPERTIES, min, max))
        return false;
    return compile_members(c) && compile_dependencies(c);
}
