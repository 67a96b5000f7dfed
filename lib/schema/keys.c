// SPDX-License-Identifier: Apache-2.0
// Building a key table.
#include "lib/schema/keys.h"

#define FACTORS 256 // tried for one without collisions

#define PICK_SLOTS   64u
#define PICK_FACTORS 16u // tried with each
#define PICK_BYTES   16u // of the first

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

// Fills the slots; false if two names want the same.
static bool place_picks(const struct jsv_keys *keys, const struct jsv_pick *pick, struct jsv_key *slots)
{
    memset(slots, 0, (pick->mask + (size_t)1) * sizeof(*slots));
    for (uint32_t i = 0; i < keys->count; i++) {
        const struct jsv_key *key = &keys->keys[i];
        unsigned byte = (unsigned char)key->ptr[pick->at];
        struct jsv_key *slot = &slots[(byte + key->len * pick->factor) & pick->mask];
        if (slot->len && !jsv_key_is(slot, key->head, key->tail, key->ptr, key->len))
            return false;
        *slot = *key;
    }
    return true;
}

bool jsv_pick_build(struct arena *arena, const struct jsv_keys *keys, struct jsv_pick *ret_pick)
{
    struct jsv_key slots[PICK_SLOTS];
    struct jsv_pick pick = {.slots = NULL};
    uint32_t least = PICK_BYTES, size = 4;
    *ret_pick = pick;
    for (uint32_t i = 0; i < keys->count; i++)
        least = MIN(least, keys->keys[i].len);
    while (size < keys->count)
        size *= 2;
    for (; keys->count && size <= PICK_SLOTS; size *= 2) {
        pick.mask = size - 1;
        for (unsigned n = 0; n < PICK_FACTORS * least; n++) {
            pick.factor = (uint16_t)(n % PICK_FACTORS);
            pick.at = (uint16_t)(n / PICK_FACTORS);
            if (!place_picks(keys, &pick, slots))
                continue;
            struct jsv_key *own = arena_alloc(arena, size * sizeof(*own));
            if (!own)
                return false;
            memcpy(own, slots, size * sizeof(*own));
            pick.slots = own;
            *ret_pick = pick;
            return true;
        }
    }
    return true;
}
