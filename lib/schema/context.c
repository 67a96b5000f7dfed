// SPDX-License-Identifier: Apache-2.0
// All memory that runs need, taken once.
#include "lib/schema/context.h"

#include "lib/schema/plan.h"
#include "lib/schema/regex.h"

#define ERROR_BYTES (1u << 20)

struct jsv_context *jsv_context_new(struct err *err)
{
    struct jsv_context *context = calloc(1, sizeof(*context));
    if (context) {
        arena_init(&context->errors, 4096, ERROR_BYTES);
        context->matcher = jsv_matcher_new();
        context->unique = malloc(2 * JSV_UNIQUE_MAX * sizeof(*context->unique));
        context->marks = malloc(JSV_MARK_WORDS * sizeof(*context->marks));
        context->memo = calloc(JSV_MEMO, sizeof(*context->memo));
        context->plans = jsv_plans_new();
        if (context->plans && context->memo && context->matcher && context->unique && context->marks)
            return context;
    }
    jsv_context_free(context);
    err_set(err, "Out of memory for a schema validation context.");
    return NULL;
}

void jsv_context_free(struct jsv_context *context)
{
    if (!context)
        return;
    jsv_matcher_free(context->matcher);
    free(context->unique);
    free(context->marks);
    free(context->memo);
    jsv_plans_free(context->plans);
    arena_release(&context->errors);
    free(context);
}

void jsv_context_begin(struct jsv_context *context, const struct jsv_program *program)
{
    context->program = program;
    context->blocks = program->blocks.at;
    context->insns = program->insns.at;
    context->memorise = program->branches;
    if (++context->run == UINT32_MAX / 2) {
        memset(context->memo, 0, JSV_MEMO * sizeof(*context->memo));
        context->run = 1;
    }
    context->steps = JSV_STEPS;
    context->depth = 0;
    context->frames = 0;
    context->depth_max = JSV_DEPTH;
    context->frames_max = JSV_FRAMES;
    context->marks_used = 0;
    context->name = STR_NULL;
}
