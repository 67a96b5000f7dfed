// SPDX-License-Identifier: Apache-2.0
// `recognise` rules: checked, copied, put in words, and matched.
#include "lib/contracts/rule.h"

#include "lib/base/json.h"
#include "lib/contracts/pointer.h"

#define RULE_TEXT_MAX (64 * 1024)

// What may name a member in a rule: no blanks, commas or quotes, so that the rule's text is unambiguous.
static bool is_member_name(struct str name)
{
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        if (!char_is_alpha(c) && !char_is_digit(c) && c != '_' && c != '-' && c != '.' && c != ':')
            return false;
    }
    return name.len > 0;
}

static int compare_texts(const void *a, const void *b)
{
    return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

static bool copy_texts(char *const *texts, size_t count, struct arena *arena, const struct str **ret_texts,
                       struct err *err)
{
    struct str *copy = arena_zalloc(arena, count * sizeof(*copy));
    for (size_t i = 0; copy && i < count; i++) {
        copy[i] = arena_dup(arena, str_from(texts[i]));
        if (!copy[i].ptr)
            copy = NULL;
    }
    if (!copy)
        return err_set(err, "out of memory");
    qsort(copy, count, sizeof(*copy), compare_texts);
    for (size_t i = 1; i < count; i++)
        if (str_eq(copy[i - 1], copy[i]))
            return err_set(err, "'%s' is listed twice", copy[i].ptr);
    *ret_texts = copy;
    return true;
}

static bool make_condition(const struct rule_condition_source *source, struct arena *arena,
                           struct rule_condition *ret_condition, struct err *err)
{
    struct rule_condition condition = {.pointer = arena_dup(arena, str_from(source->pointer))};
    if (!condition.pointer.ptr)
        return err_set(err, "out of memory");
    if (!pointer_well_formed(condition.pointer))
        return err_set(err, "'%s' is no JSON Pointer below the root", source->pointer);
    if (!!source->equals + !!source->any_of + !!source->equals_integer != 1)
        return err_set(err, "the condition on %s needs one of equals, any_of and equals_integer",
                       source->pointer);
    if (source->equals_integer) {
        condition.integer = *source->equals_integer;
    } else {
        condition.text_count = source->equals ? 1 : source->any_of_count;
        if (!copy_texts(source->equals ? &source->equals : source->any_of, condition.text_count, arena,
                        &condition.texts, err))
            return false;
    }
    *ret_condition = condition;
    return true;
}

static int compare_conditions(const void *a, const void *b)
{
    return str_cmp(((const struct rule_condition *)a)->pointer, ((const struct rule_condition *)b)->pointer);
}

static bool make_conditions(const struct rule_source *source, struct arena *arena, struct rule *rule,
                            struct err *err)
{
    size_t count = source->where_count;
    struct rule_condition *conditions = arena_zalloc(arena, count * sizeof(*conditions));
    if (!conditions)
        return err_set(err, "out of memory");
    for (size_t i = 0; i < count; i++)
        if (!make_condition(&source->where[i], arena, &conditions[i], err))
            return false;
    qsort(conditions, count, sizeof(*conditions), compare_conditions);
    for (size_t i = 1; i < count; i++)
        if (str_eq(conditions[i - 1].pointer, conditions[i].pointer))
            return err_set(err, "two conditions on %s", conditions[i].pointer.ptr);
    rule->conditions = conditions;
    rule->condition_count = count;
    return true;
}

static bool put_in_words(struct rule *rule, struct arena *arena, struct err *err)
{
    struct buf text;
    buf_init(&text, RULE_TEXT_MAX);
    buf_putf(&text, "%s", rule->variant.ptr ? "variant " : "members ");
    buf_put_str(&text, rule->variant);
    for (size_t i = 0; i < rule->member_count; i++) {
        buf_put_cstr(&text, i ? ", " : "");
        buf_put_str(&text, rule->members[i]);
    }
    for (size_t i = 0; i < rule->condition_count; i++) {
        const struct rule_condition *condition = &rule->conditions[i];
        buf_put_cstr(&text, i ? " and " : " where ");
        buf_put_str(&text, condition->pointer);
        buf_put_cstr(&text, " is ");
        for (size_t k = 0; k < condition->text_count; k++) {
            buf_put_cstr(&text, k ? " or " : "");
            json_put_string(&text, condition->texts[k]);
        }
        if (condition->text_count == 0)
            buf_putf(&text, "%lld", (long long)condition->integer);
    }
    if (buf_ok(&text))
        rule->text = arena_dup(arena, buf_str(&text));
    buf_release(&text);
    return rule->text.ptr ? true : err_set(err, "the rule is too long, or out of memory");
}

bool rule_make(const struct rule_source *source, struct arena *arena, struct rule *ret_rule, struct err *err)
{
    struct rule rule = {.member_count = source->members_count};
    if (!!source->variant == !!source->members_count)
        return err_set(err, "recognise needs either variant or members");
    if (source->variant) {
        rule.variant = arena_dup(arena, str_from(source->variant));
        if (!rule.variant.ptr)
            return err_set(err, "out of memory");
        if (!is_member_name(rule.variant))
            return err_set(err,
                           "the variant '%s' has other characters than A-Z a-z 0-9 _ - . :", source->variant);
    }
    if (!copy_texts(source->members, rule.member_count, arena, &rule.members, err))
        return false;
    for (size_t i = 0; i < rule.member_count; i++)
        if (!is_member_name(rule.members[i]))
            return err_set(
                err, "the member '%s' has other characters than A-Z a-z 0-9 _ - . :", rule.members[i].ptr);
    if (!make_conditions(source, arena, &rule, err) || !put_in_words(&rule, arena, err))
        return false;
    *ret_rule = rule;
    return true;
}

// 3.0 is 3, as for `const` in a schema. All integers of an event arrive as reals when one is beyond int64.
static bool is_integer(const struct json *value, int64_t wanted)
{
    if (json_is_real(value))
        return value->real == (double)wanted;
    return json_is_integer(value) && value->integer == wanted;
}

static bool condition_holds(const struct rule_condition *condition, const struct json *event)
{
    const struct json *value = pointer_get(event, condition->pointer);
    if (condition->text_count == 0)
        return is_integer(value, condition->integer);
    if (!json_is_string(value))
        return false;
    struct str text = json_text(value);
    for (size_t i = 0; i < condition->text_count; i++)
        if (str_eq(text, condition->texts[i]))
            return true;
    return false;
}

bool rule_matches(const struct rule *rule, const struct json *event)
{
    for (size_t i = 0; i < rule->member_count; i++)
        if (!json_get(event, rule->members[i]))
            return false;
    for (size_t i = 0; i < rule->condition_count; i++)
        if (!condition_holds(&rule->conditions[i], event))
            return false;
    return true;
}

static int more_first(size_t a, size_t b)
{
    return (a < b) - (a > b);
}

int rule_precedence(const struct rule *a, const struct rule *b)
{
    int order = !!b->variant.ptr - !!a->variant.ptr;
    if (!order)
        order = more_first(a->member_count, b->member_count);
    return order ? order : more_first(a->condition_count, b->condition_count);
}
