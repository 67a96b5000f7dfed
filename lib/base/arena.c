// SPDX-License-Identifier: Apache-2.0
// A bump allocator over chained blocks.
#include "lib/base/arena.h"

#include <stdalign.h>

struct arena_block {
    struct arena_block *next;
    size_t cap;
    size_t used;
    alignas(max_align_t) char bytes[];
};

void arena_init(struct arena *arena, size_t block_size, size_t ceiling)
{
    *arena = (struct arena){.block_size = block_size, .ceiling = ceiling};
}

static void free_chain(struct arena_block *block)
{
    while (block) {
        struct arena_block *next = block->next;
        free(block);
        block = next;
    }
}

void arena_release(struct arena *arena)
{
    free_chain(arena->first);
    arena_init(arena, arena->block_size, arena->ceiling);
}

void arena_reset(struct arena *arena)
{
    if (!arena->first)
        return;
    if (arena->first->cap < MIN(arena->block_size, arena->ceiling)) {
        arena_release(arena);
        return;
    }
    free_chain(arena->first->next);
    arena->first->next = NULL;
    arena->first->used = 0;
    arena->head = arena->first;
    arena->used = arena->first->cap;
}

static struct arena_block *add_block(struct arena *arena, size_t size)
{
    size_t cap = MAX(arena->block_size, size);
    if (cap > arena->ceiling - MIN(arena->used, arena->ceiling))
        cap = size; // the last block may be smaller
    if (cap > arena->ceiling - MIN(arena->used, arena->ceiling))
        return NULL;
    struct arena_block *block = malloc(sizeof(*block) + cap);
    if (!block)
        return NULL;
    block->next = NULL;
    block->cap = cap;
    block->used = 0;
    if (arena->head)
        arena->head->next = block;
    else
        arena->first = block;
    arena->head = block;
    arena->used += cap;
    return block;
}

void *arena_alloc(struct arena *arena, size_t size)
{
    size_t align = alignof(max_align_t);
    if (size > SIZE_MAX - align)
        return NULL;
    size = (size + align - 1) & ~(align - 1);
    struct arena_block *block = arena->head;
    if (!block || size > block->cap - block->used) {
        block = add_block(arena, size);
        if (!block)
            return NULL;
    }
    void *ptr = block->bytes + block->used;
    block->used += size;
    return ptr;
}

void *arena_zalloc(struct arena *arena, size_t size)
{
    void *ptr = arena_alloc(arena, size);
    if (ptr)
        memset(ptr, 0, size);
    return ptr;
}

struct str arena_dup(struct arena *arena, struct str s)
{
    char *copy = arena_alloc(arena, s.len + 1);
    if (!copy)
        return STR_NULL;
    if (s.len)
        memcpy(copy, s.ptr, s.len);
    copy[s.len] = '\0';
    return (struct str){copy, s.len};
}
