// SPDX-License-Identifier: Apache-2.0
// Running blocks for a verdict (private to lib/schema).
#ifndef VOX_SCHEMA_RUN_H
#define VOX_SCHEMA_RUN_H

#include "lib/schema/context.h"
#include "lib/schema/regex.h"

// Whether a block admits a value; NULL is the string `context->name`.
MUST_CHECK enum jsv_verdict jsv_run(struct jsv_context *context, uint32_t block, const struct json *value);
// A run of the fast program begins.
void jsv_run_begin(struct jsv_context *context, const struct jsv_program *program);
// One instruction by itself.
MUST_CHECK enum jsv_verdict jsv_run_insn(struct jsv_context *context, const struct jsv_insn *insn,
                                         const struct json *value);
// How many elements satisfy `contains`, counted until its bounds are decided.
MUST_CHECK enum jsv_verdict jsv_count_contained(struct jsv_context *context,
                                                const struct jsv_contains *contains, const struct json *array,
                                                uint32_t *ret_count);

// A block that is `leaf`, and an instruction of such: they ask for no other block.
MUST_CHECK enum jsv_verdict jsv_run_leaf(struct jsv_context *context, const struct jsv_block *block,
                                         const struct json *value);
MUST_CHECK enum jsv_verdict jsv_run_leaf_insn(struct jsv_context *context, const struct jsv_insn *insn,
                                              const struct json *value);

static inline enum jsv_verdict jsv_verdict_of(bool holds)
{
    return holds ? JSV_VALID : JSV_INVALID;
}

static inline struct str jsv_text(const struct jsv_context *context, const struct json *value)
{
    return value ? json_text(value) : context->name;
}

// A search with what it costs.
static inline enum jsv_verdict jsv_search(struct jsv_context *context, const struct jsv_regex *regex,
                                          struct str text)
{
    if (!jsv_take_steps(context, jsv_regex_steps(regex, text.len)))
        return JSV_LIMIT;
    return jsv_regex_search(regex, context->matcher, text);
}

// More than `max` code points, or fewer than `min`?
bool jsv_length_holds(struct str text, uint32_t min, uint32_t max);

// The verdict by the plain program and without shortcuts: what jsv_validate() is tested against.
MUST_CHECK enum jsv_verdict jsv_validate_plain(const struct jsv_program *program, struct jsv_context *context,
                                               const struct json *instance);

#endif
