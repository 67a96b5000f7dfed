// SPDX-License-Identifier: Apache-2.0
// A fixed table from short strings to numbers: member names and string enums.
//
// Built once by jsv_keys_build(); jsv_keys_find() compares up to 16 bytes as two integers and touches no more
// memory than the slot and the entry. Immutable, any thread.
#ifndef VOX_SCHEMA_KEYS_H
#define VOX_SCHEMA_KEYS_H

#include "lib/base/arena.h"

#include <string.h>

// For the few functions on the path of every member, which gcc would not inline by itself.
#define HOT_INLINE static inline __attribute__((always_inline))

struct jsv_key {
    uint64_t head; // the first 8 bytes; a shorter name's bytes folded together
    uint64_t tail; // the last 8 bytes of a longer name
    const char *ptr;
    uint32_t len;
};

struct jsv_keys {
    const struct jsv_key *keys; // in the order given
    const uint32_t *slots;      // index in `keys` + 1; 0 is empty
    uint64_t factor;            // of the hash, chosen so that few names collide
    uint32_t mask;              // slots - 1
    uint32_t count;
};

// The names stay the caller's and must live as long as the table. A name given twice is found as its first.
// False when the arena is out of memory.
MUST_CHECK bool jsv_keys_build(struct arena *arena, const struct str *names, uint32_t count,
                               struct jsv_keys *ret_keys);

static inline uint64_t jsv_load64(const char *ptr)
{
    uint64_t word;
    memcpy(&word, ptr, sizeof(word));
    return word;
}

static inline uint64_t jsv_load32(const char *ptr)
{
    uint32_t word;
    memcpy(&word, ptr, sizeof(word));
    return word;
}

// For a given length up to 16, head and tail together tell any two strings apart.
HOT_INLINE void jsv_key_words(const char *ptr, size_t len, uint64_t *ret_head, uint64_t *ret_tail)
{
    *ret_tail = 0;
    if (len > 8) {
        *ret_head = jsv_load64(ptr);
        *ret_tail = jsv_load64(ptr + len - 8);
    } else if (len >= 4) {
        *ret_head = jsv_load32(ptr) << 32 | jsv_load32(ptr + len - 4);
    } else {
        *ret_head = 0;
        for (size_t i = 0; i < len; i++)
            *ret_head = *ret_head << 8 | (unsigned char)ptr[i];
    }
}

static inline uint32_t jsv_key_hash(uint64_t factor, uint64_t head, uint64_t tail, size_t len)
{
    uint64_t mixed = (head ^ (tail * 0x9e3779b97f4a7c15u) ^ len) * factor;
    return (uint32_t)(mixed >> 32);
}

HOT_INLINE bool jsv_key_is(const struct jsv_key *key, uint64_t head, uint64_t tail, const char *ptr,
                           size_t len)
{
    return key->head == head && key->tail == tail && key->len == len &&
           (len <= 16 || !memcmp(key->ptr + 8, ptr + 8, len - 16));
}

// The index of the name, or UINT32_MAX. `guess` is looked at first: whoever writes objects mostly writes
// their members in the order in which the schema states them.
HOT_INLINE uint32_t jsv_keys_guess(const struct jsv_keys *keys, uint32_t guess, const char *ptr, size_t len)
{
    uint64_t head, tail;
    if (!keys->count)
        return UINT32_MAX;
    jsv_key_words(ptr, len, &head, &tail);
    if (guess < keys->count && jsv_key_is(&keys->keys[guess], head, tail, ptr, len))
        return guess;
    for (uint32_t slot = jsv_key_hash(keys->factor, head, tail, len);; slot++) {
        uint32_t index = keys->slots[slot & keys->mask];
        if (!index)
            return UINT32_MAX;
        if (jsv_key_is(&keys->keys[index - 1], head, tail, ptr, len))
            return index - 1;
    }
}

static inline uint32_t jsv_keys_find(const struct jsv_keys *keys, const char *ptr, size_t len)
{
    return jsv_keys_guess(keys, UINT32_MAX, ptr, len);
}

#endif
