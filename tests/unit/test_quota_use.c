// SPDX-License-Identifier: Apache-2.0
// What a sink believes of a token's day, beside what the database knows.
#include "server/gate/quota_use.h"

#include "check_main.h"

#define TODAY 20000

// A sink, and the sums of all of them.
struct world {
    struct quota_use use;
    struct quota_amount sum;
    int64_t at;
};

static void commit(struct world *w)
{
    w->sum.events++;
    w->sum.bytes += 10;
}

static void told(struct world *w)
{
    quota_use_end(&w->use, 10);
    quota_use_stored(&w->use, 10, TODAY, w->at);
}

static void see(struct world *w, struct quota_amount sum)
{
    quota_use_see(&w->use, &sum, TODAY, ++w->at);
}

static int64_t used(const struct world *w)
{
    struct quota_amount amount = quota_use_of(&w->use, TODAY);
    ck_assert_int_eq(amount.bytes, amount.events * 10);
    return amount.events;
}

START_TEST(quota_use__is_exact_for_one_after_the_other)
{
    // The sum is read at one of an event's moments and seen at it or at a later one, of that event or the
    // next.
    for (int read = 0; read < 4; read++) {
        for (int seen = read; seen < 8; seen++) {
            struct world w = {0};
            struct quota_amount sum = {0};
            for (int moment = 0; moment < 8; moment++) {
                if (moment == read)
                    sum = w.sum;
                if (moment == seen)
                    see(&w, sum);
                if (moment % 4 == 0)
                    quota_use_begin(&w.use, 10);
                else if (moment % 4 == 1)
                    commit(&w);
                else if (moment % 4 == 2)
                    told(&w);
                else
                    ck_assert_int_eq(used(&w), w.sum.events);
            }
            see(&w, w.sum);
            ck_assert_msg(used(&w) == 2, "read at %d, seen at %d", read, seen);
        }
    }
}
END_TEST

START_TEST(quota_use__never_counts_what_nobody_stored)
{
    // Eight under way, half of them committed when the sum is read, and all of them told behind it.
    struct world w = {0};
    for (int i = 0; i < 8; i++)
        quota_use_begin(&w.use, 10);
    for (int i = 0; i < 4; i++)
        commit(&w);
    see(&w, w.sum);
    ck_assert_int_eq(used(&w), 0);
    for (int i = 0; i < 4; i++)
        told(&w);
    ck_assert_int_eq(used(&w), 4);
    for (int i = 0; i < 4; i++)
        quota_use_end(&w.use, 10); // duplicates
    see(&w, w.sum);
    ck_assert_int_eq(used(&w), 4);
}
END_TEST

START_TEST(quota_use__learns_of_others)
{
    struct world w = {0};
    for (int i = 0; i < 5; i++)
        commit(&w);
    see(&w, w.sum);
    ck_assert_int_eq(used(&w), 5);
    quota_use_begin(&w.use, 10);
    commit(&w);
    commit(&w); // one of them another sink's
    see(&w, w.sum);
    ck_assert_int_eq(used(&w), 6);
    told(&w);
    ck_assert_int_eq(used(&w), 7);
    see(&w, w.sum);
    ck_assert_int_eq(used(&w), 7);
    // What was asked for earlier is no news.
    const struct quota_amount old = {1, 10};
    quota_use_see(&w.use, &old, TODAY, w.at);
    ck_assert_int_eq(used(&w), 7);
}
END_TEST

START_TEST(quota_use__ends_with_the_day)
{
    struct world w = {0};
    const struct quota_amount yesterdays = {9, 90}, none = {0, 0};
    quota_use_see(&w.use, &yesterdays, TODAY - 1, 1);
    ck_assert_int_eq(quota_use_of(&w.use, TODAY - 1).events, 9);
    ck_assert_int_eq(used(&w), 0);
    // Stored today, while yesterday's sum was still being read.
    quota_use_begin(&w.use, 10);
    w.at = 5;
    told(&w);
    quota_use_see(&w.use, &yesterdays, TODAY - 1, 4);
    ck_assert_int_eq(used(&w), 1);
    // Begun yesterday, told today.
    quota_use_begin(&w.use, 10);
    quota_use_end(&w.use, 10);
    quota_use_stored(&w.use, 10, TODAY - 1, 6);
    ck_assert_int_eq(used(&w), 1);
    // A clock that was set back says what is.
    quota_use_see(&w.use, &none, TODAY - 7, 7);
    ck_assert_int_eq(quota_use_of(&w.use, TODAY - 7).events, 0);
}
END_TEST

START_TEST(quota_use__follows_an_operator)
{
    struct world w = {0};
    quota_use_begin(&w.use, 10);
    commit(&w);
    told(&w);
    see(&w, w.sum);
    w.sum = (struct quota_amount){0};
    see(&w, w.sum);
    ck_assert_int_eq(used(&w), 0);
}
END_TEST

START_TEST(quota_use__is_kept_until_it_is_told)
{
    struct quota_use use = {0};
    ck_assert(quota_use_is_told(&use, 2 * QUOTA_TOLD_US));
    quota_use_begin(&use, 10);
    ck_assert(!quota_use_is_told(&use, 2 * QUOTA_TOLD_US));
    quota_use_end(&use, 10);
    quota_use_stored(&use, 10, TODAY, QUOTA_TOLD_US);
    ck_assert(!quota_use_is_told(&use, 2 * QUOTA_TOLD_US));
    ck_assert(quota_use_is_told(&use, 2 * QUOTA_TOLD_US + 1));
    // There was no memory when it began.
    quota_use_end(&use, 10);
    ck_assert(quota_use_is_told(&use, 2 * QUOTA_TOLD_US + 1));
    ck_assert_int_eq(use.under_way.events + use.under_way.bytes, 0);
}
END_TEST

CHECK_MAIN("quota_use", quota_use__is_exact_for_one_after_the_other,
           quota_use__never_counts_what_nobody_stored, quota_use__learns_of_others,
           quota_use__ends_with_the_day, quota_use__follows_an_operator, quota_use__is_kept_until_it_is_told)
