// SPDX-License-Identifier: Apache-2.0
// Spans of days: joined, cut at today, and never more than there is room for.
#include "server/store/spans.h"

#include "check_main.h"

START_TEST(spans__join_and_leave_out_what_is_gone)
{
    struct spans spans = {0};
    spans_add(&spans, 100, 110, 0, 105);
    ck_assert_uint_eq(spans.count, 0);
    spans_add(&spans, 100, 110, 30, 105);
    spans_add(&spans, 100, 110, 365, 105);
    ck_assert_uint_eq(spans.count, 2);
    spans_add(&spans, 100, 110, 35, 105); // touches the first
    ck_assert_uint_eq(spans.count, 2);
    ck_assert_int_eq(spans.list[0].first, 130);
    ck_assert_int_eq(spans.list[0].last, 145);
    spans_add(&spans, 100, 110, 1, 200); // all gone
    ck_assert_uint_eq(spans.count, 2);
    spans_add(&spans, 100, 110, 100, 205); // partly gone
    ck_assert_int_eq(spans.list[1].first, 206);
    ck_assert_int_eq(spans.list[1].last, 210);
    spans_add(&spans, 100, 110, -1, 105);
    ck_assert_uint_eq(spans.count, 1);
    ck_assert_int_eq(spans.list[0].first, 106);
    ck_assert_int_eq(spans.list[0].last, 510);
    // However many there are, each day stays inside one of those that are kept.
    spans = (struct spans){0};
    for (int32_t days = 1; days <= 4000; days += 37)
        spans_add(&spans, 0, 3, days, 0);
    ck_assert_uint_le(spans.count, SPANS_MAX);
    for (int32_t days = 1; days <= 4000; days += 37) {
        bool inside = false;
        for (size_t i = 0; i < spans.count; i++)
            inside |= spans.list[i].first <= days && days + 3 <= spans.list[i].last;
        ck_assert_msg(inside, "%d", days);
    }
}
END_TEST

CHECK_MAIN("spans", spans__join_and_leave_out_what_is_gone)
