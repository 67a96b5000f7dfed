// SPDX-License-Identifier: Apache-2.0
// The verdict: by a plan if there is one.
#include "lib/schema/plan.h"

#include "lib/schema/linear.h"
#include "lib/schema/regex.h"
#include "lib/schema/run.h"

HOT_INLINE bool text_holds(const struct jsv_check *check, const struct json *value)
{
    uint64_t head, tail;
    if (value->size != check->a)
        return false;
    if (value->size > JSV_KEY_WHOLE)
        return jsv_key_same(value->text, check->text, value->size);
    jsv_key_words(value->text, value->size, &head, &tail);
    return head == check->head && tail == check->tail;
}

HOT_INLINE bool texts_hold(const struct jsv_check *check, const struct json *value)
{
    return jsv_keys_seek(check->keys, value->text, value->size) != JSV_KEY_NONE;
}

HOT_INLINE bool real_holds(const struct jsv_check *check, const struct json *value)
{
    return value->real >= check->least && value->real <= check->most;
}

// What a group's traits would have settled: a bound of 0 for integers, of 1 for lengths.
HOT_INLINE bool trait_holds(const struct jsv_check *check, const struct json *value)
{
    return check->op == CHECK_INTEGER ? value->integer >= 0 : value->size > 0;
}

HOT_INLINE bool linear_holds(const struct jsv_check *check, const struct json *value)
{
    return jsv_linear_search(check->linear, (struct str){value->text, value->size});
}

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
    case CHECK_TEXT:
        holds = text_holds(check, value);
        break;
    case CHECK_TEXTS:
        holds = texts_hold(check, value);
        break;
    case CHECK_LINEAR:
        holds = linear_holds(check, value);
        break;
    case CHECK_REAL:
        holds = real_holds(check, value);
        break;
    case CHECK_WHOLE:
        holds = jsv_real_is_whole(value->real);
        break;
    case CHECK_INSN:
        return jsv_run_insn(c, &program->fast_insns.at[check->a], value);
    default:
        BUG("no such check");
    }
    return holds ? JSV_VALID : JSV_INVALID;
}

// Where the values are that a group speaks of, and their traits.
HOT_INLINE const struct json *find_group(const struct jsv_plan_group *group, const struct json *instance,
                                         unsigned *ret_traits)
{
    const struct json *base = instance;
    *ret_traits = 0;
    for (const uint16_t *step = group->path, *last = step + group->depth; step < last; step++) {
        *ret_traits = base[*step].traits;
        base = base[*step].values;
    }
    return base;
}

// From a group on, one check after the other.
static __attribute__((noinline)) enum jsv_verdict
run_groups(struct jsv_context *c, const struct jsv_program *program, const struct jsv_plan *plan,
           const struct json *instance, const struct jsv_plan_group *group)
{
    for (const struct jsv_plan_group *end = plan->body->group + plan->groups; group < end; group++) {
        unsigned traits;
        const struct json *base = find_group(group, instance, &traits);
        const struct jsv_check *check =
            &plan->body->checks[traits & group->avoid ? group->first : group->rest];
        for (; check->op != CHECK_END; check++) {
            enum jsv_verdict verdict = run_check(c, program, check, &base[check->index]);
            if (verdict != JSV_VALID)
                return verdict;
        }
    }
    return JSV_VALID;
}

// The same for nearly all: calls nothing on the way, so that no register is to be saved, and hands a group
// that needs more to run_groups().
static __attribute__((noinline)) enum jsv_verdict run_plan(struct jsv_context *c,
                                                           const struct jsv_program *program,
                                                           const struct jsv_plan *plan,
                                                           const struct json *instance)
{
    const struct jsv_plan_group *group = plan->body->group, *end = group + plan->groups;
    for (; group < end; group++) {
        unsigned traits, broken = 0, unclear = 0;
        const struct json *base = find_group(group, instance, &traits);
        const struct jsv_check *check = &plan->body->checks[group->first];
        const struct jsv_check *rest = &plan->body->checks[group->rest];
        if (__builtin_expect(traits & group->avoid, 0))
            for (; check < rest; check++)
                if (!trait_holds(check, &base[check->index]))
                    return JSV_INVALID;
        check = rest;
        // Without a branch for each: they nearly always hold.
        for (; check->op == CHECK_INTEGER; check++) {
            int64_t v = base[check->index].integer;
            broken |= (unsigned)(v < check->low) | (unsigned)(v > check->high);
        }
        for (; check->op == CHECK_LENGTH; check++) {
            // Bytes bound code points from above, a quarter of them from below.
            int64_t size = base[check->index].size;
            unclear |= (unsigned)(size > check->high) | (unsigned)((size + 3) / 4 < check->low);
        }
        if (broken)
            return JSV_INVALID;
        for (; check->op == CHECK_TEXT; check++)
            if (!text_holds(check, &base[check->index]))
                return JSV_INVALID;
        for (; check->op == CHECK_TEXTS; check++)
            if (!texts_hold(check, &base[check->index]))
                return JSV_INVALID;
        for (; check->op == CHECK_LINEAR && !unclear; check++)
            if (!linear_holds(check, &base[check->index]))
                return JSV_INVALID;
        for (; check->op == CHECK_REAL; check++)
            if (!real_holds(check, &base[check->index]))
                return JSV_INVALID;
        for (; check->op == CHECK_WHOLE; check++)
            if (!jsv_real_is_whole(base[check->index].real))
                return JSV_INVALID;
        if (__builtin_expect(check->op != CHECK_END || unclear, 0))
            return run_groups(c, program, plan, instance, group);
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
    struct jsv_plan *plan = jsv_plan_slot(context, program, form);
    if (plan->form == form && plan->program == program->id) {
        if (plan->state == PLAN_INVALID)
            return JSV_INVALID;
        if (plan->state == PLAN_VALID)
            return JSV_VALID;
        if (plan->state == PLAN_LIGHT)
            return run_plan(context, program, plan, instance);
    }
    return run_begun(context, program, form ? plan : NULL, instance);
}
