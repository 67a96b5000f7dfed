// SPDX-License-Identifier: Apache-2.0
// Making a plan: the fast program is walked over one instance of the form, and what does not depend on that
// instance's own values is decided on the way.
#include "lib/schema/plan_make.h"

#include "lib/schema/run.h"
#include "lib/schema/unevaluated.h"

static void plan_block(struct planner *p, uint32_t index, const struct json *value, struct place at);

void jsv_plan_emit(struct planner *p, enum jsv_check_op op, struct place at, struct jsv_step step)
{
    if (p->draft.count == PLAN_CHECKS || at.index > UINT16_MAX) {
        p->failed = true;
        return;
    }
    p->draft.checks[p->draft.count++] = (struct jsv_check){
        .op = (uint8_t)op, .container = (uint8_t)at.container, .index = (uint16_t)at.index, .step = step};
}

void jsv_plan_emit_insn(struct planner *p, const struct jsv_insn *insn, struct place at)
{
    jsv_plan_emit(p, CHECK_INSN, at, (struct jsv_step){.insn = insn});
}

// The number of the container that stands at a place.
static unsigned enter(struct planner *p, struct place at)
{
    for (unsigned i = 1; i < p->draft.containers; i++)
        if (p->draft.up[i] == at.container && p->draft.at[i] == at.index)
            return i;
    if (p->draft.containers == PLAN_CONTAINERS || at.index > UINT16_MAX) {
        p->failed = true;
        return 0;
    }
    p->draft.up[p->draft.containers] = (uint8_t)at.container;
    p->draft.at[p->draft.containers] = (uint16_t)at.index;
    return p->draft.containers++;
}

static void plan_child(struct planner *p, uint32_t block, const struct json *value, unsigned container,
                       uint32_t index)
{
    plan_block(p, block, &value->values[index], (struct place){container, index});
}

static void plan_member(struct planner *p, const struct jsv_object *object, const struct json *value,
                        unsigned container, uint32_t index, uint32_t *missing)
{
    struct str name = json_name(value, index);
    uint32_t found = jsv_keys_find(&object->keys, name.ptr, name.len);
    bool stated = false;
    if (found != UINT32_MAX) {
        const struct jsv_property *property = &object->properties[found];
        *missing -= property->required;
        stated = property->block != JSV_NONE;
        if (stated)
            plan_child(p, property->block, value, container, index);
    }
    for (uint32_t i = 0; i < object->pattern_count && !p->failed; i++) {
        if (!is_valid(p, jsv_search(p->c, object->patterns[i].regex, name)))
            continue;
        stated = true;
        plan_child(p, object->patterns[i].block, value, container, index);
    }
    if (!stated && object->additional != JSV_NONE)
        plan_child(p, object->additional, value, container, index);
    if (object->names == JSV_NONE)
        return;
    p->c->name = name;
    settle(p, is_valid(p, jsv_run(p->c, object->names, NULL)));
}

static void plan_object(struct planner *p, const struct jsv_object *object, const struct json *value,
                        struct place at)
{
    uint32_t missing = object->required;
    unsigned container = enter(p, at);
    for (uint32_t i = 0; i < value->size && !p->failed && !p->invalid; i++)
        plan_member(p, object, value, container, i, &missing);
    settle(p, !missing);
}

static void plan_array(struct planner *p, const struct jsv_array *array, const struct json *value,
                       struct place at)
{
    const uint32_t *lists = p->c->program->lists.at; // NULL if the schema has none of any kind
    unsigned container = enter(p, at);
    for (uint32_t i = 0; i < value->size && !p->failed && !p->invalid; i++) {
        uint32_t block = i < array->prefix_count ? lists[array->prefix + i] : array->rest;
        if (block != JSV_NONE)
            plan_child(p, block, value, container, i);
    }
}

static void plan_dependency(struct planner *p, const struct jsv_dependency *dependency,
                            const struct json *value, struct place at)
{
    if (!json_get(value, dependency->name))
        return;
    for (uint32_t i = 0; i < dependency->name_count; i++)
        settle(p, json_get(value, dependency->names[i]) != NULL);
    if (dependency->block != JSV_NONE)
        plan_block(p, dependency->block, value, at);
}

static void plan_others(struct planner *p, const struct jsv_insn *insn, const struct json *value,
                        struct place at)
{
    unsigned container = enter(p, at);
    for (uint32_t i = 0; i < value->size && !p->failed; i++) {
        enum jsv_verdict stated = jsv_is_stated(p->c, &p->c->blocks[insn->b], json_name(value, i));
        if (!is_valid(p, stated))
            plan_child(p, insn->a, value, container, i);
    }
}

enum outcome { NEVER, ALWAYS, SOMETIMES };

// A block by itself: its checks stay only if they are needed.
static enum outcome try_block(struct planner *p, uint32_t block, const struct json *value, struct place at)
{
    uint8_t count = p->draft.count;
    bool invalid = p->invalid;
    p->invalid = false;
    p->trying++;
    plan_block(p, block, value, at);
    p->trying--;
    enum outcome outcome = p->invalid ? NEVER : p->draft.count > count ? SOMETIMES : ALWAYS;
    p->invalid = invalid;
    if (outcome == NEVER)
        p->draft.count = count;
    return outcome;
}

// Where all branches but one are out of the question, that one's checks are the instruction's.
static void plan_branches(struct planner *p, const struct jsv_insn *insn, const struct json *value,
                          struct place at)
{
    uint8_t count = p->draft.count;
    unsigned always = 0, sometimes = 0;
    for (uint32_t i = 0; i < insn->b && !p->failed; i++) {
        enum outcome outcome = try_block(p, p->c->program->lists.at[insn->a + i], value, at);
        always += outcome == ALWAYS;
        sometimes += outcome == SOMETIMES;
    }
    bool any = insn->op == OP_ANY_OF;
    if (any ? always > 0 : always > 0 && !sometimes) {
        p->draft.count = count;
        settle(p, any || always == 1);
    } else if (always + sometimes == 0) {
        settle(p, false);
    } else if (always || sometimes > 1) {
        p->draft.count = count;
        jsv_plan_emit_insn(p, insn, at);
    }
}

// The first switch that all depends on makes a plan for each value of its member. Where the form leaves one
// branch, that is planned; its own checks are the switch's.
static void plan_switch(struct planner *p, const struct jsv_insn *insn, const struct json *value,
                        struct place at)
{
    const struct jsv_switch *by = &p->c->program->switches.at[insn->a];
    const struct json *member = json_get(value, by->key);
    uint32_t only = JSV_NONE, possible = 0;
    uint8_t count = p->draft.count;
    for (uint32_t i = 0; i < by->values.count && json_is_string(member) && !p->failed; i++) {
        enum outcome outcome = by->blocks[i] == only ? NEVER : try_block(p, by->blocks[i], value, at);
        p->draft.count = count;
        only = outcome == NEVER ? only : by->blocks[i];
        possible += outcome != NEVER;
    }
    uint32_t found =
        p->chosen && possible > 1 ? jsv_keys_find(&by->values, member->text, member->size) : JSV_KEY_NONE;
    if (!possible) {
        settle(p, false);
    } else if (possible == 1) {
        plan_block(p, only, value, at);
    } else if (p->trying || p->by) {
        jsv_plan_emit_insn(p, insn, at);
    } else {
        p->by = by;
        p->member = (struct place){enter(p, at), (uint32_t)(member - value->values)};
        if (found != JSV_KEY_NONE)
            plan_block(p, by->blocks[found], value, at);
    }
}

static void plan_condition(struct planner *p, const struct jsv_insn *insn, const struct json *value,
                           struct place at)
{
    const uint32_t *blocks = p->c->program->lists.at + insn->a;
    uint8_t count = p->draft.count;
    enum outcome outcome = try_block(p, insn->op == OP_NOT ? insn->a : blocks[0], value, at);
    p->draft.count = count;
    if (outcome == SOMETIMES) {
        jsv_plan_emit_insn(p, insn, at);
    } else if (insn->op == OP_NOT) {
        settle(p, outcome == NEVER);
    } else {
        uint32_t next = blocks[outcome == ALWAYS ? 1 : 2];
        if (next != JSV_NONE)
            plan_block(p, next, value, at);
    }
}

static void plan_insn(struct planner *p, const struct jsv_insn *insn, const struct json *value,
                      struct place at)
{
    const struct jsv_program *program = p->c->program;
    if (jsv_op_is_leaf(insn->op)) {
        jsv_plan_leaf(p, insn, value, at);
        return;
    }
    switch ((enum jsv_op)insn->op) {
    case OP_DEPENDENCY:
        plan_dependency(p, &program->dependencies.at[insn->a], value, at);
        break;
    case OP_OBJECT:
        plan_object(p, &program->objects.at[insn->a], value, at);
        break;
    case OP_ARRAY:
        plan_array(p, &program->arrays.at[insn->a], value, at);
        break;
    case OP_REF:
        plan_block(p, insn->a, value, at);
        break;
    case OP_ALL_OF:
        for (uint32_t i = 0; i < insn->b; i++)
            plan_block(p, program->lists.at[insn->a + i], value, at);
        break;
    case OP_ANY_OF:
    case OP_ONE_OF:
        plan_branches(p, insn, value, at);
        break;
    case OP_NOT:
    case OP_IF:
        plan_condition(p, insn, value, at);
        break;
    case OP_OTHER_MEMBERS:
        plan_others(p, insn, value, at);
        break;
    case OP_SWITCH_TYPE: {
        uint32_t block = program->lists.at[insn->a + value->type];
        settle(p, block != JSV_NONE);
        if (block != JSV_NONE)
            plan_block(p, block, value, at);
        break;
    }
    case OP_SWITCH_KEY:
        plan_switch(p, insn, value, at);
        break;
    default:
        jsv_plan_emit_insn(p, insn, at);
    }
}

static void plan_block(struct planner *p, uint32_t index, const struct json *value, struct place at)
{
    const struct jsv_block *block = &p->c->blocks[index];
    p->work += block->count + 1;
    // A form does not tell true from false.
    p->failed = p->failed || p->work > PLAN_WORK ||
                (json_is_boolean(value) && (block->types & TYPE_BOOLEAN) && ~block->types & TYPE_BOOLEAN);
    settle(p, block->types & value->tag);
    for (uint32_t i = 0; i < block->count && !p->failed && !p->invalid; i++) {
        const struct jsv_insn *insn = &p->c->insns[block->first + i];
        if (jsv_op_types(insn->op) & value->tag)
            plan_insn(p, insn, value, at);
    }
}

static bool build(struct planner *p, struct jsv_plan *plan)
{
    struct jsv_step step = {
        .place = p->member.index * (uint32_t)sizeof(struct json), .program = p->c->program, .by = p->by};
    if (p->by && !p->chosen)
        return jsv_plan_build_switch(&p->draft, p->member.container, step, plan->steps);
    return jsv_plan_build(&p->draft, p->c->program, plan->steps);
}

void jsv_plan_make(struct jsv_context *c, struct jsv_plan *plan, const struct json *instance)
{
    struct planner p = {.c = c, .draft.containers = 1, .chosen = plan->form >> PLAN_CHOICE_SHIFT};
    plan_block(&p, 0, instance, (struct place){0, 0});
    if (p.failed || (!p.invalid && !build(&p, plan)))
        plan->state = PLAN_NONE;
    else if (p.invalid)
        plan->state = PLAN_INVALID;
    else if (p.by && !p.chosen)
        plan->state = PLAN_SWITCH;
    else if (!p.draft.count)
        plan->state = PLAN_VALID;
    else
        plan->state = p.draft.checks[p.draft.count - 1].op == CHECK_INSN ? PLAN_FULL : PLAN_LIGHT;
}
