// SPDX-License-Identifier: Apache-2.0
// Keywords that hand the same instance on to other schemas, and the check that this ends.
#include "lib/schema/compile.h"

static bool compile_branches(struct jsv_compiler *c, enum jsv_op op, enum jsv_keyword keyword)
{
    const struct json *list = compile_get(c, keyword);
    uint32_t first, count = (uint32_t)json_count(list);
    if (!list)
        return true;
    if (!compile_list(c, keyword, list, &first))
        return false;
    for (uint32_t i = 0; i < count; i++)
        if (!compile_jump(c, c->program->lists.at[first + i]))
            return false;
    return compile_emit(c, op, keyword, first, count);
}

static bool compile_not(struct jsv_compiler *c)
{
    const struct json *schema = compile_get(c, KW_NOT);
    uint32_t block;
    return !schema || (compile_child(c, KW_NOT, STR_NULL, schema, &block) && compile_jump(c, block) &&
                       compile_emit(c, OP_NOT, KW_NOT, block, 0));
}

// Without `if`, `then` and `else` say nothing. Without both, `if` matters only to unevaluated…, in 2020-12.
static bool compile_if(struct jsv_compiler *c)
{
    static const enum jsv_keyword keywords[] = {KW_IF, KW_THEN, KW_ELSE};
    uint32_t first = c->program->lists.count, blocks[ARRAY_LEN(keywords)];
    if (!compile_get(c, KW_IF))
        return true;
    if (c->dialect == JSV_DRAFT_07 && !compile_get(c, KW_THEN) && !compile_get(c, KW_ELSE))
        return true;
    for (size_t i = 0; i < ARRAY_LEN(keywords); i++) {
        const struct json *schema = compile_get(c, keywords[i]);
        blocks[i] = JSV_NONE;
        if (schema &&
            (!compile_child(c, keywords[i], STR_NULL, schema, &blocks[i]) || !compile_jump(c, blocks[i])))
            return false;
    }
    for (size_t i = 0; i < ARRAY_LEN(keywords); i++) {
        uint32_t *item = VEC_PUSH(&c->program->lists);
        if (!item)
            return compile_no_memory(c);
        *item = blocks[i];
    }
    return compile_emit(c, OP_IF, KW_IF, first, 0);
}

bool compile_logic(struct jsv_compiler *c)
{
    return compile_branches(c, OP_ALL_OF, KW_ALL_OF) && compile_branches(c, OP_ANY_OF, KW_ANY_OF) &&
           compile_branches(c, OP_ONE_OF, KW_ONE_OF) && compile_not(c) && compile_if(c);
}

static bool compile_ref(struct jsv_compiler *c, enum jsv_keyword keyword)
{
    const struct json *value = compile_get(c, keyword);
    uint32_t subschema, block;
    struct err why;
    if (!value)
        return true;
    if (!json_is_string(value))
        return compile_fail(c, keyword, "it must be a URI");
    struct str text = json_text(value);
    if (!jsv_registry_resolve(c->registry, c->resource, text, &subschema, &why))
        return compile_fail(c, keyword, "%s", why.text);
    if (keyword == KW_DYNAMIC_REF)
        subschema = compile_dynamic_target(c, subschema, text);
    return compile_target(c, subschema, &block) && compile_jump(c, block) &&
           compile_emit(c, OP_REF, keyword, block, 0);
}

bool compile_reference(struct jsv_compiler *c)
{
    return compile_ref(c, KW_REF) && compile_ref(c, KW_DYNAMIC_REF);
}

static bool compile_rest(struct jsv_compiler *c, enum jsv_keyword keyword, enum jsv_op op)
{
    const struct json *schema = compile_get(c, keyword);
    uint32_t block;
    return !schema || (compile_child(c, keyword, STR_NULL, schema, &block) &&
                       compile_emit(c, op, keyword, block, c->block));
}

bool compile_unevaluated(struct jsv_compiler *c)
{
    return compile_rest(c, KW_UNEVALUATED_PROPERTIES, OP_REST_MEMBERS) &&
           compile_rest(c, KW_UNEVALUATED_ITEMS, OP_REST_ELEMENTS);
}

// Where each block's jumps start; they were recorded block by block.
static uint32_t *first_jumps(const struct jsv_compiler *c)
{
    uint32_t blocks = c->program->blocks.count, *first = malloc((blocks + 1) * sizeof(*first));
    uint32_t at = 0;
    for (uint32_t i = 0; first && i <= blocks; i++) {
        first[i] = at;
        while (at < c->jumps.count && c->jumps.at[at].from == i)
            at++;
    }
    return first;
}

// Depth first without recursion. `cursor` is a block's next jump; a block on the path has `open` set.
static uint32_t find_cycle(const struct jsv_compiler *c, uint32_t *cursor, const uint32_t *first,
                           uint32_t *path, bool *open)
{
    for (uint32_t root = 0; root < c->program->blocks.count; root++) {
        uint32_t depth = 0;
        if (cursor[root] != first[root])
            continue; // seen: it has jumps, and they were followed
        path[depth++] = root;
        open[root] = true;
        while (depth) {
            uint32_t block = path[depth - 1];
            if (cursor[block] == first[block + 1]) {
                open[block] = false;
                depth--;
                continue;
            }
            uint32_t to = c->jumps.at[cursor[block]++].to;
            if (open[to])
                return to;
            if (cursor[to] == first[to] && first[to] != first[to + 1]) {
                path[depth++] = to;
                open[to] = true;
            }
        }
    }
    return JSV_NONE;
}

bool compile_check_jumps(struct jsv_compiler *c)
{
    uint32_t blocks = c->program->blocks.count;
    uint32_t *first = first_jumps(c);
    uint32_t *cursor = malloc((blocks + 1) * sizeof(*cursor));
    uint32_t *path = malloc(blocks * sizeof(*path));
    bool *open = calloc(blocks, sizeof(*open));
    bool ok = first && cursor && path && open;
    if (!ok) {
        compile_no_memory(c);
    } else {
        memcpy(cursor, first, (blocks + 1) * sizeof(*cursor));
        uint32_t on_cycle = find_cycle(c, cursor, first, path, open);
        ok = on_cycle == JSV_NONE;
        if (!ok) {
            c->subschema = c->sources.at[on_cycle].subschema;
            compile_fail(c, KW_COUNT,
                         "the schema refers to itself for the same value, so it cannot be decided");
        }
    }
    free(first);
    free(cursor);
    free(path);
    free(open);
    return ok;
}
