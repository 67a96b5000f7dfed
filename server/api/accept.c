// SPDX-License-Identifier: Apache-2.0
// Media ranges and their weights.
#include "server/api/accept.h"

#include "lib/wire/names.h"

#define WEIGHT_ONE 1000
#define NAMED      3 // struct accept's `specific`

// "0", "0.5", "1.000": at most three digits behind the point, at most one.
static bool read_weight(struct str text, unsigned *ret_weight)
{
    unsigned weight, scale = WEIGHT_ONE;
    if (!text.len || (text.ptr[0] != '0' && text.ptr[0] != '1') || text.len > 5 ||
        (text.len > 1 && text.ptr[1] != '.'))
        return false;
    weight = (unsigned)(text.ptr[0] - '0') * WEIGHT_ONE;
    for (size_t i = 2; i < text.len; i++) {
        if (!char_is_digit(text.ptr[i]))
            return false;
        scale /= 10;
        weight += scale * (unsigned)(text.ptr[i] - '0');
    }
    *ret_weight = weight;
    return weight <= WEIGHT_ONE;
}

// The "q" among a range's parameters; WEIGHT_ONE without one.
static bool weight_of(struct str parameters, unsigned *ret_weight)
{
    *ret_weight = WEIGHT_ONE;
    while (parameters.ptr) {
        struct str value = str_cut(&parameters, ';');
        struct str name = str_trim(str_cut(&value, '='));
        if (str_eq_nocase(name, STR("q")))
            return read_weight(str_trim(value), ret_weight);
    }
    return true;
}

static unsigned how_specific(struct str range, struct str type)
{
    if (str_eq_nocase(range, type))
        return NAMED;
    if (str_eq_nocase(range, STR("application/*")))
        return 2;
    return str_eq(range, STR("*/*")) ? 1 : 0;
}

void accept_add(struct accept *accept, struct str value)
{
    static const struct str types[ACCEPT_FORMS] = {
        [ACCEPT_JSON] = {MEDIA_JSON, sizeof(MEDIA_JSON) - 1},
        [ACCEPT_NDJSON] = {MEDIA_NDJSON, sizeof(MEDIA_NDJSON) - 1},
    };
    while (value.ptr) {
        struct str rest = str_cut(&value, ',');
        struct str range = str_trim(str_cut(&rest, ';'));
        unsigned weight;
        accept->any = accept->any || range.len;
        if (!weight_of(rest, &weight))
            continue;
        for (size_t i = 0; i < ACCEPT_FORMS; i++) {
            unsigned specific = how_specific(range, types[i]);
            if (specific <= accept->form[i].specific)
                continue;
            accept->form[i].specific = specific;
            accept->form[i].weight = weight;
        }
    }
}

enum problem accept_choose(const struct accept *accept, enum accept_form *ret_form)
{
    unsigned json = accept->form[ACCEPT_JSON].weight, ndjson = accept->form[ACCEPT_NDJSON].weight;
    if (!accept->any) {
        *ret_form = ACCEPT_JSON;
        return PROBLEM_NONE;
    }
    if (!json && !ndjson)
        return PROBLEM_not_acceptable;
    bool lines = ndjson > json || (ndjson == json && accept->form[ACCEPT_NDJSON].specific == NAMED);
    *ret_form = lines ? ACCEPT_NDJSON : ACCEPT_JSON;
    return PROBLEM_NONE;
}
