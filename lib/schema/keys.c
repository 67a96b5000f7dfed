// SPDX-License-Identifier: Apache-2.0
// Building a key table.
#include "lib/schema/keys.h"

#define FACTORS 256 // tried for one without collisions

// Fills the slots under a factor; returns how many keys did not get the slot they hash to.
static uint32_t place(const struct jsv_key *keys, uint32_t count, uint64_t factor, struct jsv_key *slots,
                      uint32_t size)
{
    uint32_t displaced = 0;
    // No key is as long as an empty slot's.
    for (uint32_t i = 0; i < size; i++)
        slots[i] = (struct jsv_key){.len = UINT32_MAX, .index = JSV_KEY_NONE};
    for (uint32_t i = 0; i < count; i++) {
        uint32_t home = jsv_key_hash(factor, keys[i].head, keys[i].tail), slot = home;
        while (slots[slot & (size - 1)].index != JSV_KEY_NONE)
            slot++;
        displaced += slot != home;
        slots[slot & (size - 1)] = keys[i];
    }
    return displaced;
}

// An odd number with its bits well spread.
static uint64_t factor_of(uint64_t n)
{
    uint64_t factor = (n + 1) * 0x9e3779b97f4a7c15u;
    factor = (factor ^ factor >> 30) * 0xbf58476d1ce4e5b9u;
    return (factor ^ factor >> 27) | 1;
}

bool jsv_keys_build(struct arena *arena, const struct str *names, uint32_t count, struct jsv_keys *ret_keys)
{
    uint32_t size = 4;
    while (size < 3 * count) // sparse, so that a miss ends at once
        size *= 2;
    struct jsv_key *keys = arena_alloc(arena, count * sizeof(*keys));
    struct jsv_key *slots = arena_alloc(arena, size * sizeof(*slots));
    if (!keys || !slots)
        return false;
    for (uint32_t i = 0; i < count; i++) {
        BUG_ON(names[i].len >= UINT32_MAX);
        keys[i] = (struct jsv_key){.ptr = names[i].ptr, .len = (uint32_t)names[i].len, .index = i};
        jsv_key_words(keys[i].ptr, keys[i].len, &keys[i].head, &keys[i].tail);
    }
    // Beyond some dozens of names no factor is perfect, and one is as good as another.
    uint32_t best = UINT32_MAX, tries = count > 64 ? 1 : FACTORS;
    uint64_t factor = factor_of(0);
    for (uint32_t n = 0; n < tries && best; n++) {
        uint32_t displaced = place(keys, count, factor_of(n), slots, size);
        if (displaced < best) {
            best = displaced;
            factor = factor_of(n);
        }
    }
    place(keys, count, factor, slots, size);
    *ret_keys = (struct jsv_keys){keys, slots, factor, size - 1, count, !best};
    return true;
}
