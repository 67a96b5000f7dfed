// SPDX-License-Identifier: Apache-2.0
// Condition variables that wait by the monotonic clock, so that nobody oversleeps when the date is set.
#ifndef VOX_BASE_COND_H
#define VOX_BASE_COND_H

#include "lib/base/base.h"

#include <pthread.h>

void cond_init(pthread_cond_t *cond); // pthread_cond_destroy() ends it
// Waits, the mutex held, at most until that time of clock_mono_us(clock_system()). False: time is up. It may
// also return true for no reason, as pthread_cond_timedwait() may.
bool cond_wait_until(pthread_cond_t *cond, pthread_mutex_t *mutex, int64_t mono_us);

#endif
