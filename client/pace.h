// SPDX-License-Identifier: Apache-2.0
// The sink's limit on requests, mirrored from RateLimit and RateLimit-Policy, so that it is not run into. Of
// several limits it is the one that lets the next request wait longest, else the one that lets fewest
// through.
//
// pace_learn() with each answer, pace_delay() before each request, pace_take() when it goes out. A sink that
// does not say is not waited for.
#ifndef VOX_CLIENT_PACE_H
#define VOX_CLIENT_PACE_H

#include "client/transport.h"

struct pace {
    bool known;
    double left;   // requests that may go out now
    double rate;   // and more of them, each second
    double burst;  // up to so many
    int64_t at_us; // monotonic
};

#define PACE_CAP_US (60 * 1000000LL)

// `under_way`: requests whose answers the sink has not counted yet.
void pace_learn(struct pace *pace, const struct http_reply *reply, size_t under_way, int64_t now_us);
// Microseconds to wait, at most PACE_CAP_US; 0: go.
int64_t pace_delay(const struct pace *pace, int64_t now_us);
void pace_take(struct pace *pace, int64_t now_us);

#endif
