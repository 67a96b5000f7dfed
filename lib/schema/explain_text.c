// SPDX-License-Identifier: Apache-2.0
// Messages: what the schema asks for. An instance's values never appear.
#include "lib/schema/explain.h"

#include "lib/base/json.h"
#include "lib/schema/regex.h"

#include <stdio.h>
#include <stdlib.h>

#define VALUE_TEXT_MAX 240 // bytes of a schema's value in a message

// The shortest decimal that reads back as the number.
static void put_real(struct json_writer *w, double real)
{
    char text[40];
    for (int precision = 15; precision <= 17; precision++) {
        snprintf(text, sizeof(text), "%.*g", precision, real);
        if (strtod(text, NULL) == real)
            break;
    }
    json_value_raw(w, str_from(text));
}

// No further than can be shown.
static void put_value(struct json_writer *w, const struct json *value)
{
    bool object = json_is_object(value), deep = w->depth == ARRAY_LEN(w->first);
    switch ((enum json_type)value->type) {
    case JSON_OBJECT:
    case JSON_ARRAY:
        if (deep) {
            json_value_raw(w, STR("..."));
            return;
        }
        (object ? json_begin_object : json_begin_array)(w);
        for (uint32_t i = 0; i < value->size && w->buf->len <= VALUE_TEXT_MAX; i++) {
            if (object)
                json_key_str(w, json_name(value, i));
            put_value(w, &value->values[i]);
        }
        (object ? json_end_object : json_end_array)(w);
        return;
    case JSON_STRING:
        json_value_str(w, json_text(value));
        return;
    case JSON_INTEGER:
        json_value_i64(w, value->integer);
        return;
    case JSON_REAL:
        put_real(w, value->real);
        return;
    case JSON_TRUE:
    case JSON_FALSE:
        json_value_bool(w, json_is_true(value));
        return;
    case JSON_NULL:
        json_value_null(w);
        return;
    }
    BUG("no such type");
}

void jsv_text_of_value(struct buf *out, const struct json *value)
{
    struct buf text;
    struct json_writer w;
    buf_init(&text, JSV_TEXT_MAX);
    json_writer_init(&w, &text);
    put_value(&w, value);
    size_t len = MIN(text.len, VALUE_TEXT_MAX);
    while (len < text.len && len > 0 && ((unsigned char)text.ptr[len] & 0xc0) == 0x80)
        len--; // not amid a character
    buf_put(out, text.ptr, len);
    if (len < text.len)
        buf_put_cstr(out, "...");
    buf_release(&text);
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

void jsv_text_of_bound(struct buf *out, enum jsv_bound bound, const struct json *limit)
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
        buf_putf(out, "must be %s", jsv_format_phrase((enum jsv_format)insn->a));
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
