// SPDX-License-Identifier: Apache-2.0
// Putting a plan's checks in groups, in the order in which they run; and the table of plans.
#include "lib/schema/plan.h"

#include <stdlib.h>

unsigned jsv_check_trait(const struct jsv_check *check)
{
    bool integer = check->op == CHECK_INTEGER && check->high == INT64_MAX;
    bool length = check->op == CHECK_LENGTH && check->high == UINT32_MAX;
    if (integer && check->low == 0)
        return JSON_HAS_NEGATIVE;
    return length && check->low == 1 ? JSON_HAS_EMPTY : 0;
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

// The way from the root; false if it is too long.
static bool find_path(const struct jsv_plan_draft *draft, unsigned container, struct jsv_plan_group *group)
{
    unsigned depth = 0;
    for (unsigned at = container; draft->up[at]; at = draft->up[at])
        depth++;
    if (depth > PLAN_DEPTH)
        return false;
    group->depth = (uint8_t)depth;
    for (unsigned at = container; draft->up[at]; at = draft->up[at])
        group->path[--depth] = draft->at[at];
    return true;
}

// Those of a container that its traits may settle, or the others; returns how many there are now.
static uint8_t add_checks(const struct jsv_plan_draft *draft, unsigned container, bool settled,
                          struct jsv_plan_group *group, struct jsv_check *checks, uint8_t count)
{
    for (unsigned i = 0; i < draft->count; i++) {
        const struct jsv_check *check = &draft->checks[i];
        unsigned trait = container ? jsv_check_trait(check) : 0;
        if (check->container != container || (trait != 0) != settled)
            continue;
        checks[count++] = *check;
        group->avoid |= (uint8_t)trait;
    }
    return count;
}

bool jsv_plan_group(struct jsv_plan_draft *draft, struct jsv_plan *plan)
{
    struct jsv_plan_body *body = plan->body;
    unsigned groups = 0;
    uint8_t next = 0;
    sort_checks(draft);
    for (unsigned container = 0; container < draft->containers; container++) {
        struct jsv_plan_group *group = &body->group[groups];
        *group = (struct jsv_plan_group){.first = next, .root = !container};
        next = add_checks(draft, container, true, group, body->checks, next);
        group->rest = next;
        next = add_checks(draft, container, false, group, body->checks, next);
        if (next == group->first)
            continue;
        body->checks[next++] = (struct jsv_check){.op = CHECK_END};
        if (!find_path(draft, container, group))
            return false;
        groups++;
    }
    if (groups)
        body->group[groups - 1].last = true;
    return true;
}

bool jsv_plan_is_traits(const struct jsv_plan *plan)
{
    for (const struct jsv_plan_group *group = plan->body->group;; group++) {
        if (plan->body->checks[group->rest].op != CHECK_END)
            return false;
        if (group->last)
            return true;
    }
}

struct jsv_plan *jsv_plans_new(void)
{
    struct jsv_plan *plans = malloc(PLANS * sizeof(*plans));
    struct jsv_plan_body *bodies = malloc(PLANS * sizeof(*bodies));
    if (!plans || !bodies) {
        free(plans);
        free(bodies);
        return NULL;
    }
    for (unsigned i = 0; i < PLANS; i++)
        plans[i] = (struct jsv_plan){.body = &bodies[i]};
    return plans;
}

void jsv_plans_free(struct jsv_plan *plans)
{
    if (plans)
        free(plans->body); // the first one's: the place of all
    free(plans);
}
