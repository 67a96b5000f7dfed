// SPDX-License-Identifier: Apache-2.0
// A list: at most as many places as large answers fit in.
#include "server/api/pages.h"

static size_t bytes_of(const struct pages *pages, int32_t token)
{
    size_t bytes = 0;
    for (const struct page_place *place = pages->first; place; place = place->next)
        bytes += place->token == token ? place->bytes : 0;
    return bytes;
}

bool page_hold(struct pages *pages, struct page_place *place, int32_t token, size_t bytes)
{
    if (bytes <= PAGES_SMALL)
        return true;
    if (bytes > PAGES_BYTES - pages->bytes || bytes_of(pages, token) + bytes > PAGES_BYTES_OF_ONE)
        return false;
    *place = (struct page_place){.next = pages->first, .token = token, .bytes = bytes};
    if (place->next)
        place->next->prev = place;
    pages->first = place;
    pages->bytes += bytes;
    return true;
}

void page_release(struct pages *pages, struct page_place *place)
{
    if (place->bytes == 0)
        return;
    if (place->next)
        place->next->prev = place->prev;
    if (place->prev)
        place->prev->next = place->next;
    else
        pages->first = place->next;
    pages->bytes -= place->bytes;
    place->bytes = 0;
}
