// SPDX-License-Identifier: Apache-2.0
// Arguments that several commands take, from text.
#ifndef VOX_SERVER_ARGS_H
#define VOX_SERVER_ARGS_H

#include "lib/base/err.h"
#include "lib/base/str.h"

#define PROJECT_NAME_MAX 63

// [a-z0-9][a-z0-9._-]{0,62}
MUST_CHECK bool args_project_name(const char *text, struct str *ret_name, struct err *err);
// S1 or S2: every project takes S0 and S1. S3 is refused with its reason.
MUST_CHECK bool args_max_class(const char *text, int16_t *ret_class, struct err *err);
// "90d" or "12h" from now, or an RFC 3339 time; in the future.
MUST_CHECK bool args_expiry(const char *text, int64_t now_us, int64_t *ret_wall_us, struct err *err);
// "7d", "12h", "0": microseconds, at most 100 years. `what` is the flag's name.
MUST_CHECK bool args_duration(const char *what, const char *text, int64_t *ret_us, struct err *err);
// "10/s", "0.5/s", "30/min", the unit may be left out: requests in 1,000 seconds, at least 1.
MUST_CHECK bool args_rate(const char *text, int64_t *ret_milli, struct err *err);
// "100000/day" or the number alone, at least 1.
MUST_CHECK bool args_count(const char *what, const char *text, const char *unit, int64_t max,
                           int64_t *ret_count, struct err *err);
// "model-call,tool-run.v2": ids of contracts, with or without a version, separated by commas.
MUST_CHECK bool args_contracts(const char *text, struct err *err);

#endif
