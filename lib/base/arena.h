// SPDX-License-Identifier: Apache-2.0
// Memory that dies together: a chain of blocks, freed or reused as a whole.
//
// arena_init() with a ceiling in bytes, arena_alloc() any number of times, arena_reset() to start again with
// the first block kept, arena_release() at the end. `block_size` may be changed before a reset, which does
// not keep a block that is smaller. An allocation past the ceiling or without memory is NULL and changes
// nothing. One thread at a time.
#ifndef VOX_BASE_ARENA_H
#define VOX_BASE_ARENA_H

#include "lib/base/str.h"

struct arena_block;

struct arena {
    struct arena_block *head; // the block being filled
    struct arena_block *first;
    size_t used; // bytes held in blocks
    size_t ceiling;
    size_t block_size;
};

void arena_init(struct arena *arena, size_t block_size, size_t ceiling);
void arena_release(struct arena *arena);
void arena_reset(struct arena *arena);
// Aligned for any type, not zeroed; size 0 gives a valid pointer.
MUST_CHECK void *arena_alloc(struct arena *arena, size_t size);
// Zeroed.
MUST_CHECK void *arena_zalloc(struct arena *arena, size_t size);
// NUL-terminated copy; .ptr is NULL when memory is out.
MUST_CHECK struct str arena_dup(struct arena *arena, struct str s);

#endif
