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
    struct json_head *head = arena_alloc(arena, sizeof(*head) + count * sizeof(*values));
    if (!head)
        return NULL;
    struct json *at = (struct json *)(void *)(head + 1);
    if (count)
        memcpy(at, values, count * sizeof(*values));
    *head = (struct json_head){.shape = shape, .form = form};
    return at;
}

#endif
