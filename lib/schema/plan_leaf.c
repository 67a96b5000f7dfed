// SPDX-License-Identifier: Apache-2.0
// What a plan has to ask of a single value, by the instructions that look at nothing else.
#include "lib/schema/plan_make.h"

#include "lib/schema/linear.h"
#include "lib/schema/regex.h"
#include "lib/schema/run.h"

static void emit_text(struct planner *p, uint32_t index, struct place at)
{
    const struct json *wanted = p->c->program->values.at[index];
    uint64_t head, tail;
    jsv_key_words(wanted->text, wanted->size, &head, &tail);
    if (wanted->size <= JSV_KEY_WHOLE)
        jsv_plan_emit(p, CHECK_TEXT, at, (struct jsv_step){.a = wanted->size, .head = head, .tail = tail});
    else
        jsv_plan_emit(p, CHECK_LONG, at, (struct jsv_step){.a = wanted->size, .text = wanted->text});
}

static void plan_texts(struct planner *p, const struct jsv_enum *list, struct place at)
{
    const struct jsv_keys *keys = &list->strings;
    if (!keys->count)
        settle(p, false);
    else if (list->pick.slots)
        jsv_plan_emit(p, CHECK_PICK, at, (struct jsv_step){.pick = list->pick});
    else if (keys->perfect)
        jsv_plan_emit(p, CHECK_TEXTS, at,
                      (struct jsv_step){.a = keys->mask, .slots = keys->slots, .factor = keys->factor});
    else
        jsv_plan_emit(p, CHECK_NAMES, at, (struct jsv_step){.keys = keys});
}

static void plan_string(struct planner *p, const struct jsv_insn *insn, struct place at)
{
    const struct jsv_program *program = p->c->program;
    const struct jsv_regex *regex = insn->op == OP_PATTERN ? program->regexes.at[insn->a] : NULL;
    if (insn->op == OP_LENGTH)
        jsv_plan_emit(p, CHECK_LENGTH, at, (struct jsv_step){.low = insn->a, .high = insn->b});
    else if (insn->op == OP_ENUM)
        plan_texts(p, &program->enums.at[insn->a], at);
    else if (insn->op == OP_CONST && json_is_string(program->values.at[insn->a]))
        emit_text(p, insn->a, at);
    else if (insn->op == OP_CONST)
        settle(p, false);
    else if (regex && jsv_regex_is_linear(regex))
        jsv_plan_emit(p, CHECK_LINEAR, at, (struct jsv_step){.linear = jsv_regex_linear(regex)});
    else
        jsv_plan_emit_insn(p, insn, at);
}

// What a constant asks of a real: an integer that no double stands for is left to the program.
static void plan_same_real(struct planner *p, const struct jsv_insn *insn, struct place at)
{
    const struct json *wanted = p->c->program->values.at[insn->a];
    double real = json_number(wanted);
    if (!json_is_number(wanted))
        settle(p, false);
    else if (real > -0x1p53 && real < 0x1p53)
        jsv_plan_emit(p, CHECK_REAL, at, (struct jsv_step){.least = real, .most = real});
    else
        jsv_plan_emit_insn(p, insn, at);
}

// What a constant asks of an integer.
static void plan_same(struct planner *p, const struct json *wanted, struct place at)
{
    int64_t whole = json_integer(wanted);
    bool exact = json_is_integer(wanted) || (json_is_real(wanted) && jsv_real_to_int(wanted->real, &whole));
    if (exact)
        jsv_plan_emit(p, CHECK_INTEGER, at, (struct jsv_step){.low = whole, .high = whole});
    else
        settle(p, false);
}

static void plan_number(struct planner *p, const struct jsv_insn *insn, const struct json *value,
                        struct place at)
{
    const struct jsv_range *range = insn->op == OP_RANGE ? &p->c->program->ranges.at[insn->a] : NULL;
    if (range && json_is_integer(value))
        jsv_plan_emit(p, CHECK_INTEGER, at, (struct jsv_step){.low = range->low, .high = range->high});
    else if (range)
        jsv_plan_emit(p, CHECK_REAL, at, (struct jsv_step){.least = range->least, .most = range->most});
    else if (insn->op == OP_CONST && json_is_integer(value))
        plan_same(p, p->c->program->values.at[insn->a], at);
    else if (insn->op == OP_CONST)
        plan_same_real(p, insn, at);
    else if (insn->op == OP_INTEGRAL && json_is_real(value))
        jsv_plan_emit(p, CHECK_WHOLE, at, (struct jsv_step){.a = 0});
    else if (insn->op != OP_INTEGRAL)
        jsv_plan_emit_insn(p, insn, at);
}

void jsv_plan_leaf(struct planner *p, const struct jsv_insn *insn, const struct json *value, struct place at)
{
    if (insn->op == OP_ITEMS || insn->op == OP_MEMBERS)
        settle(p, value->size >= insn->a && value->size <= insn->b);
    else if (json_is_string(value))
        plan_string(p, insn, at);
    else if (json_is_number(value))
        plan_number(p, insn, value, at);
    else if (json_is_null(value)) // there is only one
        settle(p, is_valid(p, jsv_run_insn(p->c, insn, value)));
    else
        jsv_plan_emit_insn(p, insn, at);
}
