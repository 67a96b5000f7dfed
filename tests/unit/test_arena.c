// SPDX-License-Identifier: Apache-2.0
// lib/base/arena.
#include "lib/base/arena.h"
#include "tests/unit/check_main.h"

START_TEST(arena__aligns_and_keeps_apart)
{
    struct arena arena;
    arena_init(&arena, 64, 4096);
    char *last = NULL;
    for (size_t size = 0; size < 40; size++) {
        char *ptr = arena_alloc(&arena, size);
        ck_assert_ptr_nonnull(ptr);
        ck_assert_uint_eq((uintptr_t)ptr % _Alignof(max_align_t), 0);
        ck_assert_ptr_ne(ptr, last);
        memset(ptr, 0xa5, size);
        last = size ? ptr : NULL;
    }
    arena_release(&arena);
}
END_TEST

START_TEST(arena__zalloc_is_zero_after_reuse)
{
    struct arena arena;
    arena_init(&arena, 256, 256);
    for (int round = 0; round < 2; round++) {
        char *ptr = arena_zalloc(&arena, 256);
        ck_assert_ptr_nonnull(ptr);
        for (size_t i = 0; i < 256; i++)
            ck_assert_int_eq(ptr[i], 0);
        memset(ptr, 1, 256);
        arena_reset(&arena);
    }
    arena_release(&arena);
}
END_TEST

START_TEST(arena__stops_at_its_ceiling)
{
    static const struct {
        size_t block, ceiling, size;
        int fits; // how many allocations of `size` succeed
    } rows[] = {
        {64, 64, 64, 1}, {64, 64, 16, 4},      {64, 64, 65, 0},       {64, 100, 64, 1},
        {16, 64, 16, 4}, {4096, 1000, 100, 8}, {64, 64, SIZE_MAX, 0}, {64, 0, 1, 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct arena arena;
        int fits = 0;
        arena_init(&arena, rows[i].block, rows[i].ceiling);
        while (fits < 100 && arena_alloc(&arena, rows[i].size))
            fits++;
        ck_assert_msg(fits == rows[i].fits, "row %zu: %d", i, fits);
        ck_assert_uint_le(arena.used, rows[i].ceiling);
        arena_release(&arena);
        arena_release(&arena);
    }
}
END_TEST

START_TEST(arena__reset_keeps_the_first_block)
{
    struct arena arena;
    arena_init(&arena, 128, 1024);
    arena_reset(&arena);
    void *first = arena_alloc(&arena, 100);
    for (int i = 0; i < 5; i++)
        ck_assert_ptr_nonnull(arena_alloc(&arena, 100));
    ck_assert_uint_gt(arena.used, 128);
    arena_reset(&arena);
    ck_assert_uint_eq(arena.used, 128);
    ck_assert_ptr_eq(arena_alloc(&arena, 100), first);
    arena.block_size = 512; // the first is too small now
    arena_reset(&arena);
    ck_assert_uint_eq(arena.used, 0);
    ck_assert_ptr_nonnull(arena_alloc(&arena, 1));
    ck_assert_uint_eq(arena.used, 512);
    arena.block_size = 64;
    arena_reset(&arena);
    ck_assert_uint_eq(arena.used, 512);
    arena_release(&arena);
}
END_TEST

START_TEST(arena__dup_ends_in_nul)
{
    struct arena arena;
    arena_init(&arena, 64, 64);
    struct str copy = arena_dup(&arena, STR("abc"));
    ck_assert_view_eq(copy, "abc");
    ck_assert_int_eq(copy.ptr[3], '\0');
    copy = arena_dup(&arena, STR_NULL);
    ck_assert_uint_eq(copy.len, 0);
    ck_assert_int_eq(copy.ptr[0], '\0');
    ck_assert_ptr_null(arena_dup(&arena, STR("a text that is longer than what the ceiling has left")).ptr);
    arena_release(&arena);
}
END_TEST

CHECK_MAIN("arena", arena__aligns_and_keeps_apart, arena__zalloc_is_zero_after_reuse,
           arena__stops_at_its_ceiling, arena__reset_keeps_the_first_block, arena__dup_ends_in_nul)
