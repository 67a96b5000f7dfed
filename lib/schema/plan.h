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
#define PLAN_WORK       2000 // instructions and members looked at while a plan is made

// In the order in which they run.
enum jsv_check_op {
    CHECK_INTEGER, // low..high
    CHECK_LENGTH,  // low..high code points
    CHECK_TEXT,    // a: length of a string; its words (keys.h)
    CHECK_PICK,    // pick: among an enum's strings
    CHECK_TEXTS,   // an enum's strings, each in the slot that it hashes to; a: the mask
    CHECK_REAL,    // least..most
    CHECK_WHOLE,   // a real without a fraction
    CHECK_LONG,    // as CHECK_TEXT, longer than two words: text
    CHECK_LINEAR,  // linear: a pattern's automaton
    CHECK_NAMES,   // keys: an enum's strings that share slots
    CHECK_INSN     // insn: an instruction of the fast program
};

struct jsv_step;

// Runs a step and all behind it: each ends with a jump to the next. `values` are those of the container that
// was entered last.
typedef enum jsv_verdict jsv_step_fn(const struct jsv_step *step, const struct json *values,
                                     const struct json *root, struct jsv_context *context);

#define PLAN_DEPTH 6

// What a plan points at is its program's, which lives while a plan of its id is run.
struct jsv_step {
    jsv_step_fn *run;
    uint32_t place; // of the value among its container's, in bytes
    union {
        uint32_t a;
        uint32_t skip; // where a container's traits let the next steps be passed: bytes to the one that comes
    };
    union {
        struct {
            int64_t low, high;
        };
        struct {
            int64_t from; // a value less `from`, as a number without a sign, is at most `span`
            uint64_t span;
        };
        struct {
            double least, most;
        };
        struct {
            uint64_t head, tail;
        };
        struct {
            const struct jsv_key *slots;
            uint64_t factor;
        };
        struct {            // into a container:
            uint16_t avoid; // with one of these traits come the next steps,
            uint8_t depth;
            uint8_t unused;
            uint16_t path[PLAN_DEPTH]; // from the root's values on, so many as `depth`
        };
        struct jsv_pick pick;
        const char *text;
        const struct jsv_keys *keys;
        const struct jsv_linear *linear;
        const struct jsv_insn *insn;
        struct {
            const struct jsv_program *program;
            const struct jsv_switch *by;
        };
    };
};
_Static_assert(sizeof(struct jsv_step) == 32, "two steps fit a line of the cache");

struct jsv_check {
    uint8_t op;
    uint8_t container; // 0: the root by itself
    uint16_t index;
    struct jsv_step step; // its operands
};

enum jsv_plan_state {
    PLAN_EMPTY,
    PLAN_SEEN, // once
    PLAN_NONE, // it cannot be planned
    PLAN_INVALID,
    PLAN_VALID,  // nothing is left to ask
    PLAN_LIGHT,  // there are steps, and none takes an instruction
    PLAN_SWITCH, // a member's value chooses among plans
    PLAN_FULL
};

#define PLAN_STEPS (PLAN_CHECKS + PLAN_CONTAINERS + 2) // entered containers, the begin of a run, the end

// By itself, for a refusal needs no more.
struct jsv_plan {
    uint64_t program;
    uint64_t form;
    struct jsv_step *steps; // PLAN_STEPS, for the context's life
    uint8_t state;          // enum jsv_plan_state
};

// Forms and programs are counted, so that those in use mostly fall on places of their own.
static inline struct jsv_plan *jsv_plan_slot(const struct jsv_context *context,
                                             const struct jsv_program *program, uint64_t form)
{
    return &context->plans[(form + program->salt) % PLANS];
}

// The form that stands for another where a member has the value of this number.
#define PLAN_CHOICE_SHIFT 48
_Static_assert(JSON_IDS == (uint64_t)1 << PLAN_CHOICE_SHIFT, "ids of forms leave room for the value");
static inline uint64_t jsv_plan_choice(uint64_t form, uint32_t value)
{
    return form | ((uint64_t)value + 1) << PLAN_CHOICE_SHIFT;
}

static inline struct jsv_plan *jsv_plan_choice_slot(const struct jsv_context *context,
                                                    const struct jsv_program *program, uint64_t form,
                                                    uint32_t value)
{
    return jsv_plan_slot(context, program, form + 31 * ((uint64_t)value + 1));
}

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

// Puts the draft's checks in order and makes the plan's steps of them; false if a container is too deep.
MUST_CHECK bool jsv_plan_build(struct jsv_plan_draft *draft, const struct jsv_program *program,
                               struct jsv_step *steps);
// The steps of a plan that a member's value chooses; false as above.
MUST_CHECK bool jsv_plan_build_switch(const struct jsv_plan_draft *draft, unsigned container,
                                      struct jsv_step step, struct jsv_step *steps);
// The trait without which a check holds; 0 if there is none.
unsigned jsv_check_trait(const struct jsv_check *check);

// plan_step.c: the step of a check, without its place.
struct jsv_step jsv_step_of(const struct jsv_check *check);
jsv_step_fn jsv_step_valid;        // the end
jsv_step_fn jsv_step_begin;        // program: a run, which instructions need
jsv_step_fn jsv_step_enter_root;   // into the root's values
jsv_step_fn jsv_step_enter_member; // into those of a container at `place` there
jsv_step_fn jsv_step_enter;        // into those of one further down
jsv_step_fn jsv_step_itself;       // the root alone
jsv_step_fn jsv_step_switch;       // program, by: the member at `place` chooses the plan

// A verdict where the slot's plan is not one of this form, or is not made: by the program, or by the plan
// once it is.
MUST_CHECK enum jsv_verdict jsv_plan_miss(struct jsv_context *context, const struct jsv_program *program,
                                          struct jsv_plan *plan, uint64_t form, const struct json *instance);

// Makes the plan for a form by an instance of it. The context's run has begun, on the fast program.
void jsv_plan_make(struct jsv_context *context, struct jsv_plan *plan, const struct json *instance);

// An empty table; NULL when memory is out.
MUST_CHECK struct jsv_plan *jsv_plans_new(void);
void jsv_plans_free(struct jsv_plan *plans); // NULL is allowed

#endif
