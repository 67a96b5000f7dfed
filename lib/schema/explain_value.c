// SPDX-License-Identifier: Apache-2.0
// The reasons of keywords that are told at the value itself.
#include "lib/schema/explain.h"

#include "lib/schema/run.h"

static void explain_range(struct explain *e, const struct jsv_block *block, const struct jsv_range *range,
                          const struct json *value, const struct jsv_step *at)
{
    static const enum jsv_keyword keywords[BOUND_COUNT] = {
        [BOUND_MINIMUM] = KW_MINIMUM,
        [BOUND_EXCLUSIVE_MINIMUM] = KW_EXCLUSIVE_MINIMUM,
        [BOUND_MAXIMUM] = KW_MAXIMUM,
        [BOUND_EXCLUSIVE_MAXIMUM] = KW_EXCLUSIVE_MAXIMUM,
    };
    for (unsigned i = 0; i < BOUND_COUNT; i++) {
        enum jsv_bound bound = (enum jsv_bound)i;
        struct buf message;
        if (!range->bounds[i] || jsv_bound_holds(bound, range->bounds[i], value))
            continue;
        buf_init(&message, JSV_TEXT_MAX);
        jsv_text_of_bound(&message, bound, range->bounds[i]);
        jsv_report(e, block, keywords[i], at, &message);
    }
}

// minLength, minItems, minProperties and their maxima: `a` failed, or else `b` did.
static void explain_count(struct explain *e, const struct jsv_block *block, const struct jsv_insn *insn,
                          bool below, const struct jsv_step *at)
{
    static const struct {
        enum jsv_keyword min, max;
        const char *things;
    } kinds[] = {
        [OP_LENGTH] = {KW_MIN_LENGTH, KW_MAX_LENGTH, "characters"},
        [OP_ITEMS] = {KW_MIN_ITEMS, KW_MAX_ITEMS, "elements"},
        [OP_MEMBERS] = {KW_MIN_PROPERTIES, KW_MAX_PROPERTIES, "members"},
    };
    struct buf message;
    buf_init(&message, JSV_TEXT_MAX);
    jsv_text_of_count(&message, below ? insn->a : insn->b, !below, kinds[insn->op].things);
    jsv_report(e, block, below ? kinds[insn->op].min : kinds[insn->op].max, at, &message);
}

bool jsv_explain_value(struct explain *e, const struct jsv_block *block, const struct jsv_insn *insn,
                       const struct json *value, const struct jsv_step *at)
{
    if (!jsv_refused(e, jsv_run_insn(e->c, insn, value)))
        return false;
    switch ((enum jsv_op)insn->op) {
    case OP_INTEGRAL:
        jsv_report_text(e, block, KW_TYPE, at, "must be a whole number", STR_NULL);
        break;
    case OP_RANGE:
        explain_range(e, block, &e->c->program->ranges.at[insn->a], value, at);
        break;
    case OP_LENGTH:
        explain_count(e, block, insn, !jsv_length_holds(jsv_text(e->c, value), insn->a, UINT32_MAX), at);
        break;
    case OP_ITEMS:
    case OP_MEMBERS:
        explain_count(e, block, insn, json_count(value) < insn->a, at);
        break;
    default:
        jsv_report_insn(e, block, insn, at);
    }
    return true;
}
