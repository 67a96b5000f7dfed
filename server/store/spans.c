// SPDX-License-Identifier: Apache-2.0
// Keeps spans apart and in order, and writes them as SQL.
#include "server/store/spans.h"
#include "lib/base/clock.h"

#define OWN_DATE_DAYS 400 // a later one goes to infinity (telemetry.expiry_day)

static void join(struct spans *spans, size_t i)
{
    spans->list[i].last = MAX(spans->list[i].last, spans->list[i + 1].last);
    memmove(&spans->list[i + 1], &spans->list[i + 2], (spans->count - i - 2) * sizeof(struct span));
    spans->count--;
}

static void join_closest(struct spans *spans)
{
    size_t best = 0;
    for (size_t i = 1; i + 1 < spans->count; i++)
        if (spans->list[i + 1].first - spans->list[i].last <
            spans->list[best + 1].first - spans->list[best].last)
            best = i;
    join(spans, best);
}

void spans_add(struct spans *spans, int64_t first, int64_t last, int32_t days, int64_t today)
{
    if (days == 0)
        return;
    struct span span = {days > 0 ? first + days : first, last + (days > 0 ? days : OWN_DATE_DAYS)};
    span.first = MAX(span.first, today + 1);
    if (span.first > span.last)
        return;
    if (spans->count == SPANS_MAX)
        join_closest(spans);
    size_t at = 0;
    while (at < spans->count && spans->list[at].first < span.first)
        at++;
    memmove(&spans->list[at + 1], &spans->list[at], (spans->count - at) * sizeof(struct span));
    spans->list[at] = span;
    spans->count++;
    for (size_t i = 0; i + 1 < spans->count;) {
        if (spans->list[i + 1].first <= spans->list[i].last + 1)
            join(spans, i);
        else
            i++;
    }
}

static void put_date(struct buf *buf, int64_t days)
{
    int64_t year;
    unsigned month, day;
    civil_from_days(days, &year, &month, &day);
    buf_putf(buf, "'%04lld-%02u-%02u'", (long long)year, month, day);
}

void spans_write(const struct spans *spans, struct buf *buf)
{
    buf_put_cstr(buf, "(expires_on = 'infinity'");
    for (size_t i = 0; i < spans->count; i++) {
        buf_put_cstr(buf, " OR expires_on BETWEEN ");
        put_date(buf, spans->list[i].first);
        buf_put_cstr(buf, " AND ");
        put_date(buf, spans->list[i].last);
    }
    buf_put_char(buf, ')');
}
