// SPDX-License-Identifier: Apache-2.0
// A fixed table from short strings to numbers: member names and string enums.
//
// Built once by jsv_keys_build(); jsv_keys_find() compares up to 16 bytes as two integers and mostly touches
// no more memory than one slot. Immutable, any thread.
#ifndef VOX_SCHEMA_KEYS_H
#define VOX_SCHEMA_KEYS_H

#include "lib/base/arena.h"

#include <string.h>

// For the few functions on the path of every member, which gcc would not inline by itself.
#define HOT_INLINE static inline __attribute__((always_inline))

#define JSV_KEY_WHOLE 16 // bytes that head and tail hold
#define JSV_KEY_NONE  UINT32_MAX

struct jsv_key {
    uint64_t head; // the first 8 bytes; a shorter name's bytes folded together
    uint64_t tail; // the last 8 bytes of a longer name
    const char *ptr;
    uint32_t len;
    uint32_t index; // in the order given; JSV_KEY_NONE in an empty slot
};

struct jsv_keys {
    const struct jsv_key *keys;  // in the order given
    const struct jsv_key *slots; // the same by hash
    uint64_t factor;             // of the hash, chosen so that few names collide
    uint32_t mask;               // slots - 1
    uint32_t count;
    bool perfect; // each name is in the slot that it hashes to
};

// The same for few short names, without a hash: only one of them has both this length and this byte.
struct jsv_pick {
    const struct jsv_key *slots; // NULL: the names cannot be told apart so
    uint32_t mask;
    uint16_t at; // of the byte; each name is longer
    uint16_t factor;
};

// The names stay the caller's and must live as long as the table. A name given twice is found as its first.
// False when the arena is out of memory.
MUST_CHECK bool jsv_keys_build(struct arena *arena, const struct str *names, uint32_t count,
                               struct jsv_keys *ret_keys);

// For a table that is not large. False when the arena is out of memory.
MUST_CHECK bool jsv_pick_build(struct arena *arena, const struct jsv_keys *keys, struct jsv_pick *ret_pick);

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
    } else if (len) {
        const unsigned char *byte = (const unsigned char *)ptr;
        *ret_head = (uint64_t)byte[0] << 16 | (uint64_t)byte[len / 2] << 8 | byte[len - 1];
    } else {
        *ret_head = 0;
    }
}

// Whether texts of the same length, longer than JSV_KEY_WHOLE, are the same. No call: memcmp() would cost the
// loops around it their registers.
HOT_INLINE bool jsv_key_same(const char *a, const char *b, size_t len)
{
    const char *last = a + len - 8;
    uint64_t other = jsv_load64(last) ^ jsv_load64(b + len - 8);
    for (; a < last && !other; a += 8, b += 8)
        other = jsv_load64(a) ^ jsv_load64(b);
    return !other;
}

static inline uint32_t jsv_key_hash(uint64_t factor, uint64_t head, uint64_t tail)
{
    return (uint32_t)((head ^ (tail << 23 | tail >> 41)) * factor >> 32);
}

HOT_INLINE bool jsv_key_is(const struct jsv_key *key, uint64_t head, uint64_t tail, const char *ptr,
                           size_t len)
{
    return key->head == head && key->tail == tail && key->len == len &&
           (len <= JSV_KEY_WHOLE || jsv_key_same(key->ptr, ptr, len));
}

HOT_INLINE uint32_t jsv_keys_probe(const struct jsv_keys *keys, uint64_t head, uint64_t tail, const char *ptr,
                                   size_t len)
{
    for (uint32_t slot = jsv_key_hash(keys->factor, head, tail);; slot++) {
        const struct jsv_key *key = &keys->slots[slot & keys->mask];
        if (jsv_key_is(key, head, tail, ptr, len) || key->index == JSV_KEY_NONE)
            return key->index;
    }
}

// The only name that a text may be; the text is longer than `at`. An empty slot has no length.
HOT_INLINE const struct jsv_key *jsv_pick_find(const struct jsv_pick *pick, const char *ptr, uint32_t len)
{
    return &pick->slots[((unsigned char)ptr[pick->at] + len * pick->factor) & pick->mask];
}

// The index of the name, or JSV_KEY_NONE. The table is not empty.
HOT_INLINE uint32_t jsv_keys_seek(const struct jsv_keys *keys, const char *ptr, size_t len)
{
    uint64_t head, tail;
    jsv_key_words(ptr, len, &head, &tail);
    return jsv_keys_probe(keys, head, tail, ptr, len);
}

static inline uint32_t jsv_keys_find(const struct jsv_keys *keys, const char *ptr, size_t len)
{
    return keys->count ? jsv_keys_seek(keys, ptr, len) : JSV_KEY_NONE;
}

// As jsv_keys_find(), but `guess` is looked at first: whoever writes objects mostly writes their members in
// the order in which the schema states them.
HOT_INLINE uint32_t jsv_keys_guess(const struct jsv_keys *keys, uint32_t guess, const char *ptr, size_t len)
{
    uint64_t head, tail;
    if (!keys->count)
        return JSV_KEY_NONE;
    jsv_key_words(ptr, len, &head, &tail);
    if (guess < keys->count && jsv_key_is(&keys->keys[guess], head, tail, ptr, len))
        return guess;
    return jsv_keys_probe(keys, head, tail, ptr, len);
}

#endif
