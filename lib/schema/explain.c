// SPDX-License-Identifier: Apache-2.0
// The reasons: walks the program keyword by keyword and records what does not hold.
//
// Groups that run.c decides at once are taken apart here. Where only some branch must hold, run.c decides
// first and the branches are walked only to report beneath a failure.
#include "lib/schema/explain.h"

#include "lib/schema/regex.h"
#include "lib/schema/run.h"
#include "lib/schema/unevaluated.h"

static void explain_block(struct explain *e, uint32_t block, const struct json *value,
                          const struct jsv_step *at);

static void explain_child(struct explain *e, uint32_t block, const struct json *value,
                          const struct jsv_step *up, struct jsv_step step)
{
    step.up = up;
    explain_block(e, block, value, &step);
}

static void explain_patterns(struct explain *e, const struct jsv_object *object, struct str name,
                             const struct json *value, const struct jsv_step *at, bool *stated)
{
    for (uint32_t i = 0; i < object->pattern_count && !jsv_explain_done(e); i++) {
        const struct jsv_pattern *pattern = &object->patterns[i];
        enum jsv_verdict found = jsv_search(e->c, pattern->regex, name);
        if (jsv_refused(e, found) || e->limit)
            continue;
        *stated = true;
        explain_child(e, pattern->block, value, at,
                      (struct jsv_step){.keyword = KW_PATTERN_PROPERTIES,
                                        .name = jsv_regex_text(pattern->regex),
                                        .branch = SIZE_MAX,
                                        .place = PLACE_HIDDEN,
                                        .hidden = name});
    }
}

// What is said once per object, however many members there are, where their names are not shown.
struct told {
    bool additional;
    bool names;
};

static void explain_member(struct explain *e, const struct jsv_object *object, struct str name,
                           const struct json *value, const struct jsv_step *at, struct told *told)
{
    uint32_t found = jsv_keys_find(&object->keys, name.ptr, name.len);
    bool stated = found != UINT32_MAX && object->properties[found].block != JSV_NONE;
    if (stated)
        explain_child(e, object->properties[found].block, value, at,
                      (struct jsv_step){.keyword = KW_PROPERTIES,
                                        .name = str_slice(object->keys.keys[found].ptr, name.len),
                                        .branch = SIZE_MAX,
                                        .place = PLACE_MEMBER});
    explain_patterns(e, object, name, value, at, &stated);
    if (stated || object->additional == JSV_NONE || told->additional)
        return;
    told->additional = !e->names && e->c->program->blocks.at[object->additional].never;
    explain_child(
        e, object->additional, value, at,
        (struct jsv_step){
            .keyword = KW_ADDITIONAL_PROPERTIES, .branch = SIZE_MAX, .place = PLACE_HIDDEN, .hidden = name});
}

static void explain_object(struct explain *e, const struct jsv_block *block, const struct jsv_object *object,
                           const struct json *value, const struct jsv_step *at)
{
    struct told told = {false, false};
    for (uint32_t i = 0; i < object->keys.count && !jsv_explain_done(e); i++) {
        const struct jsv_key *key = &object->keys.keys[i];
        if (object->properties[i].required && !json_get(value, str_slice(key->ptr, key->len)))
            jsv_report_text(e, block, KW_REQUIRED, at, "must have the member", str_slice(key->ptr, key->len));
    }
    e->limit = e->limit || !jsv_take_steps(e->c, json_count(value));
    for (uint32_t i = 0; i < json_count(value) && !jsv_explain_done(e); i++) {
        struct str name = json_name(value, i);
        explain_member(e, object, name, json_at(value, i), at, &told);
        if (object->names == JSV_NONE || told.names)
            continue;
        e->c->name = name;
        told.names = jsv_refused(e, jsv_run(e->c, object->names, NULL));
        if (told.names)
            jsv_report_text(e, block, KW_PROPERTY_NAMES, at, "has a member whose name is not allowed",
                            STR_NULL);
    }
}

static void explain_array(struct explain *e, const struct jsv_array *array, const struct json *value,
                          const struct jsv_step *at)
{
    for (size_t i = 0; i < json_count(value) && !jsv_explain_done(e); i++) {
        bool in_prefix = i < array->prefix_count;
        if (!in_prefix && array->rest == JSV_NONE)
            break;
        e->limit = e->limit || !jsv_take_steps(e->c, 1);
        explain_child(e, in_prefix ? e->c->program->lists.at[array->prefix + i] : array->rest,
                      json_at(value, i), at,
                      (struct jsv_step){.keyword = (enum jsv_keyword)(in_prefix ? array->prefix_keyword
                                                                                : array->rest_keyword),
                                        .branch = in_prefix ? i : SIZE_MAX,
                                        .place = PLACE_ELEMENT,
                                        .element = i});
    }
}

static void explain_contains(struct explain *e, const struct jsv_block *block,
                             const struct jsv_contains *contains, const struct json *value,
                             const struct jsv_step *at)
{
    uint32_t count = 0;
    struct buf message;
    e->limit = e->limit || jsv_count_contained(e->c, contains, value, &count) == JSV_LIMIT;
    if (e->limit || (count >= contains->min && count <= contains->max))
        return;
    bool above = count > contains->max;
    enum jsv_keyword keyword = above ? KW_MAX_CONTAINS : contains->min_stated ? KW_MIN_CONTAINS : KW_CONTAINS;
    buf_init(&message, JSV_TEXT_MAX);
    jsv_text_of_count(&message, above ? contains->max : contains->min, above,
                      "elements that match the schema of \"contains\"");
    jsv_report(e, block, keyword, at, &message);
}

static void explain_inside(struct explain *e, const struct jsv_block *block, const struct jsv_insn *insn,
                           const struct json *value, const struct jsv_step *at)
{
    const struct jsv_program *program = e->c->program;
    if (!json_is_object(value) && !json_is_array(value))
        return;
    e->limit = e->limit || e->c->depth == e->c->depth_max;
    if (e->limit)
        return;
    e->c->depth++;
    if (insn->op == OP_OBJECT && json_is_object(value))
        explain_object(e, block, &program->objects.at[insn->a], value, at);
    else if (insn->op == OP_ARRAY && json_is_array(value))
        explain_array(e, &program->arrays.at[insn->a], value, at);
    else if (insn->op == OP_CONTAINS && json_is_array(value))
        explain_contains(e, block, &program->contains.at[insn->a], value, at);
    e->c->depth--;
}

static void explain_branches(struct explain *e, const struct jsv_insn *insn, const struct json *value,
                             const struct jsv_step *at)
{
    for (uint32_t i = 0; i < insn->b && !jsv_explain_done(e); i++)
        explain_child(e, e->c->program->lists.at[insn->a + i], value, at,
                      (struct jsv_step){.keyword = (enum jsv_keyword)insn->keyword, .branch = i});
}

static void explain_one_of(struct explain *e, const struct jsv_block *block, const struct jsv_insn *insn,
                           const struct json *value, const struct jsv_step *at)
{
    unsigned held = 0;
    if (!jsv_refused(e, jsv_run_insn(e->c, insn, value)))
        return;
    for (uint32_t i = 0; i < insn->b && !e->limit; i++)
        held += !jsv_refused(e, jsv_run(e->c, e->c->program->lists.at[insn->a + i], value));
    if (e->limit)
        return;
    jsv_report_text(e, block, KW_ONE_OF, at,
                    held ? "must match exactly one of the schemas, and matches more"
                         : "must match exactly one of the schemas, and matches none",
                    STR_NULL);
    if (!held)
        explain_branches(e, insn, value, at);
}

static void explain_if(struct explain *e, const struct jsv_insn *insn, const struct json *value,
                       const struct jsv_step *at)
{
    const uint32_t *blocks = e->c->program->lists.at + insn->a;
    bool otherwise = jsv_refused(e, jsv_run(e->c, blocks[0], value));
    uint32_t next = blocks[otherwise ? 2 : 1];
    if (!e->limit && next != JSV_NONE)
        explain_child(e, next, value, at,
                      (struct jsv_step){.keyword = otherwise ? KW_ELSE : KW_THEN, .branch = SIZE_MAX});
}

static void explain_dependency(struct explain *e, const struct jsv_block *block, const struct jsv_insn *insn,
                               const struct json *value, const struct jsv_step *at)
{
    const struct jsv_dependency *dependency = &e->c->program->dependencies.at[insn->a];
    enum jsv_keyword keyword = (enum jsv_keyword)insn->keyword;
    if (!json_get(value, dependency->name))
        return;
    for (uint32_t i = 0; i < dependency->name_count; i++)
        if (!json_get(value, dependency->names[i]))
            jsv_report_text(e, block, keyword, at, "beside what it has, must have the member",
                            dependency->names[i]);
    if (dependency->block != JSV_NONE)
        explain_child(e, dependency->block, value, at,
                      (struct jsv_step){.keyword = keyword, .name = dependency->name, .branch = SIZE_MAX});
}

// What no keyword before has evaluated. `false` is told once per object, for members are not named.
static void explain_rest(struct explain *e, const struct jsv_insn *insn, const struct json *value,
                         const struct jsv_marks *marks, const struct jsv_step *at)
{
    bool once = e->c->program->blocks.at[insn->a].never;
    struct jsv_step step = {.up = at, .keyword = (enum jsv_keyword)insn->keyword, .branch = SIZE_MAX};
    size_t i = 0, before = e->count;
    if (json_is_array(value)) {
        step.place = PLACE_ELEMENT;
        for (; i < marks->count && !jsv_explain_done(e); i++) {
            step.element = i;
            if (!jsv_marked(marks, i))
                explain_block(e, insn->a, json_at(value, i), &step);
        }
        return;
    }
    step.place = PLACE_HIDDEN;
    for (; i < marks->count && !jsv_explain_done(e) && !(once && e->count > before); i++) {
        step.hidden = json_name(value, i);
        if (!jsv_marked(marks, i))
            explain_block(e, insn->a, json_at(value, i), &step);
    }
}

static void explain_unevaluated(struct explain *e, const struct jsv_insn *insn, const struct json *value,
                                const struct jsv_step *at)
{
    struct jsv_marks marks;
    if (insn->op == OP_REST_MEMBERS ? !json_is_object(value) : !json_is_array(value))
        return;
    e->limit = e->limit || e->c->depth == e->c->depth_max;
    if (e->limit)
        return;
    e->c->depth++;
    e->limit = jsv_marks_collect(e->c, insn, value, &marks) == JSV_LIMIT;
    if (!e->limit)
        explain_rest(e, insn, value, &marks, at);
    jsv_marks_release(e->c, &marks);
    e->c->depth--;
}

static void explain_insn(struct explain *e, const struct jsv_block *block, const struct jsv_insn *insn,
                         const struct json *value, const struct jsv_step *at)
{
    switch ((enum jsv_op)insn->op) {
    case OP_DEPENDENCY:
        explain_dependency(e, block, insn, value, at);
        break;
    case OP_OBJECT:
    case OP_ARRAY:
    case OP_CONTAINS:
        explain_inside(e, block, insn, value, at);
        break;
    case OP_REF:
        explain_child(e, insn->a, value, at,
                      (struct jsv_step){.keyword = (enum jsv_keyword)insn->keyword, .branch = SIZE_MAX});
        break;
    case OP_ALL_OF:
        explain_branches(e, insn, value, at);
        break;
    case OP_ONE_OF:
        explain_one_of(e, block, insn, value, at);
        break;
    case OP_IF:
        explain_if(e, insn, value, at);
        break;
    case OP_REST_MEMBERS:
    case OP_REST_ELEMENTS:
        explain_unevaluated(e, insn, value, at);
        break;
    default:
        if (jsv_explain_value(e, block, insn, value, at) && insn->op == OP_ANY_OF)
            explain_branches(e, insn, value, at);
    }
}

static void explain_block(struct explain *e, uint32_t index, const struct json *value,
                          const struct jsv_step *at)
{
    const struct jsv_program *program = e->c->program;
    const struct jsv_block *block = &program->blocks.at[index];
    struct buf message;
    if (jsv_explain_done(e))
        return;
    if (e->c->frames == e->c->frames_max || !jsv_take_steps(e->c, block->count + 1)) {
        e->limit = true;
        return;
    }
    if (block->never) {
        jsv_report_text(e, block, KW_COUNT, at, "is not allowed by the schema", STR_NULL);
        return;
    }
    if (!(block->types & TYPE_BIT(value->type))) {
        buf_init(&message, JSV_TEXT_MAX);
        jsv_text_of_types(&message, block);
        jsv_report(e, block, KW_TYPE, at, &message);
        return; // what else its schema says is about another type
    }
    e->c->frames++;
    size_t before = e->count;
    for (uint32_t i = 0; i < block->count && !jsv_explain_done(e); i++) {
        const struct jsv_insn *insn = &program->insns.at[block->first + i];
        // What was evaluated is known only if all before holds.
        if (insn->op < OP_REST_MEMBERS || e->count == before)
            explain_insn(e, block, insn, value, at);
    }
    e->c->frames--;
}

static size_t explain_root(struct explain *e, const struct json *instance)
{
    struct jsv_step root = STEP_ROOT;
    arena_reset(&e->c->errors);
    if (e->max)
        explain_block(e, 0, instance, &root);
    return e->count;
}

size_t jsv_explain(const struct jsv_program *program, struct jsv_context *context,
                   const struct json *instance, struct jsv_error *errors, size_t max)
{
    struct explain e = {.c = context, .errors = errors, .max = max};
    jsv_context_begin(context, program);
    return explain_root(&e, instance);
}

size_t jsv_explain_open(const struct jsv_program *program, struct jsv_context *context,
                        const struct json *instance, struct jsv_error *errors, size_t max)
{
    struct explain e = {.c = context, .errors = errors, .max = max, .names = true};
    jsv_context_begin(context, program);
    return explain_root(&e, instance);
}

size_t jsv_explain_names(const struct jsv_program *program, struct jsv_context *context,
                         const struct json *instance, struct jsv_error *errors, size_t max)
{
    struct explain e = {.c = context, .errors = errors, .max = max, .names = true};
    context->program = program;
    return explain_root(&e, instance);
}
