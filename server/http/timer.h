// SPDX-License-Identifier: Apache-2.0
// Requests that wait for a time: a heap, the earliest first.
//
// Room for `many` is taken at the start, so that adding cannot fail: a connection has one request at most.
// The loop's thread only.
#ifndef VOX_HTTP_TIMER_H
#define VOX_HTTP_TIMER_H

#include "lib/base/base.h"

struct http_request;

struct timers {
    struct timer {
        int64_t at;
        struct http_request *request;
    } * heap;
    size_t count;
    size_t many;
};

MUST_CHECK bool timers_init(struct timers *timers, size_t many);
void timers_release(struct timers *timers);
void timers_add(struct timers *timers, int64_t at, struct http_request *request);
int64_t timers_next(const struct timers *timers); // INT64_MAX: none
// The earliest if it is due by `now`, no longer in the heap; else NULL.
struct http_request *timers_take(struct timers *timers, int64_t now);

#endif
