// SPDX-License-Identifier: Apache-2.0
// Growing arrays of one type, addressed by a 32-bit index.
//
//     VEC(struct insn) code = {0};
//     struct insn *insn = VEC_PUSH(&code);   // zeroed, NULL when memory is out or `count` is at its ceiling
//     VEC_FREE(&code);
#ifndef VOX_SCHEMA_VEC_H
#define VOX_SCHEMA_VEC_H

#include "lib/base/base.h"

#define VEC_CEILING (1u << 20)

#define VEC(type)          \
    struct {               \
        type *at;          \
        uint32_t count;    \
        uint32_t capacity; \
    }
#define VEC_PUSH(vec) \
    ((__typeof__((vec)->at))jsv_vec_push(&(vec)->at, &(vec)->count, &(vec)->capacity, sizeof(*(vec)->at)))
#define VEC_FREE(vec) free((vec)->at)

// `items` points to the array's pointer.
MUST_CHECK void *jsv_vec_push(void *items, uint32_t *count, uint32_t *capacity, size_t size);

#endif
