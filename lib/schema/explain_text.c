// SPDX-License-Identifier: Apache-2.0
// Messages: what the schema asks for. An instance's values never appear.
#include "lib/schema/explain.h"

#include "lib/schema/regex.h"

#define VALUE_TEXT_MAX 240 // bytes of a schema's value in a message

void jsv_text_of_value(struct buf *out, const json_t *value)
{
    char text[VALUE_TEXT_MAX];
    size_t len = json_dumpb(value, text, sizeof(text), JSON_COMPACT | JSON_ENCODE_ANY | JSON_ENSURE_ASCII);
    buf_put(out, text, MIN(len, sizeof(text)));
    if (len > sizeof(text))
        buf_put_cstr(out, "...");
}

void jsv_text_of_types(struct buf *out, const struct jsv_block *block)
{
    static const struct {
        unsigned type;
        const char *name;
    } names[] = {
        {TYPE_BIT(JSON_OBJECT), "object"}, {TYPE_BIT(JSON_ARRAY), "array"},
        {TYPE_BIT(JSON_STRING), "string"}, {TYPE_BIT(JSON_REAL), "number"},
        {TYPE_BIT(JSON_TRUE), "boolean"},  {TYPE_BIT(JSON_NULL), "null"},
    };
    const char *between = "";
    buf_put_cstr(out, "must be of type ");
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (!(block->types & names[i].type))
            continue;
        bool integer = block->integer && names[i].type == TYPE_BIT(JSON_REAL);
        buf_putf(out, "%s%s", between, integer ? "integer" : names[i].name);
        between = " or ";
    }
}

void jsv_text_of_bound(struct buf *out, enum jsv_bound bound, const json_t *limit)
{
    static const char *const texts[] = {
        [BOUND_MINIMUM] = "must be at least ",
        [BOUND_EXCLUSIVE_MINIMUM] = "must be more than ",
        [BOUND_MAXIMUM] = "must be at most ",
        [BOUND_EXCLUSIVE_MAXIMUM] = "must be less than ",
    };
    BUG_ON(bound >= BOUND_COUNT);
    buf_put_cstr(out, texts[bound]);
    jsv_text_of_value(out, limit);
}

void jsv_text_of_count(struct buf *out, uint32_t limit, bool max, const char *things)
{
    buf_putf(out, "must have at %s %u %s", max ? "most" : "least", limit, things);
}

void jsv_text_of_insn(struct buf *out, const struct jsv_program *program, const struct jsv_insn *insn)
{
    switch ((enum jsv_op)insn->op) {
    case OP_CONST:
        buf_put_cstr(out, "must be ");
        jsv_text_of_value(out, program->values.at[insn->a]);
        break;
    case OP_ENUM:
        buf_put_cstr(out, "must be one of ");
        jsv_text_of_value(out, program->enums.at[insn->a].all);
        break;
    case OP_MULTIPLE:
        buf_put_cstr(out, "must be a multiple of ");
        jsv_text_of_value(out, program->divisors.at[insn->a].value);
        break;
    case OP_FORMAT:
        buf_putf(out, "must be a %s", jsv_format_name((enum jsv_format)insn->a));
        break;
    case OP_PATTERN: {
        struct str text = jsv_regex_text(program->regexes.at[insn->a]);
        buf_putf(out, "must match the pattern %.*s%s", (int)MIN(text.len, VALUE_TEXT_MAX), text.ptr,
                 text.len > VALUE_TEXT_MAX ? "..." : "");
        break;
    }
    case OP_UNIQUE:
        buf_put_cstr(out, "must have no two equal elements");
        break;
    case OP_ANY_OF:
        buf_putf(out, "must match at least one of %u schemas", insn->b);
        break;
    case OP_NOT:
        buf_put_cstr(out, "must not match the schema");
        break;
    default:
        BUG("this instruction has no message of its own");
    }
}
