// SPDX-License-Identifier: Apache-2.0
// The registry's map from URIs to subschemas.
#include "lib/schema/registry.h"

static uint32_t slot_of(const struct jsv_names *names, struct str key)
{
    uint64_t hash = key.len;
    for (size_t i = 0; i < key.len; i++)
        hash = (hash ^ (unsigned char)key.ptr[i]) * 0x100000001b3u;
    uint32_t slot = (uint32_t)((hash * 0x9e3779b97f4a7c15u) >> 32) & (names->size - 1);
    while (names->slots[slot] && !str_eq(names->at[names->slots[slot] - 1].key, key))
        slot = (slot + 1) & (names->size - 1);
    return slot;
}

uint32_t jsv_names_find(const struct jsv_names *names, struct str key)
{
    uint32_t found = names->size ? names->slots[slot_of(names, key)] : 0;
    return found ? names->at[found - 1].value : JSV_NONE;
}

static bool grow(struct jsv_names *names)
{
    uint32_t size = names->size ? names->size * 2 : 64;
    uint32_t *slots = calloc(size, sizeof(*slots));
    if (!slots)
        return false;
    free(names->slots);
    names->slots = slots;
    names->size = size;
    for (uint32_t i = 0; i < names->count; i++)
        names->slots[slot_of(names, names->at[i].key)] = i + 1;
    return true;
}

bool jsv_names_add(struct jsv_names *names, struct str key, uint32_t value)
{
    if (2 * (names->count + 1) > names->size && !grow(names))
        return false;
    struct jsv_name *name = VEC_PUSH(names);
    if (!name)
        return false;
    *name = (struct jsv_name){key, value};
    names->slots[slot_of(names, key)] = names->count;
    return true;
}
