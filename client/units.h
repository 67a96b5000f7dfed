// SPDX-License-Identifier: Apache-2.0
// Sizes, durations and moments as a person writes them in an option.
#ifndef VOX_CLIENT_UNITS_H
#define VOX_CLIENT_UNITS_H

#include "lib/base/str.h"

// "500", "64kB", "10MB", "10MiB", "1GiB"; not 0.
MUST_CHECK bool units_bytes(const char *text, uint64_t *ret_bytes);
// "30s", "15m", "12h", "7d"; not 0.
MUST_CHECK bool units_duration(const char *text, int64_t *ret_us);
// An RFC 3339 time, a date (midnight UTC), or a duration before `now_us`.
MUST_CHECK bool units_moment(const char *text, int64_t now_us, int64_t *ret_us);

#endif
