// SPDX-License-Identifier: Apache-2.0
// Arithmetic on one theoretical arrival time.
#include "server/gate/gcra.h"

#define WINDOW_MAX_NS 100000000000000000LL // three years: sums of a few stay far from overflow

struct gcra_rate gcra_rate_of(int64_t milli, int64_t burst)
{
    if (milli <= 0)
        return (struct gcra_rate){0, 0};
    int64_t interval = MAX(1000000000000LL / milli, (int64_t)1);
    int64_t most = WINDOW_MAX_NS / interval;
    return (struct gcra_rate){interval, MIN(MAX(burst, (int64_t)1), most)};
}

struct gcra_verdict gcra_take(const struct gcra_rate *rate, int64_t *tat, int64_t n, int64_t now_ns,
                              int64_t patience_ns, int64_t patient_many)
{
    if (rate->interval_ns == 0)
        return (struct gcra_verdict){.admitted = true};
    const int64_t window = rate->interval_ns * rate->burst;
    // Waiting ones stand an interval apart, so that a bound in time is one in number.
    if (patient_many < patience_ns / rate->interval_ns)
        patience_ns = patient_many * rate->interval_ns;
    int64_t backlog = MAX(*tat - now_ns, (int64_t)0);
    int64_t after = backlog + MIN(MAX(n, (int64_t)1), rate->burst) * rate->interval_ns;
    int64_t over = MAX(after - window, (int64_t)0);
    struct gcra_verdict verdict = {.limited = true,
                                   .admitted = over <= patience_ns,
                                   .wait_ns = over,
                                   .burst = rate->burst,
                                   .window_ns = window};
    if (verdict.admitted && n > 0) {
        backlog = after;
        *tat = now_ns + backlog;
    }
    verdict.remaining = MAX((window - backlog) / rate->interval_ns, (int64_t)0);
    verdict.more_ns = MAX(backlog - (window - (verdict.remaining + 1) * rate->interval_ns), (int64_t)0);
    return verdict;
}
