// SPDX-License-Identifier: Apache-2.0
// Building a key table.
#include "lib/schema/keys.h"

bool jsv_keys_build(struct arena *arena, const struct str *names, uint32_t count, struct jsv_keys *ret_keys)
{
    uint32_t size = 4;
    while (size < 3 * count) // sparse, so that a miss ends at once
        size *= 2;
    struct jsv_key *entries = arena_alloc(arena, count * sizeof(*entries));
    uint32_t *slots = arena_zalloc(arena, size * sizeof(*slots));
    if (!entries || !slots)
        return false;
    for (uint32_t i = 0; i < count; i++) {
        struct jsv_key *key = &entries[i];
        BUG_ON(names[i].len > UINT32_MAX);
        *key = (struct jsv_key){.ptr = names[i].ptr, .len = (uint32_t)names[i].len};
        jsv_key_words(key->ptr, key->len, &key->head, &key->tail);
        uint32_t slot = jsv_key_hash(key->head, key->tail, key->len);
        while (slots[slot & (size - 1)])
            slot++;
        slots[slot & (size - 1)] = i + 1;
    }
    *ret_keys = (struct jsv_keys){entries, slots, size - 1, count};
    return true;
}
