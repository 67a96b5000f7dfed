// SPDX-License-Identifier: Apache-2.0
// Latencies in one array, and what the measuring programs print of them.
#ifndef VOX_BENCH_STATS_H
#define VOX_BENCH_STATS_H

#include "lib/base/base.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

struct stats {
    uint32_t *us;
    size_t count;
    size_t cap;
};

static inline void stats_add(struct stats *s, int64_t us)
{
    if (s->count == s->cap) {
        s->cap = s->cap ? s->cap * 2 : 1 << 16;
        s->us = realloc(s->us, s->cap * sizeof(*s->us));
        BUG_ON(!s->us);
    }
    s->us[s->count++] = (uint32_t)us;
}

static inline int stats_order(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

// Sorts, then prints p50_us, p95_us, p99_us, max_us.
static inline void stats_print(struct stats *s)
{
    static const struct {
        const char *name;
        double part;
    } points[] = {{"p50_us", 0.5}, {"p95_us", 0.95}, {"p99_us", 0.99}, {"max_us", 1}};
    if (!s->count)
        return;
    qsort(s->us, s->count, sizeof(*s->us), stats_order);
    for (size_t i = 0; i < ARRAY_LEN(points); i++)
        printf("%s: %" PRIu32 "\n", points[i].name, s->us[(size_t)((double)(s->count - 1) * points[i].part)]);
    free(s->us);
}

#endif
