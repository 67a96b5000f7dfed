// SPDX-License-Identifier: Apache-2.0
// unevaluatedProperties and unevaluatedItems (private to lib/schema).
//
// Nothing is recorded while a block runs. When it has come to its unevaluated… keyword and all before it
// held, jsv_marks_collect() goes over the block's instructions again and marks what they evaluate; of
// branches that need not hold it asks which do. Marks are a bit per member or element, in a piece of the
// context that is given back when the keyword is decided.
#ifndef VOX_SCHEMA_UNEVALUATED_H
#define VOX_SCHEMA_UNEVALUATED_H

#include "lib/schema/context.h"

struct jsv_marks {
    uint64_t *words;
    size_t count;
    bool all;
};

static inline bool jsv_marked(const struct jsv_marks *marks, size_t index)
{
    return marks->all || marks->words[index / 64] >> (index % 64) & 1;
}

// Marks for a container's members or elements, filled for `insn`, which is OP_REST_…; JSV_LIMIT or JSV_VALID.
// End with jsv_marks_release(), whatever came.
MUST_CHECK enum jsv_verdict jsv_marks_collect(struct jsv_context *context, const struct jsv_insn *insn,
                                              const struct json *value, struct jsv_marks *marks);
void jsv_marks_release(struct jsv_context *context, const struct jsv_marks *marks);
MUST_CHECK enum jsv_verdict jsv_run_rest(struct jsv_context *context, const struct jsv_insn *insn,
                                         const struct json *value);

// Whether an OP_OBJECT of the block states the member: JSV_VALID if one does.
MUST_CHECK enum jsv_verdict jsv_is_stated(struct jsv_context *context, const struct jsv_block *block,
                                          struct str name);
// OP_OTHER_MEMBERS.
MUST_CHECK enum jsv_verdict jsv_run_others(struct jsv_context *context, const struct jsv_insn *insn,
                                           const struct json *value);

#endif
