// SPDX-License-Identifier: Apache-2.0
// What a run needs beside the program and the instance (private to lib/schema).
#ifndef VOX_SCHEMA_CONTEXT_H
#define VOX_SCHEMA_CONTEXT_H

#include "lib/base/arena.h"
#include "lib/base/buf.h"
#include "lib/schema/program.h"

#define JSV_UNIQUE_PAIRS 16    // arrays up to this length are compared pair by pair
#define JSV_UNIQUE_MAX   16384 // elements that the table holds; longer arrays go by pairs, at a price in steps

#define JSV_MARK_WORDS 8192 // for unevaluated…: 2^19 members and elements under way at once

struct jsv_unique_slot {
    uint32_t hash;
    uint32_t index; // + 1; 0 is empty
};

#define JSV_MEMO       1024 // verdicts remembered
#define JSV_MEMO_DEPTH 4    // of the instance, from which on they are

// What a block said of a value in this run. Blocks look at nothing but the value, so it says the same again;
// without this two branches that both recurse would take 2^depth steps.
struct jsv_memo {
    const struct json *value;
    uint32_t block;
    uint32_t stamp; // 2 * run + (valid)
};

struct jsv_plan;

struct jsv_context {
    struct jsv_plan *plans;         // PLANS
    const struct jsv_block *blocks; // of the program's form that is run
    const struct jsv_insn *insns;
    struct jsv_memo *memo; // JSV_MEMO
    uint32_t run;
    bool memorise;
    const struct jsv_program *program; // of the run under way
    uint32_t steps;                    // left
    uint32_t depth;                    // of the instance, so far
    uint32_t frames;                   // blocks under way
    uint32_t depth_max;
    uint32_t frames_max;
    uint32_t marks_used; // words
    uint64_t *marks;     // JSV_MARK_WORDS
    struct str name;     // the instance where a run's value is NULL: a member name as a string
    struct jsv_matcher *matcher;
    struct jsv_unique_slot *unique; // 2 * JSV_UNIQUE_MAX
    struct arena errors;            // texts of the last explain
};

// Takes `count` steps; false if fewer are left, and then none are.
static inline bool jsv_take_steps(struct jsv_context *context, size_t count)
{
    if (__builtin_expect(count > context->steps, 0)) {
        context->steps = 0;
        return false;
    }
    context->steps -= (uint32_t)count;
    return true;
}

// The plain form.
void jsv_context_begin(struct jsv_context *context, const struct jsv_program *program);

#endif
