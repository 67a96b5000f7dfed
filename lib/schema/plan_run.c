// SPDX-License-Identifier: Apache-2.0
// The verdict: by a plan if there is one.
#include "lib/schema/plan.h"

#include "lib/schema/linear.h"
#include "lib/schema/regex.h"
#include "lib/schema/run.h"

static enum jsv_verdict run_check(struct jsv_context *c, const struct jsv_program *program,
                                  const struct jsv_check *check, const struct json *value)
{
    bool holds;
    switch ((enum jsv_check_op)check->op) {
    case CHECK_INTEGER:
        holds = value->integer >= check->low && value->integer <= check->high;
        break;
    case CHECK_LENGTH:
        holds = jsv_length_holds(str_slice(value->text, value->size), (uint32_t)check->low,
                                 (uint32_t)check->high);
        break;
    case CHECK_REAL:
        holds = jsv_range_holds_real(&program->ranges.at[check->a], value);
        break;
    case CHECK_WHOLE:
        holds = jsv_real_is_whole(value->real);
        break;
    case CHECK_TEXT: {
        const struct json *wanted = program->values.at[check->a];
        uint64_t head, tail;
        holds = value->size == wanted->size;
        if (!holds)
            break;
        jsv_key_words(value->text, value->size, &head, &tail);
        holds = head == (uint64_t)check->low && tail == (uint64_t)check->high &&
                (value->size <= 16 || !memcmp(value->text + 8, wanted->text + 8, value->size - 16));
        break;
    }
    case CHECK_TEXTS:
        holds = jsv_keys_find(&program->enums.at[check->a].strings, value->text, value->size) != UINT32_MAX;
        break;
    case CHECK_LINEAR:
        holds = jsv_linear_search(jsv_regex_linear(program->regexes.at[check->a]),
                                  str_slice(value->text, value->size));
        break;
    case CHECK_INSN:
        return jsv_run_insn(c, &program->fast_insns.at[check->a], value);
    default:
        BUG("no such check");
    }
    return holds ? JSV_VALID : JSV_INVALID;
}

// Exactly, where bytes alone did not decide.
static __attribute__((noinline)) bool lengths_hold(const struct jsv_check *check, const struct json *base)
{
    for (; check->op == CHECK_LENGTH; check++) {
        const struct json *value = &base[check->index];
        if (!jsv_length_holds(str_slice(value->text, value->size), (uint32_t)check->low,
                              (uint32_t)check->high))
            return false;
    }
    return true;
}

// One after the other.
static __attribute__((noinline)) enum jsv_verdict run_checks(struct jsv_context *c,
                                                             const struct jsv_program *program,
                                                             const struct jsv_check *check,
                                                             const struct json *base)
{
    for (; check->op != CHECK_END; check++) {
        enum jsv_verdict verdict = run_check(c, program, check, &base[check->index]);
        if (verdict != JSV_VALID)
            return verdict;
    }
    return JSV_VALID;
}

HOT_INLINE enum jsv_verdict run_group(struct jsv_context *c, const struct jsv_program *program,
                                      const struct jsv_check *check, const struct json *base)
{
    // Without a branch for each: they nearly always hold.
    unsigned broken = 0, unclear = 0;
    for (; check->op == CHECK_INTEGER; check++) {
        int64_t v = base[check->index].integer;
        broken |= (unsigned)(v < check->low) | (unsigned)(v > check->high);
    }
    const struct jsv_check *lengths = check;
    for (; check->op == CHECK_LENGTH; check++) {
        // Bytes bound code points from above, a quarter of them from below.
        int64_t size = base[check->index].size;
        unclear |= (unsigned)(size > check->high) | (unsigned)((size + 3) / 4 < check->low);
    }
    if (broken || (unclear && !lengths_hold(lengths, base)))
        return JSV_INVALID;
    return check->op == CHECK_END ? JSV_VALID : run_checks(c, program, check, base);
}

HOT_INLINE enum jsv_verdict run_plan(struct jsv_context *c, const struct jsv_program *program,
                                     const struct jsv_plan *plan, const struct json *instance)
{
    const struct jsv_plan_group *group = plan->group, *end = group + plan->groups;
    for (; group < end; group++) {
        const struct json *base = instance;
        unsigned traits = 0;
        for (const uint16_t *step = group->path, *last = step + group->depth; step < last; step++) {
            traits = base[*step].traits;
            base = base[*step].values;
        }
        enum jsv_verdict verdict = __builtin_expect(traits & group->avoid, 0)
                                       ? run_checks(c, program, &plan->checks[group->first], base)
                                       : run_group(c, program, &plan->checks[group->rest], base);
        if (verdict != JSV_VALID)
            return verdict;
    }
    return JSV_VALID;
}

// A form that has no plan yet, or a plan that needs a run. NULL: the instance has no form.
static __attribute__((noinline)) enum jsv_verdict run_begun(struct jsv_context *c,
                                                            const struct jsv_program *program,
                                                            struct jsv_plan *plan,
                                                            const struct json *instance)
{
    jsv_run_begin(c, program);
    if (!plan)
        return jsv_run(c, 0, instance);
    if (plan->form != json_form_of(instance) || plan->program != program->id) {
        plan->program = program->id;
        plan->form = json_form_of(instance);
        plan->state = PLAN_SEEN;
    } else if (plan->state == PLAN_SEEN) {
        jsv_plan_make(c, plan, instance);
        jsv_run_begin(c, program);
    }
    if (plan->state == PLAN_FULL || plan->state == PLAN_LIGHT)
        return run_plan(c, program, plan, instance);
    return jsv_run(c, 0, instance);
}

enum jsv_verdict jsv_validate(const struct jsv_program *program, struct jsv_context *context,
                              const struct json *instance)
{
    uint64_t form = json_form_of(instance);
    if (!form)
        return run_begun(context, program, NULL, instance);
    struct jsv_plan *plan = jsv_plan_slot(context, program, form);
    if (plan->form == form && plan->program == program->id) {
        if (plan->state == PLAN_LIGHT)
            return run_plan(context, program, plan, instance);
        if (plan->state == PLAN_INVALID)
            return JSV_INVALID;
    }
    return run_begun(context, program, plan, instance);
}
