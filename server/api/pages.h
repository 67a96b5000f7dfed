// SPDX-License-Identifier: Apache-2.0
// The memory of large answers whose readers take their time: a bound for all of them, and one for a token.
//
// page_hold() before such an answer goes out, page_release() when its request ends; a place that holds
// nothing may be released. The loop's thread. Small answers are not counted.
#ifndef VOX_API_PAGES_H
#define VOX_API_PAGES_H

#include "lib/base/base.h"

#include <sys/queue.h>

#define PAGES_BYTES        ((size_t)128 * 1024 * 1024)
#define PAGES_BYTES_OF_ONE ((size_t)64 * 1024 * 1024) // a token's
#define PAGES_SMALL        ((size_t)64 * 1024)

struct page_place {
    LIST_ENTRY(page_place) link; // of pages.list
    int32_t token;               // its number
    size_t bytes;                // 0: not in the list
};

struct pages {
    LIST_HEAD(, page_place) list;
    size_t bytes; // of all
};

// False: there is no room for it now.
MUST_CHECK bool page_hold(struct pages *pages, struct page_place *place, int32_t token, size_t bytes);
void page_release(struct pages *pages, struct page_place *place);

#endif
