// SPDX-License-Identifier: Apache-2.0
// The verdict: runs a program over an instance, stopping at the first failure, allocating nothing.
#include "lib/schema/run.h"

#include "lib/schema/equal.h"
#include "lib/schema/unevaluated.h"

static enum jsv_verdict run_block(struct jsv_context *c, const struct jsv_block *block,
                                  const struct json *value);
static enum jsv_verdict recall_block(struct jsv_context *c, uint32_t index, const struct json *value);

static inline enum jsv_verdict run_quick(struct jsv_context *c, const struct jsv_block *block,
                                         const struct json *value)
{
    if (json_is_integer(value)) {
        int64_t v = value->integer;
        return jsv_verdict_of(v >= block->low && v <= block->high);
    }
    struct str text = jsv_text(c, value);
    // Bytes bound code points from above, a quarter of them from below.
    if ((int64_t)text.len <= block->high && (int64_t)(text.len + 3) / 4 >= block->low)
        return JSV_VALID;
    return jsv_verdict_of(jsv_length_holds(text, (uint32_t)block->low, (uint32_t)block->high));
}

// The part of a block that needs no call.
static inline enum jsv_verdict check(struct jsv_context *c, uint32_t index, const struct json *value)
{
    const struct jsv_block *block = &c->blocks[index];
    unsigned bit = TYPE_BIT(value ? value->type : JSON_STRING);
    if (!(block->types & bit))
        return JSV_INVALID;
    if (!(block->work & bit))
        return JSV_VALID;
    if (block->quick & bit)
        return run_quick(c, block, value);
    if (block->leaf)
        return jsv_run_leaf(c, block, value);
    if (c->depth >= JSV_MEMO_DEPTH && c->memorise && value)
        return recall_block(c, index, value);
    return run_block(c, block, value);
}

static enum jsv_verdict run_dependency(struct jsv_context *c, const struct jsv_dependency *dependency,
                                       const struct json *value)
{
    if (!json_get(value, dependency->name))
        return JSV_VALID;
    if (!jsv_take_steps(c, dependency->name_count))
        return JSV_LIMIT;
    for (uint32_t i = 0; i < dependency->name_count; i++)
        if (!json_get(value, dependency->names[i]))
            return JSV_INVALID;
    return dependency->block == JSV_NONE ? JSV_VALID : check(c, dependency->block, value);
}

// A member that `properties` does not state, or that patterns may speak of as well.
static enum jsv_verdict run_unstated(struct jsv_context *c, const struct jsv_object *object, struct str name,
                                     const struct json *value, bool stated)
{
    bool matched = stated;
    enum jsv_verdict verdict;
    for (uint32_t i = 0; i < object->pattern_count; i++) {
        verdict = jsv_search(c, object->patterns[i].regex, name);
        if (verdict == JSV_LIMIT)
            return verdict;
        if (verdict == JSV_INVALID)
            continue;
        matched = true;
        verdict = check(c, object->patterns[i].block, value);
        if (verdict != JSV_VALID)
            return verdict;
    }
    return matched || object->additional == JSV_NONE ? JSV_VALID : check(c, object->additional, value);
}

static enum jsv_verdict run_name(struct jsv_context *c, uint32_t block, struct str name)
{
    c->name = name; // a string has no members, so this cannot nest
    return check(c, block, NULL);
}

static enum jsv_verdict run_members(struct jsv_context *c, const struct jsv_object *object,
                                    const struct json *value)
{
    uint32_t missing = object->required, size = json_count(value);
    uint32_t guess = 0;
    bool open = !object->pattern_count && object->additional == JSV_NONE;
    if (size < missing)
        return JSV_INVALID;
    if (!jsv_take_steps(c, size))
        return JSV_LIMIT;
    for (uint32_t i = 0; i < size; i++) {
        struct str name = json_name(value, i);
        uint32_t found = jsv_keys_guess(&object->keys, guess, name.ptr, name.len);
        enum jsv_verdict verdict = JSV_VALID;
        bool stated = false;
        if (found != UINT32_MAX) {
            const struct jsv_property *property = &object->properties[found];
            missing -= property->required;
            guess = found + 1;
            stated = property->block != JSV_NONE;
            if (stated)
                verdict = check(c, property->block, json_at(value, i));
        }
        if (verdict == JSV_VALID && !open && (!stated || object->pattern_count))
            verdict = run_unstated(c, object, name, json_at(value, i), stated);
        if (verdict == JSV_VALID && object->names != JSV_NONE)
            verdict = run_name(c, object->names, name);
        if (verdict != JSV_VALID)
            return verdict;
    }
    return jsv_verdict_of(!missing);
}

static enum jsv_verdict run_elements(struct jsv_context *c, const struct jsv_array *array,
                                     const struct json *value)
{
    size_t count = json_count(value);
    if (array->rest == JSV_NONE)
        count = MIN(count, array->prefix_count);
    if (!jsv_take_steps(c, count))
        return JSV_LIMIT;
    for (size_t i = 0; i < count; i++) {
        uint32_t block = i < array->prefix_count ? c->program->lists.at[array->prefix + i] : array->rest;
        enum jsv_verdict verdict = check(c, block, json_at(value, i));
        if (verdict != JSV_VALID)
            return verdict;
    }
    return JSV_VALID;
}

enum jsv_verdict jsv_count_contained(struct jsv_context *c, const struct jsv_contains *contains,
                                     const struct json *array, uint32_t *ret_count)
{
    uint32_t count = 0;
    bool bounded = contains->max != UINT32_MAX;
    if (!jsv_take_steps(c, json_count(array)))
        return JSV_LIMIT;
    for (size_t i = 0; i < json_count(array); i++) {
        if (bounded ? count > contains->max : count >= contains->min)
            break;
        enum jsv_verdict verdict = check(c, contains->block, json_at(array, i));
        if (verdict == JSV_LIMIT)
            return verdict;
        count += verdict == JSV_VALID;
    }
    *ret_count = count;
    return JSV_VALID;
}

static enum jsv_verdict run_contains(struct jsv_context *c, const struct jsv_contains *contains,
                                     const struct json *value)
{
    uint32_t count;
    enum jsv_verdict verdict = jsv_count_contained(c, contains, value, &count);
    return verdict == JSV_VALID ? jsv_verdict_of(count >= contains->min && count <= contains->max) : verdict;
}

// Into the members or elements of a container.
static enum jsv_verdict run_inside(struct jsv_context *c, const struct jsv_insn *insn,
                                   const struct json *value)
{
    enum jsv_verdict verdict;
    if (c->depth == c->depth_max)
        return JSV_LIMIT;
    c->depth++;
    if (insn->op == OP_OBJECT)
        verdict = run_members(c, &c->program->objects.at[insn->a], value);
    else if (insn->op == OP_ARRAY)
        verdict = run_elements(c, &c->program->arrays.at[insn->a], value);
    else
        verdict = run_contains(c, &c->program->contains.at[insn->a], value);
    c->depth--;
    return verdict;
}

static enum jsv_verdict run_all_of(struct jsv_context *c, const uint32_t *blocks, uint32_t count,
                                   const struct json *value)
{
    enum jsv_verdict verdict = JSV_VALID;
    for (uint32_t i = 0; verdict == JSV_VALID && i < count; i++)
        verdict = check(c, blocks[i], value);
    return verdict;
}

static enum jsv_verdict run_any_of(struct jsv_context *c, const uint32_t *blocks, uint32_t count,
                                   const struct json *value)
{
    enum jsv_verdict verdict = JSV_INVALID;
    for (uint32_t i = 0; verdict == JSV_INVALID && i < count; i++)
        verdict = check(c, blocks[i], value);
    return verdict;
}

static enum jsv_verdict run_one_of(struct jsv_context *c, const uint32_t *blocks, uint32_t count,
                                   const struct json *value)
{
    unsigned held = 0;
    for (uint32_t i = 0; held < 2 && i < count; i++) {
        enum jsv_verdict verdict = check(c, blocks[i], value);
        if (verdict == JSV_LIMIT)
            return verdict;
        held += verdict == JSV_VALID;
    }
    return jsv_verdict_of(held == 1);
}

static enum jsv_verdict run_if(struct jsv_context *c, const uint32_t *blocks, const struct json *value)
{
    if (blocks[1] == JSV_NONE && blocks[2] == JSV_NONE)
        return JSV_VALID;
    enum jsv_verdict verdict = check(c, blocks[0], value);
    if (verdict == JSV_LIMIT)
        return verdict;
    uint32_t next = blocks[verdict == JSV_VALID ? 1 : 2];
    return next == JSV_NONE ? JSV_VALID : check(c, next, value);
}

static enum jsv_verdict run_not(struct jsv_context *c, uint32_t block, const struct json *value)
{
    enum jsv_verdict verdict = check(c, block, value);
    return verdict == JSV_LIMIT ? verdict : jsv_verdict_of(verdict == JSV_INVALID);
}

static enum jsv_verdict run_switch(struct jsv_context *c, const struct jsv_switch *by,
                                   const struct json *value)
{
    const struct json *member = value ? json_get(value, by->key) : NULL;
    if (!json_is_string(member))
        return JSV_INVALID;
    uint32_t found = jsv_keys_find(&by->values, member->text, member->size);
    return found == UINT32_MAX ? JSV_INVALID : check(c, by->blocks[found], value);
}

static enum jsv_verdict run_switch_type(struct jsv_context *c, const uint32_t *blocks,
                                        const struct json *value)
{
    uint32_t block = blocks[value ? value->type : JSON_STRING];
    return block == JSV_NONE ? JSV_INVALID : check(c, block, value);
}

static inline enum jsv_verdict run_insn(struct jsv_context *c, const struct jsv_insn *insn,
                                        const struct json *value)
{
    const struct jsv_program *program = c->program;
    switch ((enum jsv_op)insn->op) {
    case OP_DEPENDENCY:
        return json_is_object(value) ? run_dependency(c, &program->dependencies.at[insn->a], value)
                                     : JSV_VALID;
    case OP_OBJECT:
        return json_is_object(value) ? run_inside(c, insn, value) : JSV_VALID;
    case OP_ARRAY:
    case OP_CONTAINS:
        return json_is_array(value) ? run_inside(c, insn, value) : JSV_VALID;
    case OP_REF:
        return check(c, insn->a, value);
    case OP_ALL_OF:
        return run_all_of(c, program->lists.at + insn->a, insn->b, value);
    case OP_ANY_OF:
        return run_any_of(c, program->lists.at + insn->a, insn->b, value);
    case OP_ONE_OF:
        return run_one_of(c, program->lists.at + insn->a, insn->b, value);
    case OP_NOT:
        return run_not(c, insn->a, value);
    case OP_IF:
        return run_if(c, program->lists.at + insn->a, value);
    case OP_UNIQUE:
        return json_is_array(value) ? jsv_unique(c, value) : JSV_VALID;
    case OP_OTHER_MEMBERS:
        return jsv_run_others(c, insn, value);
    case OP_SWITCH_TYPE:
        return run_switch_type(c, program->lists.at + insn->a, value);
    case OP_SWITCH_KEY:
        return run_switch(c, &program->switches.at[insn->a], value);
    case OP_REST_MEMBERS:
    case OP_REST_ELEMENTS:
        return jsv_run_rest(c, insn, value);
    default:
        return jsv_run_leaf_insn(c, insn, value);
    }
}

static enum jsv_verdict run_block(struct jsv_context *c, const struct jsv_block *block,
                                  const struct json *value)
{
    const struct jsv_insn *insn = c->insns + block->first, *end = insn + block->count;
    enum jsv_verdict verdict = JSV_VALID;
    if (c->frames == c->frames_max || !jsv_take_steps(c, block->count))
        return JSV_LIMIT;
    c->frames++;
    for (; verdict == JSV_VALID && insn < end; insn++)
        verdict = run_insn(c, insn, value);
    c->frames--;
    return verdict;
}

static enum jsv_verdict recall_block(struct jsv_context *c, uint32_t index, const struct json *value)
{
    uint64_t hash = ((uint64_t)(uintptr_t)value ^ (uint64_t)index << 40) * 0x9e3779b97f4a7c15u;
    struct jsv_memo *memo = &c->memo[hash >> 54];
    if (memo->value == value && memo->block == index && memo->stamp >> 1 == c->run)
        return memo->stamp & 1 ? JSV_VALID : JSV_INVALID;
    enum jsv_verdict verdict = run_block(c, &c->blocks[index], value);
    if (verdict != JSV_LIMIT)
        *memo = (struct jsv_memo){value, index, c->run << 1 | (verdict == JSV_VALID)};
    return verdict;
}

enum jsv_verdict jsv_run(struct jsv_context *c, uint32_t block, const struct json *value)
{
    return check(c, block, value);
}

enum jsv_verdict jsv_run_insn(struct jsv_context *c, const struct jsv_insn *insn, const struct json *value)
{
    return run_insn(c, insn, value);
}

void jsv_run_begin(struct jsv_context *c, const struct jsv_program *program)
{
    jsv_context_begin(c, program);
    c->blocks = program->fast_blocks.at;
    c->insns = program->fast_insns.at;
}

enum jsv_verdict jsv_validate_plain(const struct jsv_program *program, struct jsv_context *context,
                                    const struct json *instance)
{
    jsv_context_begin(context, program);
    context->memorise = false;
    return check(context, 0, instance);
}
