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

struct jsv_program *jsv_program_new(void)
{
    struct jsv_program *program = calloc(1, sizeof(*program));
    if (!program)
        return NULL;
    atomic_init(&program->refs, 1);
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
    for (uint32_t i = 0; i < program->values.count; i++)
        json_decref(program->values.at[i]);
    for (uint32_t i = 0; i < program->regexes.count; i++)
        jsv_regex_free(program->regexes.at[i]);
    VEC_FREE(&program->blocks);
    VEC_FREE(&program->insns);
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
