// SPDX-License-Identifier: Apache-2.0
// Reading the two headers, and the bucket.
#include "client/pace.h"
#include "lib/base/clock.h"

// The value of ";name=" in an item of a structured list; false where it is none or too large.
static bool parameter(struct str item, char name, double *ret_value)
{
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

static struct str name_of(struct str item)
{
    return str_trim(str_cut(&item, ';'));
}

static bool find_policy(const char *header, struct str name, double *ret_quota, double *ret_window)
{
    struct str rest = str_from(header);
    while (rest.len) {
        struct str item = str_cut(&rest, ',');
        if (str_eq(name_of(item), name))
            return parameter(item, 'q', ret_quota) && parameter(item, 'w', ret_window) && *ret_quota >= 1 &&
                   *ret_window >= 1;
    }
    return false;
}

// What one limit lets through. Where nothing is left, `t` says when there is more, if that is sooner than by
// the policy, or if no policy is told; what is left of a limit without a policy holds up nothing.
static bool read_limit(struct str item, const char *policies, struct pace *ret_pace)
{
    double quota = 1, window = 1, left, until;
    if (!parameter(item, 'r', &left))
        return false;
    bool told = find_policy(policies, name_of(item), &quota, &window);
    bool timed = left < 1 && parameter(item, 't', &until) && until >= 1;
    if (!told && !timed)
        return false;
    *ret_pace = (struct pace){.known = true, .left = left, .rate = quota / window, .burst = quota};
    if (timed && (!told || until < window / quota))
        ret_pace->rate = 1 / until;
    return true;
}

static double wait_s(const struct pace *pace)
{
    return pace->left >= 1 ? 0 : (1 - pace->left) / pace->rate;
}

static bool is_stricter(const struct pace *a, const struct pace *b)
{
    return wait_s(a) > wait_s(b) || (wait_s(a) == wait_s(b) && a->left < b->left);
}

static double left_at(const struct pace *pace, int64_t now_us)
{
    double more = (double)(now_us - pace->at_us) / (double)USEC_PER_SEC * pace->rate;
    return MIN(pace->left + more, pace->burst);
}

void pace_learn(struct pace *pace, const struct http_reply *reply, size_t under_way, int64_t now_us)
{
    struct pace strictest = {0}, limit;
    struct str rest = str_from(reply->rate);
    while (rest.len)
        if (read_limit(str_cut(&rest, ','), reply->rate_policy, &limit) &&
            (!strictest.known || is_stricter(&limit, &strictest)))
            strictest = limit;
    if (!strictest.known)
        return;
    strictest.left -= (double)under_way;
    strictest.at_us = now_us;
    *pace = strictest;
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
