// SPDX-License-Identifier: Apache-2.0
// Retention kinds made into expiry kinds.
#include "server/api/expiry.h"

#include "lib/base/clock.h"

// The first day on whose start the time has passed.
static enum problem day_after(struct str text, int64_t now_us, int32_t *ret_day)
{
    int64_t us, day;
    if (date_parse(text, &day))
        us = day * USEC_PER_DAY;
    else if (!rfc3339_parse(text, &us))
        return PROBLEM_expiry_refused;
    if (us < now_us)
        return PROBLEM_expiry_refused;
    *ret_day = (int32_t)((us + USEC_PER_DAY - 1) / USEC_PER_DAY);
    return PROBLEM_NONE;
}

enum problem expiry_of(const struct contract *contract, const json_t *event, int64_t now_us,
                       struct event *ret_event)
{
    const struct retention *retention = &contract->retention;
    switch (retention->kind) {
    case RETENTION_DAYS:
    case RETENTION_WITH_PARENT:
        ret_event->expiry_kind = EXPIRY_DAYS;
        ret_event->expiry_days = retention->days;
        return PROBLEM_NONE;
    case RETENTION_KEEP_FOREVER:
    case RETENTION_MANUAL:
        ret_event->expiry_kind = EXPIRY_NEVER;
        return PROBLEM_NONE;
    case RETENTION_EXPIRES_LT_NOW: {
        struct str text = contract_text_at(event, retention->expires_at);
        ret_event->expiry_kind = text.ptr ? EXPIRY_DATE : EXPIRY_NEVER;
        return text.ptr ? day_after(text, now_us, &ret_event->expiry_date) : PROBLEM_NONE;
    }
    default:
        BUG("unknown retention kind");
    }
}
