// SPDX-License-Identifier: Apache-2.0
// The keeper: partitions ahead, what it says when it cannot make them, and its end.
#include "server/keeper/keeper.h"

#include "lib/base/log.h"
#include "test_store_hang.h"

#include "check_main.h"

#include <poll.h>
#include <stdatomic.h>

#define WAIT_USEC (120 * USEC_PER_SEC)
#define AHEAD     30

static char *url;
static struct metrics *metrics;
static _Atomic int64_t days_on;

static int64_t later_wall(void *context)
{
    (void)context;
    return clock_wall_us(clock_system()) + atomic_load(&days_on) * USEC_PER_DAY;
}

static int64_t mono(void *context)
{
    (void)context;
    return clock_mono_us(clock_system());
}

static const struct clock later = {later_wall, mono, NULL};

static struct keeper *start(const char *where)
{
    struct keeper_config config = {.url = where,
                                   .days_ahead = AHEAD,
                                   .interval_us = 3600 * USEC_PER_SEC,
                                   .metrics = metrics,
                                   .clock = &later};
    struct keeper *keeper;
    struct err err;
    atomic_store(&days_on, 0);
    ck_assert(keeper_start(&config, &keeper, &err));
    return keeper;
}

static void wait_for_ahead(struct keeper *keeper, int days)
{
    int64_t until = pg_deadline_in(WAIT_USEC);
    while (keeper_ahead_days(keeper) != days && pg_deadline_in(0) < until)
        poll(NULL, 0, 10);
    ck_assert_int_eq(keeper_ahead_days(keeper), days);
}

START_TEST(keeper__counts_down_from_the_day_it_reached)
{
    struct keeper *keeper = start(url);
    wait_for_ahead(keeper, AHEAD);
    atomic_store(&days_on, 10);
    ck_assert_int_eq(keeper_ahead_days(keeper), AHEAD - 10);
    struct buf text;
    buf_init(&text, 1 << 20);
    metrics_render(metrics, &text);
    ck_assert_ptr_nonnull(memmem(text.ptr, text.len, "partitions_ahead_days 20\n", 25));
    buf_release(&text);
    atomic_store(&days_on, AHEAD + 3);
    ck_assert_int_eq(keeper_ahead_days(keeper), -3);
    keeper_stop(keeper);
}
END_TEST

START_TEST(keeper__says_nothing_before_it_looked)
{
    struct keeper *keeper = start("host=/nonexistent");
    ck_assert_int_eq(keeper_ahead_days(keeper), INT32_MIN);
    keeper_stop(keeper);
}
END_TEST

START_TEST(keeper__stops_while_the_server_hangs)
{
    cluster_hang(url);
    bool quick = false;
    for (int tries = 0; !quick && tries < QUICK_TRIES; tries++) {
        struct keeper *keeper = start(url);
        poll(NULL, 0, 100); // it is connecting by now; if not, stopping is only easier
        int64_t began = pg_deadline_in(0);
        keeper_stop(keeper);
        quick = pg_deadline_in(0) - began < 1 * USEC_PER_SEC;
    }
    cluster_continue();
    ck_assert(quick);
}
END_TEST

static void setup(void)
{
    log_set_level(LOG_ERROR);
    cluster_start();
    url = cluster_database();
    metrics = metrics_new();
    BUG_ON(!metrics);
}

CHECK_MAIN_WITH(setup, "keeper", keeper__counts_down_from_the_day_it_reached,
                keeper__says_nothing_before_it_looked, keeper__stops_while_the_server_hangs)
