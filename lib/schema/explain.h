// SPDX-License-Identifier: Apache-2.0
// What the explainer's files share (private to lib/schema).
#ifndef VOX_SCHEMA_EXPLAIN_H
#define VOX_SCHEMA_EXPLAIN_H

#include "lib/schema/context.h"

enum jsv_place {
    PLACE_SAME,    // the same value as one step before
    PLACE_MEMBER,  // the member `name`, which the schema states
    PLACE_ELEMENT, // the element `element`
    PLACE_HIDDEN   // a member whose name only the instance states: pointers end before it, if it is not to be
                   // shown
};

// One step of the way from the root, over keywords and into the instance. Lives on the stack.
struct jsv_step {
    const struct jsv_step *up; // NULL at the root
    enum jsv_keyword keyword;
    struct str name;   // under the keyword; absent: none
    struct str hidden; // the name that PLACE_HIDDEN hides
    size_t branch;     // the same for a list; SIZE_MAX: none
    enum jsv_place place;
    size_t element;
};

// A step that stays where it is.
#define STEP_ROOT ((struct jsv_step){.keyword = KW_COUNT, .branch = SIZE_MAX})

struct explain {
    struct jsv_context *c;
    struct jsv_error *errors;
    size_t max;
    size_t count;
    bool limit; // the walk is given up
    bool names; // nothing is hidden
};

static inline bool jsv_explain_done(const struct explain *e)
{
    return e->limit || e->count == e->max;
}

// Whether the value is refused; a limit ends the walk.
static inline bool jsv_refused(struct explain *e, enum jsv_verdict verdict)
{
    e->limit = e->limit || verdict == JSV_LIMIT;
    return verdict == JSV_INVALID;
}

// One instruction whose reasons lie at the value itself, whatever it asks of what is beneath. False: it
// holds.
bool jsv_explain_value(struct explain *e, const struct jsv_block *block, const struct jsv_insn *insn,
                       const struct json *value, const struct jsv_step *at);

#define JSV_TEXT_MAX (256u * 1024) // bytes of one text of an error

// Records that `keyword` of a block does not hold; `message` is used up. KW_COUNT: the block is `false`.
void jsv_report(struct explain *e, const struct jsv_block *block, enum jsv_keyword keyword,
                const struct jsv_step *at, struct buf *message);
// The text, and behind it the name in quotes if it is not absent.
void jsv_report_text(struct explain *e, const struct jsv_block *block, enum jsv_keyword keyword,
                     const struct jsv_step *at, const char *text, struct str name);
void jsv_report_insn(struct explain *e, const struct jsv_block *block, const struct jsv_insn *insn,
                     const struct jsv_step *at);

// Ends before a hidden member, unless `names`.
void jsv_path_instance(struct buf *out, const struct jsv_step *at, bool names);
void jsv_path_keyword(struct buf *out, const struct jsv_step *at);

// What an instruction asks for, as a sentence about the value.
void jsv_text_of_insn(struct buf *out, const struct jsv_program *program, const struct jsv_insn *insn);
void jsv_text_of_types(struct buf *out, const struct jsv_block *block);
void jsv_text_of_bound(struct buf *out, enum jsv_bound bound, const struct json *limit);
// "at least 3 elements"; `max` if it is the upper bound that failed.
void jsv_text_of_count(struct buf *out, uint32_t limit, bool max, const char *things);
// A value of the schema, cut to a readable length.
void jsv_text_of_value(struct buf *out, const struct json *value);

// As jsv_explain_open(), within what the context still has.
size_t jsv_explain_names(const struct jsv_program *program, struct jsv_context *context,
                         const struct json *instance, struct jsv_error *errors, size_t max);

#endif
