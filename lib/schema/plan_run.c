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
    jsv_key_words(value->text, value->size, &head, &tail);
    return head == check->head && tail == check->tail;
}

HOT_INLINE bool long_holds(const struct jsv_check *check, const struct json *value)
{
    return value->size == check->a && jsv_key_same(value->text, check->text, value->size);
}

// Only one of an enum's strings can it be.
HOT_INLINE bool texts_hold(const struct jsv_check *check, const struct json *value)
{
    uint64_t head, tail;
    jsv_key_words(value->text, value->size, &head, &tail);
    const struct jsv_key *key = &check->slots[jsv_key_hash(check->factor, head, tail) & check->a];
    if ((key->head ^ head) | (key->tail ^ tail) | (key->len ^ value->size))
        return false;
    return value->size <= JSV_KEY_WHOLE || jsv_key_same(value->text, key->ptr, value->size);
}

HOT_INLINE bool names_hold(const struct jsv_check *check, const struct json *value)
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

static inline enum jsv_verdict verdict_of(bool holds)
{
    return holds ? JSV_VALID : JSV_INVALID;
}

// What can be judged without a call. JSV_LIMIT: this needs one.
HOT_INLINE enum jsv_verdict light_check(const struct jsv_check *check, const struct json *value)
{
    switch ((enum jsv_check_op)check->op) {
    case CHECK_INTEGER:
        return verdict_of(value->integer >= check->low && value->integer <= check->high);
    case CHECK_LENGTH: {
        // Bytes bound code points from above, a quarter of them from below.
        bool surely = value->size <= check->high && ((int64_t)value->size + 3) / 4 >= check->low;
        return surely ? JSV_VALID : JSV_LIMIT;
    }
    case CHECK_TEXT:
        return verdict_of(text_holds(check, value));
    case CHECK_TEXTS:
        return verdict_of(texts_hold(check, value));
    case CHECK_LONG:
        return verdict_of(long_holds(check, value));
    case CHECK_REAL:
        return verdict_of(real_holds(check, value));
    case CHECK_WHOLE:
        return verdict_of(jsv_real_is_whole(value->real));
    default:
        return JSV_LIMIT;
    }
}

static enum jsv_verdict run_check(struct jsv_context *c, const struct jsv_program *program,
                                  const struct jsv_check *check, const struct json *value)
{
    enum jsv_verdict verdict = light_check(check, value);
    if (verdict != JSV_LIMIT)
        return verdict;
    switch ((enum jsv_check_op)check->op) {
    case CHECK_LENGTH:
        return verdict_of(jsv_length_holds(str_slice(value->text, value->size), (uint32_t)check->low,
                                           (uint32_t)check->high));
    case CHECK_NAMES:
        return verdict_of(names_hold(check, value));
    case CHECK_LINEAR:
        return verdict_of(linear_holds(check, value));
    case CHECK_INSN:
        return jsv_run_insn(c, &program->fast_insns.at[check->a], value);
    default:
        BUG("no such check");
    }
}

// Where the values are that a group speaks of, and their traits.
HOT_INLINE const struct json *find_group(const struct jsv_plan_group *group, const struct json *root,
                                         unsigned *ret_traits)
{
    const struct json *in = root;
    for (const uint16_t *step = group->path, *last = step + group->depth; step < last; step++)
        in = &in->values[*step];
    *ret_traits = in->traits;
    return in->values;
}

// From a check on, NULL is the group's first, one after the other. The run has begun if there is one that
// needs it.
static __attribute__((noinline)) enum jsv_verdict run_from(const struct jsv_plan *plan,
                                                           const struct json *instance,
                                                           const struct jsv_plan_group *group,
                                                           const struct jsv_check *check)
{
    const struct jsv_plan_body *body = plan->body;
    for (;;) {
        unsigned traits = 0;
        const struct json *base = group->root ? instance : find_group(group, instance, &traits);
        if (!check)
            check = &body->checks[traits & group->avoid ? group->first : group->rest];
        for (; check->op != CHECK_END; check++) {
            enum jsv_verdict verdict = run_check(body->context, body->program, check, &base[check->index]);
            if (verdict != JSV_VALID)
                return verdict;
        }
        if (group++->last)
            return JSV_VALID;
        check = NULL;
    }
}

static enum jsv_verdict run_full(const struct jsv_plan *plan, const struct json *instance)
{
    return run_from(plan, instance, plan->body->group, NULL);
}

// A group's checks as far as none needs a call. JSV_LIMIT: the one at `*check` does.
HOT_INLINE enum jsv_verdict light_checks(const struct jsv_check **check, const struct json *base)
{
    for (; (*check)->op != CHECK_END; ++*check) {
        enum jsv_verdict verdict = light_check(*check, &base[(*check)->index]);
        if (verdict != JSV_VALID)
            return verdict;
    }
    return JSV_VALID;
}

// The same for nearly all: what needs a call is left to run_from(), so that few registers are to be saved.
static __attribute__((noinline)) enum jsv_verdict run_light(const struct jsv_plan *plan,
                                                            const struct json *instance)
{
    const struct jsv_plan_body *body = plan->body;
    const struct jsv_plan_group *group = body->group;
    do {
        unsigned traits;
        const struct json *base = find_group(group, instance, &traits);
        const struct jsv_check *check = &body->checks[group->rest];
        if (__builtin_expect(traits & group->avoid, 0))
            for (const struct jsv_check *at = &body->checks[group->first]; at < check; at++)
                if (!trait_holds(at, &base[at->index]))
                    return JSV_INVALID;
        enum jsv_verdict verdict = light_checks(&check, base);
        if (verdict == JSV_LIMIT)
            return run_from(plan, instance, group, check);
        if (verdict != JSV_VALID)
            return verdict;
    } while (!group++->last);
    return JSV_VALID;
}

// Where traits may settle all.
static __attribute__((noinline)) enum jsv_verdict run_traits(const struct jsv_plan *plan,
                                                             const struct json *instance)
{
    for (const struct jsv_plan_group *group = plan->body->group;; group++) {
        unsigned traits;
        (void)find_group(group, instance, &traits);
        if (__builtin_expect(traits & group->avoid, 0))
            return run_light(plan, instance);
        if (group->last)
            return JSV_VALID;
    }
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
    if (plan->state == PLAN_FULL || plan->state == PLAN_LIGHT || plan->state == PLAN_TRAITS)
        return run_full(plan, instance);
    return jsv_run(c, 0, instance);
}

enum jsv_verdict jsv_validate(const struct jsv_program *program, struct jsv_context *context,
                              const struct json *instance)
{
    uint64_t form = json_form_of(instance);
    struct jsv_plan *plan = jsv_plan_slot(context, program, form);
    if (__builtin_expect(plan->form == form && plan->program == program->id, 1)) {
        if (plan->state == PLAN_INVALID)
            return JSV_INVALID;
        if (plan->state == PLAN_LIGHT)
            return run_light(plan, instance);
        if (plan->state == PLAN_TRAITS)
            return run_traits(plan, instance);
        if (plan->state == PLAN_VALID)
            return JSV_VALID;
    }
    return run_begun(context, program, form ? plan : NULL, instance);
}
