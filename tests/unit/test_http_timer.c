// SPDX-License-Identifier: Apache-2.0
// The heap of requests that wait for a time.
#include "server/http/timer.h"

#include "check_main.h"

#define MANY 1000

START_TEST(timers__come_in_order_and_when_due)
{
    static char requests[MANY]; // never looked into: only their addresses count
    struct timers timers;
    ck_assert(timers_init(&timers, MANY));
    ck_assert_int_eq(timers_next(&timers), INT64_MAX);
    ck_assert_ptr_null(timers_take(&timers, INT64_MAX));
    for (unsigned round = 0; round < 3; round++) {
        for (unsigned i = 0; i < MANY; i++) {
            unsigned at = i * 7919 % MANY;
            timers_add(&timers, at / 2, (struct http_request *)(void *)&requests[at]);
        }
        bool seen[MANY] = {false};
        int64_t last = 0;
        for (int64_t now = -1; now <= MANY / 2; now++) {
            for (struct http_request *due; (due = timers_take(&timers, now));) {
                long at = (char *)due - requests;
                ck_assert(!seen[at]);
                seen[at] = true;
                ck_assert_int_eq(at / 2, now);
                last = now;
            }
            ck_assert_int_gt(timers_next(&timers), now);
        }
        ck_assert_int_eq(last, MANY / 2 - 1);
        ck_assert_uint_eq(timers.count, 0);
    }
    timers_release(&timers);
}
END_TEST

CHECK_MAIN("http_timer", timers__come_in_order_and_when_due)
