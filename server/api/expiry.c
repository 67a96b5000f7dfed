// SPDX-License-Identifier: Apache-2.0
// Retention kinds made into expiry kinds.
#include "server/api/expiry.h"

#include "lib/base/clock.h"
#include "lib/contracts/pointer.h"

// A date as it stands; of a time the first day on whose start it has passed. What is later than the database
// plans for is its to decide (telemetry.expiry_day).
static enum problem expiry_day(const struct json *value, int64_t now_us, struct event *ret_event)
{
    int64_t us, day;
    if (!json_is_string(value))
        return PROBLEM_expiry_refused;
    struct str text = json_text(value);
    bool past = false;
    if (!date_parse(text, &day)) {
        if (!rfc3339_parse(text, &us))
            return PROBLEM_expiry_refused;
        past = us < now_us;
        day = (us + USEC_PER_DAY - 1) / USEC_PER_DAY;
    }
    if (past || day < now_us / USEC_PER_DAY)
        ret_event->unless_known = PROBLEM_expiry_refused;
    else
        ret_event->expiry_date = (int32_t)day;
    return PROBLEM_NONE;
}

enum problem expiry_of(const struct contract *contract, const struct json *event, int64_t now_us,
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
        const struct json *value = pointer_get(event, retention->expires_at);
        bool present = value && !json_is_null(value);
        ret_event->expiry_kind = present ? EXPIRY_DATE : EXPIRY_NEVER;
        return present ? expiry_day(value, now_us, ret_event) : PROBLEM_NONE;
    }
    default:
        BUG("unknown retention kind");
    }
}
