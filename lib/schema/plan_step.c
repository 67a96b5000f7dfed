// SPDX-License-Identifier: Apache-2.0
// The steps of plans. Each is a function that ends with a jump to the next one's, so that no loop has
// registers to save and no switch is between two steps; what needs a call is in a function of its own.
#include "lib/schema/plan.h"

#include "lib/schema/linear.h"
#include "lib/schema/run.h"

#define STEP(name)                                                                       \
    static enum jsv_verdict name(const struct jsv_step *step, const struct json *values, \
                                 const struct json *root, struct jsv_context *context)
#define NEXT                                           \
    do {                                               \
        step++;                                        \
        return step->run(step, values, root, context); \
    } while (0)
// On to a function that does the same in another way.
#define ELSE(name) return name(step, values, root, context)

HOT_INLINE const struct json *value_of(const struct jsv_step *step, const struct json *values)
{
    return (const struct json *)(const void *)((const char *)values + step->place);
}

STEP(never)
{
    (void)step, (void)values, (void)root, (void)context;
    return JSV_INVALID;
}

STEP(integer)
{
    if ((uint64_t)value_of(step, values)->integer - (uint64_t)step->from > step->span)
        return JSV_INVALID;
    NEXT;
}

STEP(real)
{
    double real = value_of(step, values)->real;
    if (!(real >= step->least && real <= step->most))
        return JSV_INVALID;
    NEXT;
}

STEP(whole)
{
    if (!jsv_real_is_whole(value_of(step, values)->real))
        return JSV_INVALID;
    NEXT;
}

__attribute__((noinline)) STEP(length_counted)
{
    const struct json *value = value_of(step, values);
    if (!jsv_length_holds(str_slice(value->text, value->size), (uint32_t)step->low, (uint32_t)step->high))
        return JSV_INVALID;
    NEXT;
}

STEP(length)
{
    // Bytes bound code points from above, a quarter of them from below.
    int64_t size = value_of(step, values)->size;
    if (size > step->high || (size + 3) / 4 < step->low)
        ELSE(length_counted);
    NEXT;
}

// Strings of one length, by the class that jsv_key_words() puts it in.
#define TEXT_STEP(name, size_known)                                        \
    STEP(name)                                                             \
    {                                                                      \
        const struct json *value = value_of(step, values);                 \
        uint64_t head, tail;                                               \
        if (value->size != step->a)                                        \
            return JSV_INVALID;                                            \
        if (!(size_known))                                                 \
            __builtin_unreachable();                                       \
        jsv_key_words(value->text, value->size, &head, &tail);             \
        if (head != step->head || (value->size > 8 && tail != step->tail)) \
            return JSV_INVALID;                                            \
        NEXT;                                                              \
    }
TEXT_STEP(text_16, value->size > 8)
TEXT_STEP(text_8, value->size <= 8 && value->size >= 4)
TEXT_STEP(text_3, value->size < 4)

STEP(text_long)
{
    const struct json *value = value_of(step, values);
    if (value->size != step->a || !jsv_key_same(value->text, step->text, value->size))
        return JSV_INVALID;
    NEXT;
}

// Only one of an enum's strings can it be. One of so few bytes is seldom.
__attribute__((noinline)) STEP(pick_short)
{
    const struct json *value = value_of(step, values);
    const struct jsv_key *key = jsv_pick_find(&step->pick, value->text, value->size);
    uint64_t head, tail;
    jsv_key_words(value->text, value->size, &head, &tail);
    if (head != key->head)
        return JSV_INVALID;
    NEXT;
}

__attribute__((noinline)) STEP(pick_long)
{
    const struct json *value = value_of(step, values);
    const struct jsv_key *key = jsv_pick_find(&step->pick, value->text, value->size);
    if (!jsv_key_same(value->text, key->ptr, value->size))
        return JSV_INVALID;
    NEXT;
}

STEP(pick)
{
    const struct json *value = value_of(step, values);
    uint32_t size = value->size;
    const char *text = value->text;
    if (size <= step->pick.at)
        return JSV_INVALID;
    const struct jsv_key *key = jsv_pick_find(&step->pick, text, size);
    if (size != key->len)
        return JSV_INVALID;
    if (size <= 8) {
        if (size < 4)
            ELSE(pick_short);
        if ((jsv_load32(text) << 32 | jsv_load32(text + size - 4)) != key->head)
            return JSV_INVALID;
        NEXT;
    }
    if (jsv_load64(text) != key->head || jsv_load64(text + size - 8) != key->tail)
        return JSV_INVALID;
    if (size > JSV_KEY_WHOLE)
        ELSE(pick_long);
    NEXT;
}

__attribute__((noinline)) STEP(texts_long)
{
    const struct json *value = value_of(step, values);
    uint64_t head = jsv_load64(value->text), tail = jsv_load64(value->text + value->size - 8);
    const struct jsv_key *key = &step->slots[jsv_key_hash(step->factor, head, tail) & step->a];
    if (!jsv_key_same(value->text, key->ptr, value->size))
        return JSV_INVALID;
    NEXT;
}

STEP(texts)
{
    const struct json *value = value_of(step, values);
    uint64_t head, tail;
    jsv_key_words(value->text, value->size, &head, &tail);
    const struct jsv_key *key = &step->slots[jsv_key_hash(step->factor, head, tail) & step->a];
    if ((key->head ^ head) | (key->tail ^ tail) | (key->len ^ value->size))
        return JSV_INVALID;
    if (value->size > JSV_KEY_WHOLE)
        ELSE(texts_long);
    NEXT;
}

STEP(names)
{
    const struct json *value = value_of(step, values);
    if (jsv_keys_seek(step->keys, value->text, value->size) == JSV_KEY_NONE)
        return JSV_INVALID;
    NEXT;
}

STEP(linear)
{
    const struct json *value = value_of(step, values);
    if (!jsv_linear_search(step->linear, str_slice(value->text, value->size)))
        return JSV_INVALID;
    NEXT;
}

STEP(instruction)
{
    enum jsv_verdict verdict = jsv_run_insn(context, step->insn, value_of(step, values));
    if (verdict != JSV_VALID)
        return verdict;
    NEXT;
}

enum jsv_verdict jsv_step_valid(const struct jsv_step *step UNUSED, const struct json *values UNUSED,
                                const struct json *root UNUSED, struct jsv_context *context UNUSED)
{
    return JSV_VALID;
}

enum jsv_verdict jsv_step_begin(const struct jsv_step *step, const struct json *values,
                                const struct json *root, struct jsv_context *context)
{
    jsv_run_begin(context, step->program);
    NEXT;
}

// On with the values of a container, behind the steps that its traits make needless.
HOT_INLINE enum jsv_verdict enter(const struct jsv_step *step, const struct json *in, const struct json *root,
                                  struct jsv_context *context)
{
    const struct json *values = in->values;
    if (__builtin_expect(in->traits & step->avoid, 0))
        NEXT;
    step = (const struct jsv_step *)(const void *)((const char *)step + step->skip);
    return step->run(step, values, root, context);
}

enum jsv_verdict jsv_step_enter_root(const struct jsv_step *step, const struct json *values UNUSED,
                                     const struct json *root, struct jsv_context *context)
{
    return enter(step, root, root, context);
}

enum jsv_verdict jsv_step_enter_member(const struct jsv_step *step, const struct json *values UNUSED,
                                       const struct json *root, struct jsv_context *context)
{
    return enter(step, value_of(step, root->values), root, context);
}

enum jsv_verdict jsv_step_enter(const struct jsv_step *step, const struct json *values UNUSED,
                                const struct json *root, struct jsv_context *context)
{
    const struct json *in = root;
    for (const uint16_t *at = step->path, *end = at + step->depth; at < end; at++)
        in = &in->values[*at];
    return enter(step, in, root, context);
}

enum jsv_verdict jsv_step_itself(const struct jsv_step *step, const struct json *values UNUSED,
                                 const struct json *root, struct jsv_context *context)
{
    return step[1].run(step + 1, root, root, context);
}

enum jsv_verdict jsv_step_switch(const struct jsv_step *step, const struct json *values,
                                 const struct json *root, struct jsv_context *context)
{
    const struct json *value = value_of(step, values);
    uint32_t found = jsv_keys_seek(&step->by->values, value->text, value->size);
    if (found == JSV_KEY_NONE)
        return JSV_INVALID;
    uint64_t form = json_form_of(root), choice = jsv_plan_choice(form, found);
    struct jsv_plan *plan = jsv_plan_choice_slot(context, step->program, form, found);
    if (plan->form != choice || plan->program != step->program->id || plan->state < PLAN_INVALID)
        return jsv_plan_miss(context, step->program, plan, choice, root);
    return plan->state == PLAN_INVALID ? JSV_INVALID
                                       : plan->steps->run(plan->steps, root->values, root, context);
}

static jsv_step_fn *text_step(uint32_t size)
{
    return size > JSV_KEY_WHOLE ? text_long : size > 8 ? text_16 : size >= 4 ? text_8 : text_3;
}

struct jsv_step jsv_step_of(const struct jsv_check *check)
{
    static jsv_step_fn *const runs[] = {
        [CHECK_INTEGER] = integer, [CHECK_LENGTH] = length, [CHECK_TEXTS] = texts,
        [CHECK_PICK] = pick,       [CHECK_REAL] = real,     [CHECK_WHOLE] = whole,
        [CHECK_LINEAR] = linear,   [CHECK_NAMES] = names,   [CHECK_INSN] = instruction,
    };
    struct jsv_step step = check->step;
    bool text = check->op == CHECK_TEXT || check->op == CHECK_LONG;
    step.run = text ? text_step(step.a) : runs[check->op];
    if (check->op == CHECK_INTEGER && step.low > step.high)
        step.run = never;
    else if (check->op == CHECK_INTEGER)
        step.span = (uint64_t)step.high - (uint64_t)step.low;
    return step;
}
