// SPDX-License-Identifier: Apache-2.0
// Reading the two headers, and the bucket.
#include "client/pace.h"
#include "lib/base/clock.h"

// The value of ";name=" in the first item of a structured list; false where it is none or too large.
static bool parameter(const char *header, char name, double *ret_value)
{
    struct str rest = str_from(header), item = str_cut(&rest, ',');
    while (item.len) {
        struct str part = str_trim(str_cut(&item, ';'));
        uint64_t value;
        if (part.len > 2 && part.ptr[0] == name && part.ptr[1] == '=' &&
            str_to_u64(str_skip(part, 2), &value) && value <= 1000000000) {
            *ret_value = (double)value;
            return true;
        }
    }
    return false;
}

static double left_at(const struct pace *pace, int64_t now_us)
{
    double more = (double)(now_us - pace->at_us) / (double)USEC_PER_SEC * pace->rate;
    return MIN(pace->left + more, pace->burst);
}

void pace_learn(struct pace *pace, const struct http_reply *reply, size_t under_way, int64_t now_us)
{
    double quota, window, left;
    if (!parameter(reply->rate_policy, 'q', &quota) || !parameter(reply->rate_policy, 'w', &window) ||
        !parameter(reply->rate, 'r', &left) || quota < 1 || window < 1)
        return;
    *pace = (struct pace){
        .known = true,
        .left = left - (double)under_way,
        .rate = quota / window,
        .burst = quota,
        .at_us = now_us,
    };
}

int64_t pace_delay(const struct pace *pace, int64_t now_us)
{
    if (!pace->known)
        return 0;
    double left = left_at(pace, now_us);
    if (left >= 1)
        return 0;
    double wait = (1 - left) / pace->rate * (double)USEC_PER_SEC;
    return wait < (double)PACE_CAP_US ? (int64_t)wait + 1 : PACE_CAP_US;
}

void pace_take(struct pace *pace, int64_t now_us)
{
    if (!pace->known)
        return;
    pace->left = left_at(pace, now_us) - 1;
    pace->at_us = now_us;
}
