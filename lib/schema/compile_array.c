// SPDX-License-Identifier: Apache-2.0
// Keywords that look at an array's elements.
#include "lib/schema/compile.h"

// The two dialects spell it differently: a tuple is `items` and what follows `additionalItems` in draft-07,
// `prefixItems` and `items` in 2020-12.
static bool compile_elements(struct jsv_compiler *c)
{
    const struct json *items = compile_get(c, KW_ITEMS), *prefix = compile_get(c, KW_PREFIX_ITEMS),
                      *rest = items;
    struct jsv_array array = {.rest = JSV_NONE, .prefix_keyword = KW_PREFIX_ITEMS, .rest_keyword = KW_ITEMS};
    if (c->dialect == JSV_DRAFT_07 && json_is_array(items)) {
        prefix = items;
        rest = compile_get(c, KW_ADDITIONAL_ITEMS);
        array.prefix_keyword = KW_ITEMS;
        array.rest_keyword = KW_ADDITIONAL_ITEMS;
    }
    if (!prefix && !rest)
        return true;
    if (prefix) {
        if (!compile_list(c, (enum jsv_keyword)array.prefix_keyword, prefix, &array.prefix))
            return false;
        array.prefix_count = (uint32_t)json_count(prefix);
    }
    if (rest && !compile_child(c, (enum jsv_keyword)array.rest_keyword, STR_NULL, rest, &array.rest))
        return false;
    struct jsv_array *item = VEC_PUSH(&c->program->arrays);
    if (!item)
        return compile_no_memory(c);
    *item = array;
    return compile_emit(c, OP_ARRAY, (enum jsv_keyword)array.rest_keyword, c->program->arrays.count - 1, 0);
}

static bool compile_contains(struct jsv_compiler *c)
{
    const struct json *schema = compile_get(c, KW_CONTAINS);
    struct jsv_contains contains = {.min = 1, .max = UINT32_MAX};
    if (!compile_count(c, KW_MIN_CONTAINS, &contains.min) ||
        !compile_count(c, KW_MAX_CONTAINS, &contains.max))
        return false;
    if (!schema)
        return true;
    contains.min_stated = compile_get(c, KW_MIN_CONTAINS) != NULL;
    if (!compile_child(c, KW_CONTAINS, STR_NULL, schema, &contains.block))
        return false;
    struct jsv_contains *item = VEC_PUSH(&c->program->contains);
    if (!item)
        return compile_no_memory(c);
    *item = contains;
    return compile_emit(c, OP_CONTAINS, KW_CONTAINS, c->program->contains.count - 1, 0);
}

bool compile_arrays(struct jsv_compiler *c)
{
    uint32_t min = 0, max = UINT32_MAX;
    const struct json *unique = compile_get(c, KW_UNIQUE_ITEMS);
    if (!compile_count(c, KW_MIN_ITEMS, &min) || !compile_count(c, KW_MAX_ITEMS, &max))
        return false;
    if ((min || max != UINT32_MAX) && !compile_emit(c, OP_ITEMS, KW_MIN_ITEMS, min, max))
        return false;
    if (unique && !json_is_boolean(unique))
        return compile_fail(c, KW_UNIQUE_ITEMS, "it must be a boolean");
    if (json_is_true(unique) && !compile_emit(c, OP_UNIQUE, KW_UNIQUE_ITEMS, 0, 0))
        return false;
    return compile_elements(c) && compile_contains(c);
}
