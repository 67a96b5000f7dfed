// SPDX-License-Identifier: Apache-2.0
// The verdict: by a plan if there is one.
#include "lib/schema/plan.h"

#include "lib/schema/run.h"

enum jsv_verdict jsv_plan_miss(struct jsv_context *c, const struct jsv_program *program,
                               struct jsv_plan *plan, uint64_t form, const struct json *instance)
{
    jsv_run_begin(c, program);
    if (!form)
        return jsv_run(c, 0, instance);
    if (plan->form != form || plan->program != program->id) {
        plan->program = program->id;
        plan->form = form;
        plan->state = PLAN_SEEN;
    } else if (plan->state == PLAN_SEEN) {
        jsv_plan_make(c, plan, instance);
        jsv_run_begin(c, program);
    }
    if (plan->state == PLAN_LIGHT || plan->state == PLAN_FULL)
        return plan->steps->run(plan->steps, instance->values, instance, c);
    return jsv_run(c, 0, instance);
}

enum jsv_verdict jsv_validate(const struct jsv_program *program, struct jsv_context *context,
                              const struct json *instance)
{
    uint64_t form = json_form_of(instance); // no plan is of form 0
    struct jsv_plan *plan = jsv_plan_slot(context, program, form);
    if (__builtin_expect(plan->form == form && plan->program == program->id, 1)) {
        if (plan->state == PLAN_INVALID)
            return JSV_INVALID;
        if (plan->state > PLAN_VALID)
            return plan->steps->run(plan->steps, instance->values, instance, context);
        if (plan->state == PLAN_VALID)
            return JSV_VALID;
    }
    return jsv_plan_miss(context, program, plan, form, instance);
}
