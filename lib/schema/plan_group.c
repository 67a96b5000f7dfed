// SPDX-License-Identifier: Apache-2.0
// Putting a plan's checks in groups, in the order in which they run, as steps; and the table of plans.
#include "lib/schema/plan.h"

#include <stdlib.h>

unsigned jsv_check_trait(const struct jsv_check *check)
{
    bool integer = check->op == CHECK_INTEGER && check->step.high == INT64_MAX;
    bool length = check->op == CHECK_LENGTH && check->step.high == UINT32_MAX;
    if (integer && check->step.low == 0)
        return JSON_HAS_NEGATIVE;
    return length && check->step.low == 1 ? JSON_HAS_EMPTY : 0;
}

static void sort_checks(struct jsv_plan_draft *draft)
{
    for (unsigned i = 1; i < draft->count; i++) {
        struct jsv_check check = draft->checks[i];
        unsigned at = i;
        for (; at && draft->checks[at - 1].op > check.op; at--)
            draft->checks[at] = draft->checks[at - 1];
        draft->checks[at] = check;
    }
}

// The step into a container; false if the way is too long.
static bool find_path(const struct jsv_plan_draft *draft, unsigned container, struct jsv_step *ret_step)
{
    struct jsv_step step = {.run = jsv_step_enter, .skip = sizeof(step)};
    unsigned depth = 0;
    for (unsigned at = container; draft->up[at]; at = draft->up[at])
        depth++;
    if (depth > PLAN_DEPTH)
        return false;
    step.depth = (uint8_t)depth;
    for (unsigned at = container; draft->up[at]; at = draft->up[at])
        step.path[--depth] = draft->at[at];
    if (!container)
        step.run = jsv_step_itself;
    else if (!step.depth)
        step.run = jsv_step_enter_root;
    else if (step.depth == 1)
        step.run = jsv_step_enter_member;
    if (step.depth)
        step.place = step.path[0] * (uint32_t)sizeof(struct json);
    *ret_step = step;
    return true;
}

struct builder {
    const struct jsv_plan_draft *draft;
    const struct jsv_program *program;
    struct jsv_step *next;
    bool begun; // the run
};

// The steps of a container's checks that its traits may settle, or of the others.
static void add_checks(struct builder *b, unsigned container, bool settled)
{
    for (unsigned i = 0; i < b->draft->count; i++) {
        const struct jsv_check *check = &b->draft->checks[i];
        bool trait = container && jsv_check_trait(check);
        if (check->container != container || trait != settled)
            continue;
        if (check->op == CHECK_INSN && !b->begun) {
            *b->next++ = (struct jsv_step){.run = jsv_step_begin, .program = b->program};
            b->begun = true;
        }
        *b->next = jsv_step_of(check);
        b->next++->place = check->index * (uint32_t)sizeof(struct json);
    }
}

static unsigned traits_of(const struct jsv_plan_draft *draft, unsigned container)
{
    unsigned traits = 0;
    for (unsigned i = 0; i < draft->count; i++)
        if (container && draft->checks[i].container == container)
            traits |= jsv_check_trait(&draft->checks[i]);
    return traits;
}

static bool has_checks(const struct jsv_plan_draft *draft, unsigned container)
{
    for (unsigned i = 0; i < draft->count; i++)
        if (draft->checks[i].container == container)
            return true;
    return false;
}

bool jsv_plan_build(struct jsv_plan_draft *draft, const struct jsv_program *program, struct jsv_step *steps)
{
    struct builder b = {.draft = draft, .program = program, .next = steps};
    sort_checks(draft);
    for (unsigned container = 0; container < draft->containers; container++) {
        struct jsv_step *enter = b.next;
        if (!has_checks(draft, container))
            continue;
        if (!find_path(draft, container, enter))
            return false;
        enter->avoid = (uint16_t)traits_of(draft, container);
        // A plan begins with the root's values.
        b.next += enter != steps || enter->avoid || enter->run != jsv_step_enter_root;
        add_checks(&b, container, true);
        if (enter->avoid)
            enter->skip = (uint32_t)((size_t)(b.next - enter) * sizeof(*enter));
        add_checks(&b, container, false);
    }
    *b.next = (struct jsv_step){.run = jsv_step_valid};
    return true;
}

bool jsv_plan_build_switch(const struct jsv_plan_draft *draft, unsigned container, struct jsv_step step,
                           struct jsv_step *steps)
{
    step.run = jsv_step_switch;
    steps[1] = step;
    return find_path(draft, container, &steps[0]);
}

struct jsv_plan *jsv_plans_new(void)
{
    struct jsv_plan *plans = malloc(PLANS * sizeof(*plans));
    struct jsv_step *steps = malloc(PLANS * PLAN_STEPS * sizeof(*steps));
    if (!plans || !steps) {
        free(plans);
        free(steps);
        return NULL;
    }
    for (size_t i = 0; i < PLANS; i++)
        plans[i] = (struct jsv_plan){.steps = &steps[i * PLAN_STEPS]};
    return plans;
}

void jsv_plans_free(struct jsv_plan *plans)
{
    if (plans)
        free(plans->steps); // the first one's: the place of all
    free(plans);
}
