// SPDX-License-Identifier: Apache-2.0
// Room for large answers: what a token may hold, what all may, and that it comes back.
#include "server/api/pages.h"

#include "check_main.h"

#define PAGE  ((size_t)8 * 1024 * 1024)
#define ONE   (PAGES_BYTES_OF_ONE / PAGE)
#define WHOLE (PAGES_BYTES / PAGE)

START_TEST(pages__bounds_one_and_all)
{
    struct pages pages = {0};
    struct page_place places[WHOLE] = {0}, more = {0}, small = {0};
    size_t held = 0;
    for (int32_t token = 1; held < WHOLE; token++)
        for (size_t i = 0; i < ONE; i++)
            ck_assert(page_hold(&pages, &places[held++], token, PAGE));
    ck_assert(!page_hold(&pages, &more, 99, PAGE));
    ck_assert(!page_hold(&pages, &more, 1, PAGES_SMALL + 1));
    ck_assert(page_hold(&pages, &small, 1, PAGES_SMALL)); // is not counted
    page_release(&pages, &small);
    page_release(&pages, &more); // holds nothing
    page_release(&pages, &places[0]);
    page_release(&pages, &places[WHOLE - 1]);
    page_release(&pages, &places[0]);                  // nothing any more
    ck_assert(!page_hold(&pages, &more, 1, PAGE + 1)); // a token's own bound
    ck_assert(page_hold(&pages, &more, 1, PAGE));
    ck_assert(page_hold(&pages, &places[0], 99, PAGE));
    ck_assert(!page_hold(&pages, &places[WHOLE - 1], 99, PAGES_SMALL + 1));
    page_release(&pages, &more);
    for (size_t i = 0; i < WHOLE; i++)
        page_release(&pages, &places[i]);
    ck_assert_ptr_null(LIST_FIRST(&pages.list));
    ck_assert_uint_eq(pages.bytes, 0);
}
END_TEST

CHECK_MAIN("pages", pages__bounds_one_and_all)
