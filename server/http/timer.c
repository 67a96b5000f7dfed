// SPDX-License-Identifier: Apache-2.0
// A binary heap in an array.
#include "server/http/timer.h"

bool timers_init(struct timers *timers, size_t many)
{
    *timers = (struct timers){.heap = calloc(many, sizeof(struct timer)), .many = many};
    return timers->heap;
}

void timers_release(struct timers *timers)
{
    BUG_ON(timers->count > 0);
    free(timers->heap);
    *timers = (struct timers){0};
}

void timers_add(struct timers *timers, int64_t at, struct http_request *request)
{
    BUG_ON(timers->count == timers->many);
    size_t i = timers->count++;
    for (; i > 0 && timers->heap[(i - 1) / 2].at > at; i = (i - 1) / 2)
        timers->heap[i] = timers->heap[(i - 1) / 2];
    timers->heap[i] = (struct timer){at, request};
}

int64_t timers_next(const struct timers *timers)
{
    return timers->count ? timers->heap[0].at : INT64_MAX;
}

struct http_request *timers_take(struct timers *timers, int64_t now)
{
    if (timers_next(timers) > now || timers->count == 0)
        return NULL;
    struct http_request *request = timers->heap[0].request;
    struct timer last = timers->heap[--timers->count];
    size_t i = 0;
    for (;;) {
        size_t child = 2 * i + 1;
        if (child + 1 < timers->count && timers->heap[child + 1].at < timers->heap[child].at)
            child++;
        if (child >= timers->count || timers->heap[child].at >= last.at)
            break;
        timers->heap[i] = timers->heap[child];
        i = child;
    }
    timers->heap[i] = last;
    return request;
}
