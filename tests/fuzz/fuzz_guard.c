// SPDX-License-Identifier: Apache-2.0
// Any bytes as a string of an event: nothing crashes, and a rule says the same alone and among all others.
#include "lib/contracts/guard.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct arena arena;
static struct guard *guard;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    struct err err;
    (void)argc, (void)argv;
    arena_init(&arena, 4096, 1 << 20);
    if (!guard_load(VOX_SOURCE_DIR "/contracts/guard.yaml", &arena, &guard, &err)) {
        fprintf(stderr, "%s\n", err.text);
        exit(1);
    }
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = str_slice(data, size);
    uint32_t first = guard_scan(guard, UINT64_MAX, text);
    bool any = false;
    for (uint32_t i = 0; i < guard->count; i++) {
        uint32_t alone = guard_scan(guard, UINT64_C(1) << i, text);
        BUG_ON(alone != GUARD_NONE && alone != i);
        any = any || alone == i;
        BUG_ON(first == i && alone != i);
    }
    BUG_ON(any != (first != GUARD_NONE));
    BUG_ON(guard_scan(guard, 0, text) != GUARD_NONE);
    return 0;
}
