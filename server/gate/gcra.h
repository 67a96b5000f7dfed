// SPDX-License-Identifier: Apache-2.0
// The generic cell rate algorithm: a steady rate and a burst, kept as one time for each key.
//
// That time, the TAT, is when all that was let in would be done at the steady rate; a TAT in the past is an
// idle key. Something is let in while the TAT stays within a burst's worth of time ahead of now. Nothing is
// counted, so nothing has to be reset. Times are nanoseconds of a monotonic clock. Pure functions.
#ifndef VOX_GATE_GCRA_H
#define VOX_GATE_GCRA_H

#include "lib/base/base.h"

struct gcra_rate {
    int64_t interval_ns; // between two at the steady rate; 0: no limit
    int64_t burst;       // at once from an idle key, at least 1
};

struct gcra_verdict {
    bool limited;      // false: there is no limit; it is admitted, and what follows is 0
    bool admitted;     // and charged
    int64_t wait_ns;   // admitted: hold it back this long; refused: it would be admitted after this
    int64_t burst;     // of the rate
    int64_t window_ns; // in which an exhausted burst fills up again
    int64_t remaining; // that may still come at once
    int64_t more_ns;   // until there is one more
};

// `milli`: how many in 1,000 seconds; 0: no limit. A burst below 1 counts as 1, one of more than three
// years' worth as that.
struct gcra_rate gcra_rate_of(int64_t milli, int64_t burst);

// Asks for `n` (more than the burst counts as the burst; 0: would one be let in? Nothing is charged) now.
// What would be admitted within `patience_ns` is admitted with a wait; of such there are never more than
// `patient_many` at a time. Moves `*tat` on if it is admitted.
struct gcra_verdict gcra_take(const struct gcra_rate *rate, int64_t *tat, int64_t n, int64_t now_ns,
                              int64_t patience_ns, int64_t patient_many);

#endif
