// SPDX-License-Identifier: Apache-2.0
// Keywords that look at a value by itself: type, const, enum, numbers, strings.
#include "lib/schema/compile.h"
#include "lib/schema/regex.h"

static unsigned type_named(const struct json *name, bool *integer)
{
    static const struct {
        const char *name;
        unsigned types;
    } names[] = {
        {"null", TYPE_BIT(JSON_NULL)},   {"boolean", TYPE_BOOLEAN}, {"object", TYPE_BIT(JSON_OBJECT)},
        {"array", TYPE_BIT(JSON_ARRAY)}, {"number", TYPE_NUMBER},   {"string", TYPE_BIT(JSON_STRING)},
    };
    if (!json_is_string(name))
        return 0;
    struct str text = json_text(name);
    if (str_eq(text, STR("integer"))) {
        *integer = true; // a real without a fraction is one too
        return TYPE_BIT(JSON_INTEGER);
    }
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (str_eq(text, str_from(names[i].name)))
            return names[i].types;
    return 0;
}

bool compile_types(struct jsv_compiler *c)
{
    const struct json *value = compile_get(c, KW_TYPE);
    struct jsv_block *block = &c->program->blocks.at[c->block];
    unsigned types = 0;
    bool integer = false;
    if (!value)
        return true;
    if (json_is_array(value)) {
        for (size_t i = 0; i < json_count(value); i++) {
            unsigned named = type_named(json_at(value, i), &integer);
            if (!named)
                return compile_fail(c, KW_TYPE, "it must name one of the seven types, or a list of them");
            types |= named;
        }
    } else {
        types = type_named(value, &integer);
    }
    if (!types)
        return compile_fail(c, KW_TYPE, "it must name one of the seven types, or a list of them");
    integer = integer && !(types & TYPE_BIT(JSON_REAL));
    block->integer = integer;
    block->types = (uint8_t)(types | (integer ? TYPE_BIT(JSON_REAL) : 0));
    return !integer || compile_emit(c, OP_INTEGRAL, KW_TYPE, 0, 0);
}

static bool compile_enum(struct jsv_compiler *c, const struct json *array)
{
    struct jsv_program *program = c->program;
    size_t count = json_count(array), strings = 0;
    uint32_t all, index;
    if (!json_is_array(array))
        return compile_fail(c, KW_ENUM, "it must be a list of values");
    struct str *names = arena_alloc(&program->arena, count * sizeof(*names));
    if (!names)
        return compile_no_memory(c);
    if (!compile_value(c, array, &all))
        return false;
    struct jsv_enum result = {.all = program->values.at[all], .first = program->values.count};
    for (size_t i = 0; i < count; i++) {
        const struct json *item = json_at(result.all, i);
        if (json_is_string(item))
            names[strings++] = json_text(item);
        else if (!compile_value(c, item, &index))
            return false;
    }
    result.count = (uint32_t)(count - strings);
    if (!jsv_keys_build(&program->arena, names, (uint32_t)strings, &result.strings) ||
        !jsv_pick_build(&program->arena, &result.strings, &result.pick))
        return compile_no_memory(c);
    struct jsv_enum *item = VEC_PUSH(&program->enums);
    if (!item)
        return compile_no_memory(c);
    *item = result;
    return compile_emit(c, OP_ENUM, KW_ENUM, program->enums.count - 1, 0);
}

bool compile_values(struct jsv_compiler *c)
{
    const struct json *constant = compile_get(c, KW_CONST), *list = compile_get(c, KW_ENUM);
    uint32_t index;
    if (constant && (!compile_value(c, constant, &index) || !compile_emit(c, OP_CONST, KW_CONST, index, 0)))
        return false;
    return !list || compile_enum(c, list);
}

static bool compile_range(struct jsv_compiler *c)
{
    static const enum jsv_keyword keywords[BOUND_COUNT] = {KW_MINIMUM, KW_EXCLUSIVE_MINIMUM, KW_MAXIMUM,
                                                           KW_EXCLUSIVE_MAXIMUM};
    const struct json *bounds[BOUND_COUNT] = {NULL};
    bool any = false;
    for (unsigned i = 0; i < BOUND_COUNT; i++) {
        const struct json *value = compile_get(c, keywords[i]);
        uint32_t index;
        if (!value)
            continue;
        if (!json_is_number(value))
            return compile_fail(c, keywords[i], "it must be a number");
        if (!compile_value(c, value, &index))
            return false;
        bounds[i] = c->program->values.at[index];
        any = true;
    }
    if (!any)
        return true;
    struct jsv_range *range = VEC_PUSH(&c->program->ranges);
    if (!range)
        return compile_no_memory(c);
    jsv_range_init(range, bounds);
    return compile_emit(c, OP_RANGE, KW_MINIMUM, c->program->ranges.count - 1, 0);
}

bool compile_numbers(struct jsv_compiler *c)
{
    const struct json *value = compile_get(c, KW_MULTIPLE_OF);
    uint32_t index;
    if (!compile_range(c))
        return false;
    if (!value)
        return true;
    if (!json_is_number(value) || json_number(value) <= 0)
        return compile_fail(c, KW_MULTIPLE_OF, "it must be a number above 0");
    if (!compile_value(c, value, &index))
        return false;
    struct jsv_divisor *divisor = VEC_PUSH(&c->program->divisors);
    if (!divisor)
        return compile_no_memory(c);
    jsv_divisor_init(divisor, c->program->values.at[index]);
    return compile_emit(c, OP_MULTIPLE, KW_MULTIPLE_OF, c->program->divisors.count - 1, 0);
}

bool compile_regex(struct jsv_compiler *c, enum jsv_keyword keyword, struct str pattern, uint32_t *ret_index)
{
    struct jsv_regex *regex;
    struct err why;
    // Regexes are equal if their texts are; a schema repeats few of them.
    for (uint32_t i = 0; i < c->program->regexes.count; i++) {
        if (str_eq(jsv_regex_text(c->program->regexes.at[i]), pattern)) {
            *ret_index = i;
            return true;
        }
    }
    if (!jsv_regex_compile(pattern, &c->regex_work, &regex, &why))
        return compile_fail(c, keyword, "%s", why.text);
    struct jsv_regex **item = VEC_PUSH(&c->program->regexes);
    if (!item) {
        jsv_regex_free(regex);
        return compile_no_memory(c);
    }
    *item = regex;
    *ret_index = c->program->regexes.count - 1;
    return true;
}

static bool compile_format(struct jsv_compiler *c)
{
    const struct json *value = compile_get(c, KW_FORMAT);
    if (!value)
        return true;
    if (!json_is_string(value))
        return compile_fail(c, KW_FORMAT, "it must be a name");
    if (!c->options.assert_formats && !(c->vocabularies & 1u << VOCABULARY_FORMAT_ASSERTION))
        return true;
    enum jsv_format format = jsv_format_find(json_text(value));
    if (format == FORMAT_COUNT)
        return c->options.ignore_unknown || compile_fail(c, KW_FORMAT, "the format cannot be asserted");
    return compile_emit(c, OP_FORMAT, KW_FORMAT, format, 0);
}

bool compile_strings(struct jsv_compiler *c)
{
    uint32_t min = 0, max = UINT32_MAX, index;
    const struct json *pattern = compile_get(c, KW_PATTERN);
    if (!compile_count(c, KW_MIN_LENGTH, &min) || !compile_count(c, KW_MAX_LENGTH, &max))
        return false;
    if ((min || max != UINT32_MAX) && !compile_emit(c, OP_LENGTH, KW_MIN_LENGTH, min, max))
        return false;
    if (!compile_format(c))
        return false;
    if (!pattern)
        return true;
    if (!json_is_string(pattern))
        return compile_fail(c, KW_PATTERN, "it must be a string");
    struct str text = json_text(pattern);
    return compile_regex(c, KW_PATTERN, text, &index) && compile_emit(c, OP_PATTERN, KW_PATTERN, index, 0);
}
