// SPDX-License-Identifier: Apache-2.0
// The lifetime of a program, and growing arrays.
#include "lib/schema/program.h"

#include "lib/schema/regex.h"

void *jsv_vec_push(void *items, uint32_t *count, uint32_t *capacity, size_t size)
{
    char *at;
    memcpy(&at, items, sizeof(at));
    if (*count == *capacity) {
        uint32_t grown = *capacity ? *capacity * 2 : 8;
        if (grown > VEC_CEILING)
            return NULL;
        at = realloc(at, grown * size);
        if (!at)
            return NULL;
        memcpy(items, &at, sizeof(at));
        *capacity = grown;
    }
    return memset(at + size * (*count)++, 0, size);
}

static atomic_uint_fast64_t last_id;

struct jsv_program *jsv_program_new(void)
{
    struct jsv_program *program = calloc(1, sizeof(*program));
    if (!program)
        return NULL;
    atomic_init(&program->refs, 1);
    program->id = (uint64_t)atomic_fetch_add_explicit(&last_id, 1, memory_order_relaxed) + 1;
    program->salt = program->id * 89;
    arena_init(&program->arena, 4096, JSV_PROGRAM_SIZE);
    return program;
}

struct jsv_program *jsv_program_ref(struct jsv_program *program)
{
    atomic_fetch_add_explicit(&program->refs, 1, memory_order_relaxed);
    return program;
}

void jsv_program_unref(struct jsv_program *program)
{
    if (!program || atomic_fetch_sub_explicit(&program->refs, 1, memory_order_acq_rel) != 1)
        return;
    for (uint32_t i = 0; i < program->regexes.count; i++)
        jsv_regex_free(program->regexes.at[i]);
    VEC_FREE(&program->blocks);
    VEC_FREE(&program->insns);
    VEC_FREE(&program->fast_blocks);
    VEC_FREE(&program->fast_insns);
    VEC_FREE(&program->switches);
    VEC_FREE(&program->lists);
    VEC_FREE(&program->values);
    VEC_FREE(&program->enums);
    VEC_FREE(&program->ranges);
    VEC_FREE(&program->divisors);
    VEC_FREE(&program->regexes);
    VEC_FREE(&program->objects);
    VEC_FREE(&program->arrays);
    VEC_FREE(&program->contains);
    VEC_FREE(&program->dependencies);
    arena_release(&program->arena);
    free(program);
}

static const uint8_t op_types[OP_COUNT] = {
    [OP_INTEGRAL] = TYPE_BIT(JSON_REAL),
    [OP_CONST] = TYPE_ANY,
    [OP_ENUM] = TYPE_ANY,
    [OP_RANGE] = TYPE_NUMBER,
    [OP_LENGTH] = TYPE_BIT(JSON_STRING),
    [OP_ITEMS] = TYPE_BIT(JSON_ARRAY),
    [OP_MEMBERS] = TYPE_BIT(JSON_OBJECT),
    [OP_MULTIPLE] = TYPE_NUMBER,
    [OP_FORMAT] = TYPE_BIT(JSON_STRING),
    [OP_PATTERN] = TYPE_BIT(JSON_STRING),
    [OP_DEPENDENCY] = TYPE_BIT(JSON_OBJECT),
    [OP_OBJECT] = TYPE_BIT(JSON_OBJECT),
    [OP_ARRAY] = TYPE_BIT(JSON_ARRAY),
    [OP_REF] = TYPE_ANY,
    [OP_ALL_OF] = TYPE_ANY,
    [OP_ANY_OF] = TYPE_ANY,
    [OP_ONE_OF] = TYPE_ANY,
    [OP_NOT] = TYPE_ANY,
    [OP_IF] = TYPE_ANY,
    [OP_CONTAINS] = TYPE_BIT(JSON_ARRAY),
    [OP_UNIQUE] = TYPE_BIT(JSON_ARRAY),
    [OP_REST_MEMBERS] = TYPE_BIT(JSON_OBJECT),
    [OP_REST_ELEMENTS] = TYPE_BIT(JSON_ARRAY),
    [OP_OTHER_MEMBERS] = TYPE_BIT(JSON_OBJECT),
    [OP_SWITCH_TYPE] = TYPE_ANY,
    [OP_SWITCH_KEY] = TYPE_ANY,
};

unsigned jsv_op_types(unsigned op)
{
    return op_types[op];
}

void jsv_sort_insns(struct jsv_insn *insns, uint32_t count)
{
    for (uint32_t i = 1; i < count; i++) {
        struct jsv_insn insn = insns[i];
        uint32_t at = i;
        for (; at && insns[at - 1].op > insn.op; at--)
            insns[at] = insns[at - 1];
        insns[at] = insn;
    }
}
