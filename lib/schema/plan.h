// SPDX-License-Identifier: Apache-2.0
// Plans: what a program has left to ask of instances of one form (private to lib/schema).
//
// A form (lib/json/value.h) settles names, types and numbers of elements all the way down. So for a program
// and a form most instructions are decided once, and what is left is a short list of checks of single
// values, or a refusal. Plans are in the context, in a table of fixed size; a form is planned when it is met
// for the second time, and another that falls on the same place drives it out. What does not fit a plan runs
// as if there were none. A plan agrees with the fast program; where that would hit a limit, a plan may know
// better.
#ifndef VOX_SCHEMA_PLAN_H
#define VOX_SCHEMA_PLAN_H

#include "lib/schema/context.h"

#define PLANS           256
#define PLAN_CHECKS     40
#define PLAN_CONTAINERS 16
#define PLAN_DEPTH      6
#define PLAN_WORK       2000 // instructions and members looked at while a plan is made

// In the order in which they run.
enum jsv_check_op {
    CHECK_INTEGER, // low..high
    CHECK_LENGTH,  // low..high code points
    CHECK_TEXT,    // a: length of a string; its words (keys.h)
    CHECK_TEXTS,   // an enum's strings, each in the slot that it hashes to; a: the mask
    CHECK_REAL,    // least..most
    CHECK_WHOLE,   // a real without a fraction
    CHECK_LONG,    // as CHECK_TEXT, longer than two words: text
    CHECK_LINEAR,  // linear: a pattern's automaton
    CHECK_NAMES,   // keys: an enum's strings that share slots
    CHECK_INSN,    // a: instruction
    CHECK_END      // of a group
};

struct jsv_check {
    uint8_t op;
    uint8_t container; // 0: the root by itself
    uint16_t index;
    uint32_t a;
    union {
        struct {
            int64_t low, high;
        };
        struct {
            double least, most;
        };
        struct {
            uint64_t head, tail;
        };
        const char *text; // what a plan points at is its program's
        struct {
            const struct jsv_key *slots;
            uint64_t factor;
        };
        const struct jsv_keys *keys;
        const struct jsv_linear *linear;
    };
};

// The trait without which a check holds; 0 if there is none.
unsigned jsv_check_trait(const struct jsv_check *check);

enum jsv_plan_state {
    PLAN_EMPTY,
    PLAN_SEEN, // once
    PLAN_NONE, // it cannot be planned
    PLAN_INVALID,
    PLAN_VALID,  // nothing is left to ask
    PLAN_TRAITS, // all checks are such as their group's traits may settle
    PLAN_LIGHT,  // no check takes steps
    PLAN_FULL
};

// The checks of values that are neighbours: where these are, from the root on.
struct jsv_plan_group {
    uint8_t depth; // of `path`
    uint8_t first; // check
    uint8_t rest;  // the first check that has something to ask of values without these traits:
    uint8_t avoid; // JSON_HAS_…
    bool root;     // of the root by itself; never in a light plan
    bool last;
    uint16_t path[PLAN_DEPTH]; // behind the root
};

struct jsv_plan_body {
    struct jsv_context *context;
    const struct jsv_program *program; // it lives while a plan of its id is run
    struct jsv_plan_group group[PLAN_CONTAINERS];
    struct jsv_check checks[PLAN_CHECKS + PLAN_CONTAINERS];
};

// By itself, for a refusal needs no more.
struct jsv_plan {
    uint64_t program;
    uint64_t form;
    struct jsv_plan_body *body; // for the context's life
    uint8_t state;              // enum jsv_plan_state
};

static inline struct jsv_plan *jsv_plan_slot(const struct jsv_context *context,
                                             const struct jsv_program *program, uint64_t form)
{
    uint64_t mixed = (form ^ program->id << 40) * 0x9e3779b97f4a7c15u;
    return &context->plans[mixed >> 56];
}
_Static_assert(PLANS == 256, "eight bits choose a plan");

// What the context knows of an instance's form: for tests. PLAN_EMPTY if nothing.
static inline enum jsv_plan_state jsv_plan_state_of(const struct jsv_context *context,
                                                    const struct jsv_program *program,
                                                    const struct json *instance)
{
    uint64_t form = json_form_of(instance);
    const struct jsv_plan *plan = jsv_plan_slot(context, program, form);
    bool known = form && plan->form == form && plan->program == program->id;
    return known ? (enum jsv_plan_state)plan->state : PLAN_EMPTY;
}

// What a planner has found out, before it is put in groups.
struct jsv_plan_draft {
    struct jsv_check checks[PLAN_CHECKS];
    uint8_t count;
    uint8_t containers;
    uint8_t up[PLAN_CONTAINERS]; // the container that a container is in
    uint16_t at[PLAN_CONTAINERS];
};

// Sorts the draft's checks into the groups of the plan; false if it is too deep for one.
MUST_CHECK bool jsv_plan_group(struct jsv_plan_draft *draft, struct jsv_plan *plan);

// Whether a plan with groups has no check that traits cannot settle.
bool jsv_plan_is_traits(const struct jsv_plan *plan);

// Makes the plan for a form by an instance of it. The context's run has begun, on the fast program.
void jsv_plan_make(struct jsv_context *context, struct jsv_plan *plan, const struct json *instance);

// An empty table; NULL when memory is out.
MUST_CHECK struct jsv_plan *jsv_plans_new(void);
void jsv_plans_free(struct jsv_plan *plans); // NULL is allowed

#endif
