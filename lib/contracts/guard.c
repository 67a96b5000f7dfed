// SPDX-License-Identifier: Apache-2.0
// The guard over an event: a walk to its strings, and the place of the one that is refused.
#include "lib/contracts/guard.h"

#include "lib/base/json.h"
#include "lib/contracts/pointer.h"

// The way down to a value.
struct step {
    const struct step *above;
    const struct json *object; // NULL for an element of an array
    uint32_t index;
};

struct walk {
    const struct guard *guard;
    uint64_t mask;
    const struct contract *contract;
    struct judgement *judgement;
};

static int compare_names(const void *a, const void *b)
{
    return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

static bool is_stated(const struct contract *contract, struct str name)
{
    return bsearch(&name, contract->stated, contract->stated_count, sizeof(name), compare_names) != NULL;
}

// A reference token with its escapes (RFC 6901).
static void put_name(struct buf *out, struct str name)
{
    buf_put_char(out, '/');
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        if (c == '~' || c == '/')
            buf_put_cstr(out, c == '~' ? "~0" : "~1");
        else
            buf_put_char(out, c);
    }
}

// Appends the pointer of `step`; false once it met a name that the schema does not state, or no room.
static bool put_pointer(struct buf *out, const struct contract *contract, const struct step *step)
{
    if (!step || !step->above)
        return true;
    if (!put_pointer(out, contract, step->above))
        return false;
    size_t before = out->len;
    struct str name = step->object ? json_name(step->object, step->index) : STR_NULL;
    if (step->object && !is_stated(contract, name))
        return false;
    if (!step->object)
        buf_putf(out, "/%u", step->index);
    else
        put_name(out, name);
    if (buf_ok(out))
        return true;
    out->len = before;
    return false;
}

static enum problem refuse(struct judgement *judgement, enum problem problem, struct str pointer,
                           struct str keyword, struct str message)
{
    judgement->error_count = 1;
    judgement->errors[0] = (struct problem_error){.pointer = pointer, .keyword = keyword, .message = message};
    return problem;
}

static enum problem refuse_string(const struct walk *walk, const struct step *step, uint32_t rule)
{
    struct buf pointer;
    buf_init_fixed(&pointer, walk->judgement->pointer, sizeof(walk->judgement->pointer));
    // Where it stopped early it is the pointer of what is above.
    (void)put_pointer(&pointer, walk->contract, step);
    return refuse(walk->judgement, PROBLEM_content_refused, str_slice(pointer.ptr, pointer.len), STR("guard"),
                  walk->guard->rules[rule].told);
}

static enum problem visit_below(const struct walk *walk, const struct json *value, const struct step *at);

static inline enum problem visit(const struct walk *walk, const struct json *value, const struct step *at)
{
    if (json_is_object(value) || json_is_array(value))
        return visit_below(walk, value, at);
    if (!json_is_string(value))
        return PROBLEM_NONE;
    struct str text = json_text(value);
    uint32_t rule = guard_scan(walk->guard, walk->mask, text);
    return rule == GUARD_NONE ? PROBLEM_NONE : refuse_string(walk, at, rule);
}

static enum problem visit_below(const struct walk *walk, const struct json *value, const struct step *at)
{
    enum problem problem = PROBLEM_NONE;
    struct step below = {.above = at, .object = json_is_object(value) ? value : NULL};
    for (; below.index < json_count(value) && !problem; below.index++)
        problem = visit(walk, json_at(value, below.index), &below);
    return problem;
}

// Its own names are payload, so that all of it is refused at the member that holds it.
static enum problem visit_embedded(const struct walk *walk, const struct json *value, struct str pointer)
{
    static const struct step root;
    enum problem problem = walk->mask ? visit(walk, value, &root) : PROBLEM_NONE;
    if (problem)
        walk->judgement->errors[0].pointer = pointer;
    return problem;
}

// A JSON text in a string: held to the bounds of an event's own text (lib/wire/event_text.h), then guarded.
static enum problem judge_embedded(const struct walk *walk, const struct json *event, struct str pointer)
{
    struct str text = contract_text_at(event, pointer);
    if (!text.ptr)
        return PROBLEM_NONE;
    if (text.len > LIMIT_EMBEDDED_BYTES)
        return refuse(walk->judgement, PROBLEM_schema_invalid, pointer, STR("maxLength"),
                      STR("The JSON text is longer than 262144 bytes in UTF-8."));
    struct json_doc doc;
    struct buf copy;
    json_doc_init(&doc, NULL, (size_t)64 * LIMIT_EMBEDDED_BYTES);
    buf_init(&copy, LIMIT_EMBEDDED_BYTES);
    buf_put_str(&copy, text);
    size_t len = copy.len;
    enum problem problem =
        buf_ok(&copy) ? event_text_parse_embedded(&doc, copy.ptr, &len) : PROBLEM_overloaded;
    if (problem && problem != PROBLEM_overloaded)
        problem = refuse(walk->judgement, PROBLEM_schema_invalid, pointer, STR("contentMediaType"),
                         STR("The string is not a JSON text as the sink takes it."));
    else if (!problem)
        problem = visit_embedded(walk, doc.root, pointer);
    buf_release(&copy);
    json_doc_release(&doc);
    return problem;
}

enum problem guard_judge(const struct guard *guard, const struct contract *contract, const struct json *event,
                         struct judgement *judgement)
{
    static const struct step root;
    const struct walk walk = {guard, contract->guarded, contract, judgement};
    enum problem problem = walk.mask ? visit(&walk, event, &root) : PROBLEM_NONE;
    for (size_t i = 0; i < contract->embedded_count && !problem; i++)
        problem = judge_embedded(&walk, event, contract->embedded[i]);
    return problem;
}

uint32_t guard_find(const struct guard *guard, struct str name)
{
    for (size_t i = 0; i < guard->count; i++)
        if (str_eq(guard->rules[i].public.name, name))
            return (uint32_t)i;
    return GUARD_NONE;
}
