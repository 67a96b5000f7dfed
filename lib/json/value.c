// SPDX-License-Identifier: Apache-2.0
// Looking up members, and copies.
#include "lib/json/value.h"

#include "lib/json/build.h"
#include "lib/json/shapes.h"

const struct json *json_get(const struct json *object, struct str name)
{
    if (!json_is_object(object))
        return NULL;
    uint32_t at = json_shape_find(json_shape_of(object), name);
    return at == JSON_NOT_FOUND ? NULL : &object->values[at];
}

static bool copy_names(struct arena *arena, const struct json *object, const struct json_shape **ret_shape)
{
    struct str *names = arena_alloc(arena, object->size * sizeof(*names));
    for (uint32_t i = 0; names && i < object->size; i++) {
        names[i] = arena_dup(arena, json_name(object, i));
        if (!names[i].ptr)
            names = NULL;
    }
    return names && json_shape_make(arena, names, object->size, ret_shape) && *ret_shape;
}

bool json_copy_into(struct arena *arena, const struct json *value, struct json *ret_copy)
{
    *ret_copy = *value;
    if (json_is_string(value)) {
        ret_copy->text = arena_dup(arena, json_text(value)).ptr;
        return ret_copy->text != NULL;
    }
    if (!json_is_object(value) && !json_is_array(value))
        return true;
    const struct json_shape *shape = NULL;
    if (json_is_object(value) && !copy_names(arena, value, &shape))
        return false;
    struct json *values = json_build_container(arena, value->values, value->size, shape, 0);
    for (uint32_t i = 0; values && i < value->size; i++)
        if (!json_copy_into(arena, &value->values[i], &values[i]))
            return false;
    ret_copy->values = values;
    return values != NULL;
}
