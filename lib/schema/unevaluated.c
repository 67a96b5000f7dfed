// SPDX-License-Identifier: Apache-2.0
// Marking what was evaluated, and running the schema of the rest.
#include "lib/schema/unevaluated.h"

#include "lib/schema/regex.h"
#include "lib/schema/run.h"

static enum jsv_verdict collect(struct jsv_context *c, uint32_t block, const struct json *value,
                                struct jsv_marks *marks);

static void mark(struct jsv_marks *marks, size_t index)
{
    marks->words[index / 64] |= (uint64_t)1 << (index % 64);
}

static size_t marks_words(const struct jsv_marks *marks)
{
    return (marks->count + 63) / 64;
}

// A branch counts if it holds.
static enum jsv_verdict collect_branch(struct jsv_context *c, uint32_t block, const struct json *value,
                                       struct jsv_marks *marks)
{
    enum jsv_verdict verdict = jsv_run(c, block, value);
    if (verdict == JSV_VALID && collect(c, block, value, marks) == JSV_LIMIT)
        return JSV_LIMIT;
    return verdict;
}

static enum jsv_verdict collect_members(struct jsv_context *c, const struct jsv_object *object,
                                        const struct json *value, struct jsv_marks *marks)
{
    if (object->additional != JSV_NONE) {
        marks->all = true;
        return JSV_VALID;
    }
    if (!jsv_take_steps(c, json_count(value)))
        return JSV_LIMIT;
    for (uint32_t index = 0; index < json_count(value); index++) {
        struct str name = json_name(value, index);
        uint32_t found = jsv_keys_find(&object->keys, name.ptr, name.len);
        if (found != UINT32_MAX && object->properties[found].block != JSV_NONE)
            mark(marks, index);
        for (uint32_t i = 0; i < object->pattern_count && !jsv_marked(marks, index); i++) {
            enum jsv_verdict verdict = jsv_search(c, object->patterns[i].regex, name);
            if (verdict == JSV_LIMIT)
                return verdict;
            if (verdict == JSV_VALID)
                mark(marks, index);
        }
    }
    return JSV_VALID;
}

static void collect_elements(const struct jsv_array *array, struct jsv_marks *marks)
{
    marks->all = marks->all || array->rest != JSV_NONE || array->prefix_count >= marks->count;
    for (size_t i = 0; i < array->prefix_count && !marks->all; i++)
        mark(marks, i);
}

static enum jsv_verdict collect_contained(struct jsv_context *c, uint32_t block, const struct json *value,
                                          struct jsv_marks *marks)
{
    for (size_t i = 0; i < marks->count; i++) {
        if (!jsv_take_steps(c, 1))
            return JSV_LIMIT;
        enum jsv_verdict verdict = jsv_run(c, block, json_at(value, i));
        if (verdict == JSV_LIMIT)
            return verdict;
        if (verdict == JSV_VALID)
            mark(marks, i);
    }
    return JSV_VALID;
}

static enum jsv_verdict collect_if(struct jsv_context *c, const uint32_t *blocks, const struct json *value,
                                   struct jsv_marks *marks)
{
    enum jsv_verdict verdict = collect_branch(c, blocks[0], value, marks);
    if (verdict == JSV_LIMIT)
        return verdict;
    uint32_t next = blocks[verdict == JSV_VALID ? 1 : 2];
    return next == JSV_NONE ? JSV_VALID : collect(c, next, value, marks);
}

static enum jsv_verdict collect_branches(struct jsv_context *c, const struct jsv_insn *insn,
                                         const struct json *value, struct jsv_marks *marks)
{
    for (uint32_t i = 0; i < insn->b && !marks->all; i++)
        if (collect_branch(c, c->program->lists.at[insn->a + i], value, marks) == JSV_LIMIT)
            return JSV_LIMIT;
    return JSV_VALID;
}

static enum jsv_verdict collect_insn(struct jsv_context *c, const struct jsv_insn *insn,
                                     const struct json *value, struct jsv_marks *marks)
{
    const struct jsv_program *program = c->program;
    bool object = json_is_object(value);
    switch ((enum jsv_op)insn->op) {
    case OP_OBJECT:
        return object ? collect_members(c, &program->objects.at[insn->a], value, marks) : JSV_VALID;
    case OP_ARRAY:
        if (!object)
            collect_elements(&program->arrays.at[insn->a], marks);
        return JSV_VALID;
    case OP_CONTAINS:
        return object ? JSV_VALID : collect_contained(c, program->contains.at[insn->a].block, value, marks);
    case OP_DEPENDENCY: {
        const struct jsv_dependency *dependency = &program->dependencies.at[insn->a];
        bool applies = object && dependency->block != JSV_NONE && json_get(value, dependency->name);
        return applies ? collect(c, dependency->block, value, marks) : JSV_VALID;
    }
    case OP_REF:
        return collect(c, insn->a, value, marks);
    case OP_ALL_OF:
    case OP_ANY_OF:
    case OP_ONE_OF:
        return collect_branches(c, insn, value, marks);
    case OP_IF:
        return collect_if(c, program->lists.at + insn->a, value, marks);
    case OP_REST_MEMBERS:
        marks->all = marks->all || object;
        return JSV_VALID;
    case OP_REST_ELEMENTS:
        marks->all = marks->all || !object;
        return JSV_VALID;
    default:
        return JSV_VALID;
    }
}

static enum jsv_verdict collect_until(struct jsv_context *c, const struct jsv_block *block,
                                      const struct jsv_insn *end, const struct json *value,
                                      struct jsv_marks *marks)
{
    const struct jsv_insn *insn = c->program->insns.at + block->first;
    enum jsv_verdict verdict = JSV_VALID;
    if (c->frames == c->frames_max || !jsv_take_steps(c, block->count + 1))
        return JSV_LIMIT;
    c->frames++;
    for (; verdict != JSV_LIMIT && !marks->all && insn < end; insn++)
        verdict = collect_insn(c, insn, value, marks);
    c->frames--;
    return verdict == JSV_LIMIT ? verdict : JSV_VALID;
}

// The block holds for the value.
static enum jsv_verdict collect(struct jsv_context *c, uint32_t index, const struct json *value,
                                struct jsv_marks *marks)
{
    const struct jsv_block *block = &c->program->blocks.at[index];
    if (!block->count)
        return JSV_VALID;
    return collect_until(c, block, c->program->insns.at + block->first + block->count, value, marks);
}

enum jsv_verdict jsv_marks_collect(struct jsv_context *c, const struct jsv_insn *insn,
                                   const struct json *value, struct jsv_marks *marks)
{
    size_t count = json_is_object(value) ? json_count(value) : json_count(value);
    *marks = (struct jsv_marks){c->marks + c->marks_used, count, false};
    if (marks_words(marks) > JSV_MARK_WORDS - c->marks_used) {
        marks->count = 0;
        return JSV_LIMIT;
    }
    memset(marks->words, 0, marks_words(marks) * sizeof(*marks->words));
    c->marks_used += (uint32_t)marks_words(marks);
    const struct jsv_block *block = &c->program->blocks.at[insn->b];
    const struct jsv_insn *first = c->program->insns.at + block->first, *end = first + block->count;
    while (end > first && end[-1].op >= OP_REST_MEMBERS)
        end--;
    return collect_until(c, block, end, value, marks);
}

void jsv_marks_release(struct jsv_context *c, const struct jsv_marks *marks)
{
    c->marks_used -= (uint32_t)marks_words(marks);
}

static enum jsv_verdict run_each(struct jsv_context *c, uint32_t block, const struct json *value,
                                 const struct jsv_marks *marks)
{
    enum jsv_verdict verdict = JSV_VALID;
    if (marks->all)
        return verdict;
    if (!jsv_take_steps(c, marks->count))
        return JSV_LIMIT;
    for (size_t i = 0; verdict == JSV_VALID && i < marks->count; i++)
        if (!jsv_marked(marks, i))
            verdict = jsv_run(c, block, json_at(value, i));
    return verdict;
}

enum jsv_verdict jsv_run_rest(struct jsv_context *c, const struct jsv_insn *insn, const struct json *value)
{
    bool applies = insn->op == OP_REST_MEMBERS ? json_is_object(value) : json_is_array(value);
    struct jsv_marks marks;
    if (!applies)
        return JSV_VALID;
    if (c->depth == c->depth_max)
        return JSV_LIMIT;
    c->depth++;
    enum jsv_verdict verdict = jsv_marks_collect(c, insn, value, &marks);
    if (verdict == JSV_VALID)
        verdict = run_each(c, insn->a, value, &marks);
    jsv_marks_release(c, &marks);
    c->depth--;
    return verdict;
}

enum jsv_verdict jsv_is_stated(struct jsv_context *c, const struct jsv_block *block, struct str name)
{
    for (uint32_t i = 0; i < block->count; i++) {
        const struct jsv_insn *insn = c->insns + block->first + i;
        if (insn->op != OP_OBJECT)
            continue;
        const struct jsv_object *object = &c->program->objects.at[insn->a];
        uint32_t found = jsv_keys_find(&object->keys, name.ptr, name.len);
        if (found != UINT32_MAX && object->properties[found].block != JSV_NONE)
            return JSV_VALID;
        for (uint32_t n = 0; n < object->pattern_count; n++) {
            enum jsv_verdict verdict = jsv_search(c, object->patterns[n].regex, name);
            if (verdict != JSV_INVALID)
                return verdict;
        }
    }
    return JSV_INVALID;
}

enum jsv_verdict jsv_run_others(struct jsv_context *c, const struct jsv_insn *insn, const struct json *value)
{
    const struct jsv_block *block = &c->blocks[insn->b];
    enum jsv_verdict verdict = JSV_VALID;
    if (!json_is_object(value))
        return JSV_VALID;
    if (c->depth == c->depth_max || !jsv_take_steps(c, json_count(value)))
        return JSV_LIMIT;
    c->depth++;
    for (uint32_t at = 0; at < json_count(value) && verdict == JSV_VALID; at++) {
        enum jsv_verdict stated = jsv_is_stated(c, block, json_name(value, at));
        verdict = stated == JSV_INVALID ? jsv_run(c, insn->a, json_at(value, at)) : stated;
    }
    c->depth--;
    return verdict;
}
