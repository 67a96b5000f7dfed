// SPDX-License-Identifier: Apache-2.0
// The fast program: for a verdict only, so locations need not survive.
//
// First every block takes in what it hands its instance on to unconditionally ($ref, allOf), as long as that
// is small and does not recurse, and loses instructions for types it does not admit. Then an anyOf or oneOf
// whose branches cannot hold together becomes a switch: by the instance's type, or, for an object, by a
// member that every branch requires to be one of its own strings.
#include "lib/schema/compile.h"

#define NESTING   8  // of blocks taken in
#define INSNS_MAX 48 // of a block that takes in others

struct fusion {
    struct jsv_compiler *c;
    struct jsv_program *program;
    uint32_t taken[NESTING];
    unsigned depth;
    unsigned types;
    uint32_t first;
};

static bool emit(struct fusion *f, const struct jsv_insn *insn)
{
    struct jsv_insn *item = VEC_PUSH(&f->program->fast_insns);
    if (!item)
        return compile_no_memory(f->c);
    *item = *insn;
    return true;
}

static bool may_take(const struct fusion *f, uint32_t index)
{
    const struct jsv_block *block = &f->program->blocks.at[index];
    if (f->depth == NESTING || f->program->fast_insns.count - f->first + block->count > INSNS_MAX)
        return false;
    for (unsigned i = 0; i < f->depth; i++)
        if (f->taken[i] == index)
            return false;
    // unevaluated… belongs to the block it stands in.
    return !block->count || f->program->insns.at[block->first + block->count - 1].op < OP_REST_MEMBERS;
}

static bool take(struct fusion *f, uint32_t index);

static bool take_or_call(struct fusion *f, uint32_t index)
{
    struct jsv_insn call = {.op = OP_REF, .keyword = KW_REF, .a = index};
    return may_take(f, index) ? take(f, index) : emit(f, &call);
}

static bool take(struct fusion *f, uint32_t index)
{
    const struct jsv_block *block = &f->program->blocks.at[index];
    bool ok = true;
    f->types &= block->types;
    f->taken[f->depth++] = index;
    for (uint32_t i = 0; ok && i < block->count; i++) {
        const struct jsv_insn *insn = &f->program->insns.at[block->first + i];
        if (insn->op == OP_REF)
            ok = take_or_call(f, insn->a);
        else if (insn->op == OP_ALL_OF)
            for (uint32_t n = 0; ok && n < insn->b; n++)
                ok = take_or_call(f, f->program->lists.at[insn->a + n]);
        else
            ok = emit(f, insn);
    }
    f->depth--;
    return ok;
}

// unevaluatedProperties needs no marks if what is evaluated does not depend on the instance: then it is an
// additionalProperties that looks at more than its siblings.
static void find_others(const struct jsv_program *program, const struct jsv_block *block)
{
    struct jsv_insn *rest = NULL;
    for (uint32_t i = 0; i < block->count; i++) {
        struct jsv_insn *insn = &program->fast_insns.at[block->first + i];
        if (insn->op == OP_REST_MEMBERS)
            rest = insn;
        else if (insn->op >= OP_REF && insn->op <= OP_IF && insn->op != OP_NOT)
            return;
        else if (insn->op == OP_DEPENDENCY && program->dependencies.at[insn->a].block != JSV_NONE)
            return;
        else if (insn->op == OP_OBJECT && program->objects.at[insn->a].additional != JSV_NONE)
            return;
    }
    if (rest)
        rest->op = OP_OTHER_MEMBERS;
}

// Bounds of integers, or of lengths, and nothing else.
static void find_quick(const struct jsv_program *program, struct jsv_block *block)
{
    if (block->count < 1 || block->count > 2)
        return;
    const struct jsv_insn *insn = &program->fast_insns.at[block->first];
    if (block->count == 2 && insn->op == OP_INTEGRAL)
        insn++; // of no concern to an integer
    else if (block->count == 2)
        return;
    if (insn->op == OP_RANGE) {
        block->quick = TYPE_BIT(JSON_INTEGER);
        block->low = program->ranges.at[insn->a].low;
        block->high = program->ranges.at[insn->a].high;
    } else if (insn->op == OP_LENGTH && block->count == 1) {
        block->quick = TYPE_BIT(JSON_STRING);
        block->low = insn->a;
        block->high = insn->b;
    }
}

static bool fuse_block(struct fusion *f, uint32_t index)
{
    struct jsv_program *program = f->program;
    struct jsv_block fast = program->blocks.at[index];
    uint32_t kept = program->fast_insns.count;
    f->types = TYPE_ANY;
    f->first = fast.first = kept;
    if (!take(f, index))
        return false;
    fast.types = (uint8_t)f->types;
    fast.work = 0;
    fast.leaf = true;
    for (uint32_t i = f->first; i < program->fast_insns.count; i++) {
        struct jsv_insn insn = program->fast_insns.at[i];
        if (!(jsv_op_types(insn.op) & f->types))
            continue;
        fast.work |= (uint8_t)jsv_op_types(insn.op);
        fast.leaf = fast.leaf && jsv_op_is_leaf(insn.op);
        program->fast_insns.at[kept++] = insn;
    }
    program->fast_insns.count = kept;
    fast.count = kept - fast.first;
    if (fast.count)
        jsv_sort_insns(program->fast_insns.at + fast.first, fast.count);
    find_quick(program, &fast);
    find_others(program, &fast);
    struct jsv_block *item = VEC_PUSH(&program->fast_blocks);
    if (!item)
        return compile_no_memory(f->c);
    *item = fast;
    return true;
}

static bool switch_types(struct fusion *f, struct jsv_insn *insn)
{
    struct jsv_program *program = f->program;
    uint32_t branches[8], first = program->lists.count;
    for (unsigned type = 0; type < ARRAY_LEN(branches); type++) {
        branches[type] = JSV_NONE;
        for (uint32_t i = 0; i < insn->b; i++) {
            uint32_t block = program->lists.at[insn->a + i];
            if (!(program->fast_blocks.at[block].types & TYPE_BIT(type)))
                continue;
            if (branches[type] != JSV_NONE)
                return true; // two that may hold together
            branches[type] = block;
        }
    }
    for (unsigned type = 0; type < ARRAY_LEN(branches); type++) {
        uint32_t *item = VEC_PUSH(&program->lists);
        if (!item)
            return compile_no_memory(f->c);
        *item = branches[type];
    }
    *insn = (struct jsv_insn){.op = OP_SWITCH_TYPE, .keyword = insn->keyword, .a = first};
    return true;
}

// The strings that a block admits and nothing else, appended to `names`; false if it is not so.
static bool strings_of(const struct jsv_program *program, uint32_t index, struct str *names, uint32_t *count,
                       uint32_t max)
{
    const struct jsv_block *block = &program->fast_blocks.at[index];
    for (uint32_t i = 0; i < block->count; i++) {
        const struct jsv_insn *insn = &program->fast_insns.at[block->first + i];
        if (insn->op == OP_CONST && json_is_string(program->values.at[insn->a]) && *count < max) {
            const struct json *value = program->values.at[insn->a];
            names[(*count)++] = json_text(value);
            return true;
        }
        const struct jsv_enum *list = insn->op == OP_ENUM ? &program->enums.at[insn->a] : NULL;
        if (list && !list->count && list->strings.count && *count + list->strings.count <= max) {
            for (uint32_t n = 0; n < list->strings.count; n++)
                names[(*count)++] = (struct str){list->strings.keys[n].ptr, list->strings.keys[n].len};
            return true;
        }
    }
    return false;
}

// What a branch wants of the member `key`, where its instance is of `types`: that it is there, and which
// strings it may be.
static bool wants(const struct jsv_program *program, unsigned types, uint32_t branch, struct str key,
                  struct str *names, uint32_t *count, uint32_t max)
{
    const struct jsv_block *block = &program->fast_blocks.at[branch];
    bool required = false, strings = false;
    if ((block->types & types) != TYPE_BIT(JSON_OBJECT))
        return false;
    for (uint32_t i = 0; i < block->count; i++) {
        const struct jsv_insn *insn = &program->fast_insns.at[block->first + i];
        const struct jsv_object *object = insn->op == OP_OBJECT ? &program->objects.at[insn->a] : NULL;
        uint32_t at = object ? jsv_keys_find(&object->keys, key.ptr, key.len) : UINT32_MAX;
        if (at == UINT32_MAX)
            continue;
        required = required || object->properties[at].required;
        if (!strings && object->properties[at].block != JSV_NONE)
            strings = strings_of(program, object->properties[at].block, names, count, max);
    }
    return required && strings;
}

#define SWITCH_NAMES 256

static bool switch_key(struct fusion *f, struct jsv_insn *insn, struct str key)
{
    struct jsv_program *program = f->program;
    struct str names[SWITCH_NAMES];
    uint32_t blocks[SWITCH_NAMES], count = 0;
    for (uint32_t i = 0; i < insn->b; i++) {
        uint32_t block = program->lists.at[insn->a + i], before = count;
        if (!wants(program, f->types, block, key, names, &count, SWITCH_NAMES))
            return true;
        for (; before < count; before++)
            blocks[before] = block;
    }
    struct jsv_switch result = {.key = key};
    struct arena *arena = &program->arena;
    uint32_t *kept = arena_alloc(arena, count * sizeof(*kept));
    if (!kept || !jsv_keys_build(arena, names, count, &result.values))
        return compile_no_memory(f->c);
    for (uint32_t i = 0; i < count; i++) {
        kept[i] = blocks[i];
        uint32_t found = jsv_keys_find(&result.values, names[i].ptr, names[i].len);
        if (blocks[found] != blocks[i])
            return true; // two branches want the same string
    }
    result.blocks = kept;
    struct jsv_switch *item = VEC_PUSH(&program->switches);
    if (!item)
        return compile_no_memory(f->c);
    *item = result;
    *insn =
        (struct jsv_insn){.op = OP_SWITCH_KEY, .keyword = insn->keyword, .a = program->switches.count - 1};
    return true;
}

// Tries each member that the first branch knows.
static bool switch_keys(struct fusion *f, struct jsv_insn *insn)
{
    const struct jsv_program *program = f->program;
    const struct jsv_block *branch = &program->fast_blocks.at[program->lists.at[insn->a]];
    for (uint32_t i = 0; i < branch->count; i++) {
        const struct jsv_insn *at = &program->fast_insns.at[branch->first + i];
        const struct jsv_keys *keys = at->op == OP_OBJECT ? &program->objects.at[at->a].keys : NULL;
        for (uint32_t n = 0; keys && n < keys->count && insn->op != OP_SWITCH_KEY; n++)
            if (!switch_key(f, insn, (struct str){keys->keys[n].ptr, keys->keys[n].len}))
                return false;
    }
    return true;
}

static bool switch_block(struct fusion *f, const struct jsv_block *block)
{
    struct jsv_program *program = f->program;
    f->types = block->types;
    for (uint32_t i = 0; i < block->count; i++) {
        struct jsv_insn *insn = &program->fast_insns.at[block->first + i];
        program->branches = program->branches || (insn->op >= OP_ANY_OF && insn->op <= OP_IF);
        if (insn->op != OP_ANY_OF && insn->op != OP_ONE_OF)
            continue;
        if (!switch_types(f, insn) || (insn->op != OP_SWITCH_TYPE && !switch_keys(f, insn)))
            return false;
    }
    return true;
}

bool compile_fast(struct jsv_compiler *c)
{
    struct fusion f = {.c = c, .program = c->program};
    for (uint32_t i = 0; i < c->program->blocks.count; i++)
        if (!fuse_block(&f, i))
            return false;
    for (uint32_t i = 0; i < c->program->fast_blocks.count; i++)
        if (!switch_block(&f, &c->program->fast_blocks.at[i]))
            return false;
    return true;
}
