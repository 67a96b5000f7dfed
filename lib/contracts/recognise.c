// SPDX-License-Identifier: Apache-2.0
// The recogniser's table and its look-up.
#include "lib/contracts/recognise.h"

static int compare_entries(const void *a, const void *b)
{
    const struct recogniser_entry *x = a, *y = b;
    int order = !!y->rule->variant.ptr - !!x->rule->variant.ptr;
    if (!order)
        order = str_cmp(x->rule->variant, y->rule->variant);
    if (!order)
        order = rule_precedence(x->rule, y->rule);
    return order ? order : (x->place > y->place) - (x->place < y->place);
}

// FNV-1a, 32 bits; the names are the operator's own, so nobody chooses them to collide.
static size_t hash_name(struct str name)
{
    uint32_t hash = 2166136261U;
    for (size_t i = 0; i < name.len; i++)
        hash = (hash ^ (uint8_t)name.ptr[i]) * 16777619U;
    return hash;
}

static void add_slots(struct recogniser *recogniser)
{
    for (size_t i = 0; i < recogniser->bare_from; i++) {
        struct str name = recogniser->entries[i].rule->variant;
        if (i && str_eq(name, recogniser->entries[i - 1].rule->variant))
            continue;
        size_t slot = hash_name(name) & recogniser->slot_mask;
        while (recogniser->slots[slot])
            slot = (slot + 1) & recogniser->slot_mask;
        recogniser->slots[slot] = (uint16_t)(i + 1);
    }
}

bool recogniser_init(struct recogniser *recogniser, const struct index *index, struct arena *arena,
                     struct err *err)
{
    size_t slots = 16;
    while (slots < index->count * 2)
        slots *= 2;
    *recogniser = (struct recogniser){.count = index->count, .slot_mask = slots - 1};
    recogniser->entries = arena_zalloc(arena, index->count * sizeof(*recogniser->entries));
    recogniser->slots = arena_zalloc(arena, slots * sizeof(*recogniser->slots));
    if (!recogniser->entries || !recogniser->slots)
        return err_set(err, "out of memory");

    // Backwards, so that the newest of a family is known when its older ones come.
    size_t newest = SIZE_MAX;
    for (size_t i = index->count; i-- > 0;) {
        const struct index_row *row = &index->rows[i];
        if (newest == SIZE_MAX || !str_eq(row->contract.id, index->rows[newest].contract.id))
            newest = i;
        recogniser->entries[i] = (struct recogniser_entry){&row->rule, newest, row->place};
        recogniser->bare_from += row->rule.variant.ptr != NULL;
    }
    qsort(recogniser->entries, recogniser->count, sizeof(*recogniser->entries), compare_entries);
    add_slots(recogniser);
    return true;
}

// The first entry of a variant, or SIZE_MAX.
static size_t first_of_variant(const struct recogniser *recogniser, struct str name)
{
    for (size_t slot = hash_name(name) & recogniser->slot_mask; recogniser->slots[slot];
         slot = (slot + 1) & recogniser->slot_mask) {
        size_t first = recogniser->slots[slot] - 1U;
        if (str_eq(recogniser->entries[first].rule->variant, name))
            return first;
    }
    return SIZE_MAX;
}

static size_t find_variant(const struct recogniser *recogniser, const struct json *event)
{
    struct str name = json_name(event, 0);
    size_t first = first_of_variant(recogniser, name);
    if (first == SIZE_MAX)
        return SIZE_MAX;
    for (size_t i = first; i < recogniser->bare_from; i++) {
        const struct recogniser_entry *entry = &recogniser->entries[i];
        if (!str_eq(entry->rule->variant, name))
            break;
        if (rule_matches(entry->rule, event))
            return entry->contract;
    }
    return SIZE_MAX;
}

size_t recogniser_find(const struct recogniser *recogniser, const struct json *event)
{
    if (!json_is_object(event))
        return SIZE_MAX;
    if (json_count(event) == 1) {
        size_t found = find_variant(recogniser, event);
        if (found != SIZE_MAX)
            return found;
    }
    for (size_t i = recogniser->bare_from; i < recogniser->count; i++)
        if (rule_matches(recogniser->entries[i].rule, event))
            return recogniser->entries[i].contract;
    return SIZE_MAX;
}
