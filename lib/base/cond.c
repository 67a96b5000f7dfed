// SPDX-License-Identifier: Apache-2.0
// Condition variables by the monotonic clock.
#include "lib/base/cond.h"
#include "lib/base/clock.h"

#include <errno.h>

void cond_init(pthread_cond_t *cond)
{
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    BUG_ON(pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC) != 0);
    pthread_cond_init(cond, &monotonic);
    pthread_condattr_destroy(&monotonic);
}

bool cond_wait_until(pthread_cond_t *cond, pthread_mutex_t *mutex, int64_t mono_us)
{
    struct timespec until = {mono_us / USEC_PER_SEC, (mono_us % USEC_PER_SEC) * 1000};
    return pthread_cond_timedwait(cond, mutex, &until) != ETIMEDOUT;
}
