// SPDX-License-Identifier: Apache-2.0
// From a subschema and all it can reach to a program.
#include "lib/schema/compile.h"
#include "lib/schema/metaschema.h"
#include "lib/schema/regex.h"

#include <stdarg.h>

static bool fail_at(struct jsv_compiler *c, const char *keyword, const char *what)
{
    struct buf location;
    buf_init(&location, 4096);
    jsv_registry_location(c->registry, c->subschema, &location);
    struct str text = buf_str(&location);
    err_set(c->err, "Schema %.*s%s%s: %s.", (int)MIN(text.len, 300), text.ptr ? text.ptr : "",
            *keyword ? "/" : "", keyword, what);
    buf_release(&location);
    return false;
}

bool compile_fail(struct jsv_compiler *c, enum jsv_keyword keyword, const char *format, ...)
{
    char what[320];
    va_list args;
    va_start(args, format);
    vsnprintf(what, sizeof(what), format, args);
    va_end(args);
    return fail_at(c, keyword == KW_COUNT ? "" : jsv_keyword_name(keyword), what);
}

bool compile_no_memory(struct jsv_compiler *c)
{
    return fail_at(c, "", "the schema is too large, or memory is out");
}

const struct json *compile_get(const struct jsv_compiler *c, enum jsv_keyword keyword)
{
    if (!(c->vocabularies & 1u << jsv_keyword_info(keyword)->vocabulary))
        return NULL;
    return jsv_keyword_get(c->schema, keyword, c->dialect);
}

bool compile_emit(struct jsv_compiler *c, enum jsv_op op, enum jsv_keyword keyword, uint32_t a, uint32_t b)
{
    struct jsv_insn *insn = VEC_PUSH(&c->program->insns);
    if (!insn)
        return compile_no_memory(c);
    *insn = (struct jsv_insn){(uint8_t)op, (uint8_t)keyword, a, b};
    struct jsv_block *block = &c->program->blocks.at[c->block];
    block->work |= (uint8_t)jsv_op_types(op);
    block->leaf = block->leaf && jsv_op_is_leaf(op);
    block->count++;
    return true;
}

static bool add_block(struct jsv_compiler *c, const struct jsv_source *from)
{
    if (c->program->blocks.count == JSV_BLOCKS)
        return compile_fail(c, KW_COUNT, "more than %d subschemas", JSV_BLOCKS);
    struct jsv_source *source = VEC_PUSH(&c->sources);
    struct jsv_block *block = VEC_PUSH(&c->program->blocks);
    struct buf location;
    buf_init(&location, JSV_PROGRAM_SIZE);
    jsv_registry_location(c->registry, from->subschema, &location);
    struct str text = buf_ok(&location) ? arena_dup(&c->program->arena, buf_str(&location)) : STR_NULL;
    buf_release(&location);
    if (!source || !block || !text.ptr)
        return compile_no_memory(c);
    *source = *from;
    block->location = text;
    return true;
}

bool compile_target(struct jsv_compiler *c, uint32_t subschema, uint32_t *ret_block)
{
    while (c->blocks.count <= subschema)
        if (!VEC_PUSH(&c->blocks))
            return compile_no_memory(c);
    struct jsv_source source = {.subschema = subschema, .next = c->blocks.at[subschema]};
    if (!compile_scope(c, c->scope, c->registry->subschemas.at[subschema].resource, &source.scope))
        return false;
    for (uint32_t at = source.next; at; at = c->sources.at[at - 1].next) {
        if (c->sources.at[at - 1].scope == source.scope) {
            *ret_block = at - 1;
            return true;
        }
    }
    if (!add_block(c, &source))
        return false;
    *ret_block = c->program->blocks.count - 1;
    c->blocks.at[subschema] = *ret_block + 1;
    return true;
}

bool compile_child(struct jsv_compiler *c, enum jsv_keyword keyword, struct str name, const struct json *node,
                   uint32_t *ret_block)
{
    uint32_t subschema;
    if (!json_is_object(node) && !json_is_boolean(node))
        return compile_fail(c, keyword, "%.*s%sa schema is an object or a boolean", (int)MIN(name.len, 100),
                            name.ptr ? name.ptr : "", name.len ? ": " : "");
    if (!jsv_registry_child(c->registry, c->subschema, jsv_keyword_name(keyword), name, node, &subschema,
                            c->err))
        return false;
    return compile_target(c, subschema, ret_block);
}

bool compile_list(struct jsv_compiler *c, enum jsv_keyword keyword, const struct json *array,
                  uint32_t *ret_first)
{
    uint32_t first = c->program->lists.count;
    if (!json_is_array(array) || (!json_count(array) && keyword != KW_ITEMS))
        return compile_fail(c, keyword, "it must be a list of schemas");
    for (size_t i = 0; i < json_count(array); i++) {
        char name[24];
        uint32_t block, *item;
        snprintf(name, sizeof(name), "%zu", i);
        if (!compile_child(c, keyword, str_from(name), json_at(array, i), &block))
            return false;
        item = VEC_PUSH(&c->program->lists);
        if (!item)
            return compile_no_memory(c);
        *item = block;
    }
    *ret_first = first;
    return true;
}

bool compile_jump(struct jsv_compiler *c, uint32_t to)
{
    struct jsv_jump *jump = VEC_PUSH(&c->jumps);
    if (!jump)
        return compile_no_memory(c);
    *jump = (struct jsv_jump){c->block, to};
    return true;
}

bool compile_value(struct jsv_compiler *c, const struct json *value, uint32_t *ret_index)
{
    struct json *copy = arena_alloc(&c->program->arena, sizeof(*copy));
    bool ok = copy && json_copy_into(&c->program->arena, value, copy);
    const struct json **item = ok ? VEC_PUSH(&c->program->values) : NULL;
    if (!item)
        return compile_no_memory(c);
    *item = copy;
    *ret_index = c->program->values.count - 1;
    return true;
}

bool compile_count(struct jsv_compiler *c, enum jsv_keyword keyword, uint32_t *count)
{
    const struct json *value = compile_get(c, keyword);
    if (!value)
        return true;
    double real = json_number(value);
    if (!json_is_number(value) || !jsv_real_is_whole(real) || real < 0)
        return compile_fail(c, keyword, "it must be a whole number that is not negative");
    *count = real >= UINT32_MAX ? UINT32_MAX : (uint32_t)real;
    return true;
}

bool compile_names(struct jsv_compiler *c, enum jsv_keyword keyword, const struct json *array,
                   struct str **ret_names)
{
    size_t count = json_count(array);
    struct str *names = arena_alloc(&c->program->arena, count * sizeof(*names));
    if (!json_is_array(array))
        return compile_fail(c, keyword, "it must be a list of names");
    if (!names)
        return compile_no_memory(c);
    for (size_t i = 0; i < count; i++) {
        const struct json *item = json_at(array, i);
        if (!json_is_string(item))
            return compile_fail(c, keyword, "it must be a list of names");
        names[i] = arena_dup(&c->program->arena, json_text(item));
        if (!names[i].ptr)
            return compile_no_memory(c);
    }
    *ret_names = names;
    return true;
}

// Refuses what would otherwise be ignored.
static bool check_keywords(struct jsv_compiler *c)
{
    for (uint32_t at = 0; at < json_count(c->schema); at++) {
        struct str name = json_name(c->schema, at);
        enum jsv_keyword keyword = jsv_keyword_find(name, c->dialect);
        if (keyword != KW_COUNT && !(c->vocabularies & 1u << jsv_keyword_info(keyword)->vocabulary))
            keyword = KW_COUNT;
        if (keyword != KW_COUNT && jsv_keyword_info(keyword)->kind == KIND_REFUSE)
            return compile_fail(c, keyword, "the keyword is not supported");
        if (keyword == KW_COUNT && !c->options.ignore_unknown && !str_starts(name, STR("x-"))) {
            struct buf escaped;
            buf_init(&escaped, 4096);
            for (size_t i = 0; i < name.len; i++)
                buf_put_char(&escaped, name.ptr[i] >= 0x20 && name.ptr[i] < 0x7f ? name.ptr[i] : '?');
            buf_put_char(&escaped, '\0');
            fail_at(c, buf_ok(&escaped) ? escaped.ptr : "…", "this is no keyword of the dialect");
            buf_release(&escaped);
            return false;
        }
    }
    return true;
}

// Draft-07 ignores them; whoever wrote them may not know.
static void warn_of_siblings(struct jsv_compiler *c)
{
    for (uint32_t at = 0; c->options.warn && at < json_count(c->schema); at++) {
        enum jsv_keyword keyword = jsv_keyword_find(json_name(c->schema, at), c->dialect);
        struct err text, *err = c->err;
        if (keyword == KW_COUNT || keyword == KW_REF || jsv_keyword_info(keyword)->kind != KIND_ASSERT)
            continue;
        c->err = &text;
        fail_at(c, jsv_keyword_name(keyword), "beside a $ref draft-07 ignores this keyword");
        c->err = err;
        c->options.warn(c->options.warn_arg, text.text);
    }
}

static bool compile_block(struct jsv_compiler *c, uint32_t index)
{
    c->block = index;
    c->subschema = c->sources.at[index].subschema;
    c->scope = c->sources.at[index].scope;
    const struct jsv_subschema *source = &c->registry->subschemas.at[c->subschema];
    c->schema = source->node;
    c->resource = source->resource;
    c->dialect = c->registry->resources.at[c->resource].dialect;
    c->vocabularies = c->registry->resources.at[c->resource].vocabularies;
    struct jsv_block *block = &c->program->blocks.at[index];
    block->types = TYPE_ANY;
    block->leaf = true;
    block->first = c->program->insns.count;
    if (json_is_boolean(c->schema)) {
        block->never = json_is_false(c->schema);
        block->types = block->never ? 0 : TYPE_ANY;
        return true;
    }
    if (!check_keywords(c))
        return false;
    if (c->dialect == JSV_DRAFT_07 && compile_get(c, KW_REF)) {
        warn_of_siblings(c);
        return compile_reference(c);
    }
    bool ok = compile_types(c) && compile_values(c) && compile_numbers(c) && compile_strings(c) &&
              compile_objects(c) && compile_arrays(c) && compile_reference(c) && compile_logic(c) &&
              compile_unevaluated(c);
    block = &c->program->blocks.at[index];
    if (ok && block->count)
        jsv_sort_insns(c->program->insns.at + block->first, block->count);
    return ok;
}

// A contract's definitions are compiled even if nothing refers to them: their mistakes are mistakes too.
static bool compile_unreached(struct jsv_compiler *c, uint32_t document)
{
    uint32_t block;
    if (c->options.ignore_unknown)
        return true;
    for (uint32_t i = 0; i < c->registry->subschemas.count; i++)
        if (c->registry->subschemas.at[i].document == document &&
            json_is_object(c->registry->subschemas.at[i].node) && !compile_target(c, i, &block))
            return false;
    return true;
}

bool compile_program(struct jsv_compiler *c, uint32_t root)
{
    uint32_t block;
    c->subschema = root;
    if (!compile_target(c, root, &block))
        return false;
    c->scope = c->sources.at[block].scope;
    if (!compile_unreached(c, c->registry->subschemas.at[root].document))
        return false;
    for (uint32_t i = 0; i < c->program->blocks.count; i++)
        if (!compile_block(c, i))
            return false;
    return compile_check_jumps(c) && compile_fast(c);
}

void compile_release(struct jsv_compiler *c)
{
    VEC_FREE(&c->sources);
    VEC_FREE(&c->blocks);
    VEC_FREE(&c->scopes);
    VEC_FREE(&c->jumps);
}

static bool compile_uri(struct jsv_compiler *c, const char *uri)
{
    uint32_t root;
    struct err why;
    if (!jsv_registry_find(c->registry, str_from(uri), &root, &why))
        return err_set(c->err, "Schema %s.", why.text);
    return compile_program(c, root) && jsv_metaschema_check(c);
}

bool jsv_compile(struct jsv_registry *registry, const char *uri, const struct jsv_options *options,
                 struct jsv_program **ret_program, struct err *err)
{
    struct jsv_compiler c = {
        .registry = registry, .err = err, .program = jsv_program_new(), .regex_work = REGEX_WORK};
    if (!c.program)
        return err_set(err, "Out of memory for a schema program.");
    if (options)
        c.options = *options;
    bool ok = compile_uri(&c, uri);
    compile_release(&c);
    if (ok)
        *ret_program = c.program;
    else
        jsv_program_unref(c.program);
    return ok;
}
