// SPDX-License-Identifier: Apache-2.0
// Putting a container's values where struct json_head says (private to lib/json).
#ifndef VOX_JSON_BUILD_H
#define VOX_JSON_BUILD_H

#include "lib/json/value.h"

#include <string.h>

// The place of the values, which are copied; NULL when memory is out.
static inline struct json *json_build_container(struct arena *arena, const struct json *values,
                                                uint32_t count, const struct json_shape *shape, uint64_t form)
{
    size_t tags = (count + (size_t)15) & ~(size_t)15;
    char *block = arena_alloc(arena, tags + sizeof(struct json_head) + count * sizeof(*values));
    if (!block)
        return NULL;
    struct json_head *head = (struct json_head *)(void *)(block + tags);
    struct json *at = (struct json *)(void *)(head + 1);
    if (count) {
        memset(block + tags - 16, 0, 16);
        memcpy(at, values, count * sizeof(*values));
    }
    for (uint32_t i = 0; i < count; i++)
        block[i] = (char)values[i].tag;
    *head = (struct json_head){.shape = shape, .form = form};
    return at;
}

#endif
