// SPDX-License-Identifier: Apache-2.0
// The verdict on a value by itself: instructions that ask for no other block.
#include "lib/schema/run.h"

#include "lib/schema/equal.h"

// Bytes that do not continue a UTF-8 sequence (10xxxxxx), eight at a time.
static size_t code_points(struct str text)
{
    const uint64_t ones = 0x0101010101010101u;
    size_t continued = 0, i = 0;
    for (; i + 8 <= text.len; i += 8) {
        uint64_t word = jsv_load64(text.ptr + i);
        continued += ((word >> 7 & ~(word >> 6) & ones) * ones) >> 56; // adds the bytes up
    }
    for (; i < text.len; i++)
        continued += ((unsigned char)text.ptr[i] & 0xc0) == 0x80;
    return text.len - continued;
}

bool jsv_length_holds(struct str text, uint32_t min, uint32_t max)
{
    // Bytes bound code points from above, a quarter of them from below.
    if (text.len < min)
        return false;
    if (text.len <= max && (text.len + 3) / 4 >= min)
        return true;
    size_t points = code_points(text);
    return points >= min && points <= max;
}

static enum jsv_verdict run_const(struct jsv_context *c, const struct json *wanted, const struct json *value)
{
    if (json_is_string(wanted)) {
        if (value && !json_is_string(value))
            return JSV_INVALID;
        return jsv_verdict_of(str_eq(jsv_text(c, wanted), jsv_text(c, value)));
    }
    return value ? jsv_equal(c, wanted, value) : JSV_INVALID;
}

static enum jsv_verdict run_enum(struct jsv_context *c, const struct jsv_enum *list, const struct json *value)
{
    if (!value || json_is_string(value)) {
        struct str text = jsv_text(c, value);
        return jsv_verdict_of(jsv_keys_find(&list->strings, text.ptr, text.len) != UINT32_MAX);
    }
    for (uint32_t i = 0; i < list->count; i++) {
        enum jsv_verdict same = jsv_equal(c, c->program->values.at[list->first + i], value);
        if (same != JSV_INVALID)
            return same;
    }
    return JSV_INVALID;
}

static inline bool is_string(const struct json *value)
{
    return !value || json_is_string(value);
}

static inline bool is_between(size_t size, const struct jsv_insn *insn)
{
    return size >= insn->a && size <= insn->b;
}

HOT_INLINE enum jsv_verdict run_leaf_insn(struct jsv_context *c, const struct jsv_insn *insn,
                                          const struct json *value)
{
    const struct jsv_program *program = c->program;
    switch ((enum jsv_op)insn->op) {
    case OP_INTEGRAL:
        return jsv_verdict_of(!json_is_real(value) || jsv_real_is_whole(value->real));
    case OP_CONST:
        return run_const(c, program->values.at[insn->a], value);
    case OP_ENUM:
        return run_enum(c, &program->enums.at[insn->a], value);
    case OP_RANGE:
        return jsv_verdict_of(!json_is_number(value) || jsv_range_holds(&program->ranges.at[insn->a], value));
    case OP_LENGTH:
        return jsv_verdict_of(!is_string(value) || jsv_length_holds(jsv_text(c, value), insn->a, insn->b));
    case OP_ITEMS:
        return jsv_verdict_of(!json_is_array(value) || is_between(json_count(value), insn));
    case OP_MEMBERS:
        return jsv_verdict_of(!json_is_object(value) || is_between(json_count(value), insn));
    case OP_MULTIPLE:
        return jsv_verdict_of(!json_is_number(value) ||
                              jsv_divisor_divides(&program->divisors.at[insn->a], value));
    case OP_FORMAT:
        return jsv_verdict_of(!is_string(value) ||
                              jsv_format_holds((enum jsv_format)insn->a, jsv_text(c, value)));
    case OP_PATTERN:
        return is_string(value) ? jsv_search(c, program->regexes.at[insn->a], jsv_text(c, value)) : JSV_VALID;
    default:
        BUG("no leaf instruction");
    }
}

enum jsv_verdict jsv_run_leaf_insn(struct jsv_context *c, const struct jsv_insn *insn,
                                   const struct json *value)
{
    return run_leaf_insn(c, insn, value);
}

enum jsv_verdict jsv_run_leaf(struct jsv_context *c, const struct jsv_block *block, const struct json *value)
{
    const struct jsv_insn *insn = c->insns + block->first, *end = insn + block->count;
    enum jsv_verdict verdict = JSV_VALID;
    if (!jsv_take_steps(c, block->count))
        return JSV_LIMIT;
    for (; verdict == JSV_VALID && insn < end; insn++)
        verdict = run_leaf_insn(c, insn, value);
    return verdict;
}
