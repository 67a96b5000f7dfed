// SPDX-License-Identifier: Apache-2.0
// Sums of the day, and what is certain of them.
#include "server/gate/quota_use.h"

static void begin_day(struct quota_use *use, int32_t day)
{
    use->day = day;
    use->seen = use->others = use->own = (struct quota_amount){0};
}

void quota_use_see(struct quota_use *use, const struct quota_amount *sum, int32_t day, int64_t asked_at)
{
    if (asked_at <= use->seen_at)
        return;
    use->seen_at = asked_at;
    if (day < use->day && asked_at <= use->stored_at)
        return; // from before midnight
    if (day != use->day || sum->events < use->seen.events || sum->bytes < use->seen.bytes)
        begin_day(use, day);
    use->seen = *sum;
    use->others.events = MAX(use->others.events, sum->events - use->own.events - use->under_way.events);
    use->others.bytes = MAX(use->others.bytes, sum->bytes - use->own.bytes - use->under_way.bytes);
}

void quota_use_begin(struct quota_use *use, uint64_t bytes)
{
    use->under_way.events++;
    use->under_way.bytes += (int64_t)bytes;
}

void quota_use_end(struct quota_use *use, uint64_t bytes)
{
    if (use->under_way.events == 0)
        return; // there was no memory for it when it began
    use->under_way.events--;
    use->under_way.bytes = MAX(use->under_way.bytes - (int64_t)bytes, 0);
}

void quota_use_stored(struct quota_use *use, uint64_t bytes, int32_t day, int64_t now_us)
{
    if (day > use->day)
        begin_day(use, day);
    use->stored_at = now_us;
    if (day < use->day)
        return;
    use->own.events++;
    use->own.bytes += (int64_t)bytes;
}

struct quota_amount quota_use_of(const struct quota_use *use, int32_t today)
{
    if (today > use->day)
        return (struct quota_amount){0};
    return (struct quota_amount){use->others.events + use->own.events, use->others.bytes + use->own.bytes};
}

bool quota_use_is_told(const struct quota_use *use, int64_t now_us)
{
    return use->under_way.events == 0 && now_us - use->stored_at > QUOTA_TOLD_US;
}
