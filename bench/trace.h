// SPDX-License-Identifier: Apache-2.0
// The trace_id of a ModelCall, for those who store events without judging them.
#ifndef VOX_BENCH_TRACE_H
#define VOX_BENCH_TRACE_H

#include "lib/base/str.h"

// A view of `text`; absent if there is none.
static inline struct str trace_of(struct str text)
{
    static const char name[] = "\"trace_id\":\"";
    const char *at = memmem(text.ptr, text.len, name, strlen(name));
    if (!at)
        return STR_NULL;
    struct str rest = str_skip(text, (size_t)(at - text.ptr) + strlen(name));
    return str_cut(&rest, '"');
}

#endif
