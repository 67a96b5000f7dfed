// SPDX-License-Identifier: Apache-2.0
// Recording an error: its texts go to the context's arena.
#include "lib/schema/explain.h"

static struct str keep(struct explain *e, struct buf *text)
{
    struct str kept = buf_ok(text) ? arena_dup(&e->c->errors, buf_str(text)) : STR_NULL;
    buf_clear(text);
    return kept.ptr ? kept : STR("");
}

void jsv_report(struct explain *e, const struct jsv_block *block, enum jsv_keyword keyword,
                const struct jsv_step *at, struct buf *message)
{
    struct buf text;
    struct jsv_step own = STEP_ROOT;
    const char *name = keyword == KW_COUNT ? "" : jsv_keyword_name(keyword);
    own.up = at;
    own.keyword = keyword;
    buf_init(&text, JSV_TEXT_MAX);
    if (!jsv_explain_done(e)) {
        struct jsv_error *error = &e->errors[e->count++];
        error->message = keep(e, message);
        if (keyword == KW_COUNT)
            name = at->keyword == KW_COUNT ? "false" : jsv_keyword_name(at->keyword);
        error->keyword = str_from(name);
        jsv_path_instance(&text, at, e->names);
        error->pointer = keep(e, &text);
        jsv_path_keyword(&text, &own);
        error->keyword_location = keep(e, &text);
        buf_put_str(&text, block->location);
        if (keyword != KW_COUNT)
            buf_putf(&text, "/%s", name);
        error->absolute_location = keep(e, &text);
    }
    buf_release(&text);
    buf_release(message);
}

void jsv_report_text(struct explain *e, const struct jsv_block *block, enum jsv_keyword keyword,
                     const struct jsv_step *at, const char *text, struct str name)
{
    struct buf message;
    buf_init(&message, JSV_TEXT_MAX);
    buf_put_cstr(&message, text);
    if (name.ptr)
        buf_putf(&message, " \"%.*s\"", STR_FMT(name));
    jsv_report(e, block, keyword, at, &message);
}

void jsv_report_insn(struct explain *e, const struct jsv_block *block, const struct jsv_insn *insn,
                     const struct jsv_step *at)
{
    struct buf message;
    buf_init(&message, JSV_TEXT_MAX);
    jsv_text_of_insn(&message, e->c->program, insn);
    jsv_report(e, block, (enum jsv_keyword)insn->keyword, at, &message);
}
