// SPDX-License-Identifier: Apache-2.0
// A list: at most as many places as large answers fit in.
#include "server/api/pages.h"

static size_t bytes_of(const struct pages *pages, int32_t token)
{
    size_t bytes = 0;
    for (const struct page_place *place = LIST_FIRST(&pages->list); place; place = LIST_NEXT(place, link))
        bytes += place->token == token ? place->bytes : 0;
    return bytes;
}

bool page_hold(struct pages *pages, struct page_place *place, int32_t token, size_t bytes)
{
    if (bytes <= PAGES_SMALL)
        return true;
    if (bytes > PAGES_BYTES - pages->bytes || bytes_of(pages, token) + bytes > PAGES_BYTES_OF_ONE)
        return false;
    *place = (struct page_place){.token = token, .bytes = bytes};
    LIST_INSERT_HEAD(&pages->list, place, link);
    pages->bytes += bytes;
    return true;
}

void page_release(struct pages *pages, struct page_place *place)
{
    if (place->bytes == 0)
        return;
    LIST_REMOVE(place, link);
    pages->bytes -= place->bytes;
    place->bytes = 0;
}
