// SPDX-License-Identifier: Apache-2.0
// What the files share that make a plan (private to lib/schema).
#ifndef VOX_SCHEMA_PLAN_MAKE_H
#define VOX_SCHEMA_PLAN_MAKE_H

#include "lib/schema/plan.h"

// Where a value is: the root is in container 0.
struct place {
    unsigned container;
    uint32_t index;
};

struct planner {
    struct jsv_context *c;
    struct jsv_plan_draft draft;
    unsigned work;
    unsigned trying; // blocks under way that may be of no concern
    bool failed;     // no plan
    bool invalid;    // whatever the values are
    bool chosen;     // the plan is for the instance's own value of the first switch
    const struct jsv_switch *by;
    struct place member; // that it asks
};

static inline void settle(struct planner *p, bool holds)
{
    p->invalid = p->invalid || !holds;
}

// A verdict on names only.
static inline bool is_valid(struct planner *p, enum jsv_verdict verdict)
{
    p->failed = p->failed || verdict == JSV_LIMIT;
    return verdict == JSV_VALID;
}

// A check that is left to ask of the value at a place.
void jsv_plan_emit(struct planner *p, enum jsv_check_op op, struct place at, struct jsv_step step);
void jsv_plan_emit_insn(struct planner *p, const struct jsv_insn *insn, struct place at);
// plan_leaf.c: decides a leaf instruction for a value of this type, or emits its check.
void jsv_plan_leaf(struct planner *p, const struct jsv_insn *insn, const struct json *value, struct place at);

#endif
