// SPDX-License-Identifier: Apache-2.0
// Where the rows of a time query can lie, for server/store only: spans of days of expiry.
//
// A row received on day R under n days of retention expires on R + n. So rows received in a range lie in one
// span of expires_on for each n that was ever in use, or in the infinity partition; said in the query, it
// lets all other partitions be pruned.
#ifndef VOX_STORE_SPANS_H
#define VOX_STORE_SPANS_H

#include "lib/base/buf.h"

#define SPANS_MAX 16

struct span {
    int64_t first, last; // days since 1970-01-01, both inside
};

struct spans {
    size_t count;
    struct span list[SPANS_MAX];
};

// Adds the rows received on days [first, last] under `days` of retention: -1 is a date of their own. Rows
// that are gone on `today` are left out. Beyond SPANS_MAX the closest are joined.
void spans_add(struct spans *spans, int64_t first, int64_t last, int32_t days, int64_t today);
// Appends "(expires_on = 'infinity' OR expires_on BETWEEN … OR …)".
void spans_write(const struct spans *spans, struct buf *buf);

#endif
