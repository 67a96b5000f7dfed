// SPDX-License-Identifier: Apache-2.0
// Wall and monotonic time behind a seam, and RFC 3339 text.
//
// Whoever needs time takes a `const struct clock *`; programs pass clock_system(), tests their own. Times are
// int64_t microseconds: wall since 1970-01-01T00:00:00Z, monotonic since an arbitrary start.
#ifndef VOX_BASE_CLOCK_H
#define VOX_BASE_CLOCK_H

#include "lib/base/str.h"

#define USEC_PER_SEC  1000000LL
#define USEC_PER_MSEC 1000LL
#define USEC_PER_DAY  (86400LL * USEC_PER_SEC)

struct clock {
    int64_t (*wall_us)(void *context);
    int64_t (*mono_us)(void *context);
    void *context;
};

const struct clock *clock_system(void); // static, any thread
int64_t clock_wall_us(const struct clock *clock);
int64_t clock_mono_us(const struct clock *clock);

// RFC 3339 section 5.6, strictly: "T" and "Z" in either case, 1 to 9 digits of fraction (cut to
// microseconds), a real calendar day, an offset within ±23:59; the leap second :60 only at 23:59 UTC, read as
// the next second; the UTC year within 0000 to 9999.
MUST_CHECK bool rfc3339_parse(struct str text, int64_t *ret_wall_us);

#define RFC3339_LEN 27
// "2026-11-22T08:01:02.123456Z", NUL-terminated; years 0000 to 9999.
void rfc3339_format(int64_t wall_us, char ret_text[static RFC3339_LEN + 1]);

// Days since 1970-01-01 of a proleptic Gregorian date, and back.
int64_t days_from_civil(int64_t year, unsigned month, unsigned day);
void civil_from_days(int64_t days, int64_t *ret_year, unsigned *ret_month, unsigned *ret_day);
// "2026-11-22" only; a real calendar day.
MUST_CHECK bool date_parse(struct str text, int64_t *ret_days);

#endif
