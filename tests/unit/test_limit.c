// SPDX-License-Identifier: Apache-2.0
// Rates and quotas by a clock of the test's own.
#include "server/gate/address_table.h"
#include "server/gate/limit.h"
#include "server/gate/token_states.h"

#include "check_main.h"

#define SECOND 1000000000LL

START_TEST(gcra__lets_through_a_burst_then_the_rate)
{
    struct gcra_rate rate = gcra_rate_of(10 * 1000, 30);
    int64_t tat = 0, now = 1000 * SECOND;
    for (int i = 0; i < 30; i++) {
        struct gcra_verdict v = gcra_take(&rate, &tat, 1, now, 0, 0);
        ck_assert(v.limited && v.admitted);
        ck_assert_int_eq(v.wait_ns, 0);
        ck_assert_int_eq(v.remaining, 29 - i);
        ck_assert_int_eq(v.burst, 30);
        ck_assert_int_eq(v.window_ns, 3 * SECOND);
        ck_assert_int_eq(v.more_ns, SECOND / 10);
    }
    int64_t before = tat;
    struct gcra_verdict v = gcra_take(&rate, &tat, 1, now, 0, 0);
    ck_assert(!v.admitted);
    ck_assert_int_eq(v.wait_ns, SECOND / 10);
    ck_assert_int_eq(v.remaining, 0);
    ck_assert_int_eq(v.more_ns, SECOND / 10);
    ck_assert_int_eq(tat, before);
    // As told: not a nanosecond earlier.
    ck_assert(!gcra_take(&rate, &tat, 1, now + v.wait_ns - 1, 0, 0).admitted);
    ck_assert(gcra_take(&rate, &tat, 1, now + v.wait_ns, 0, 0).admitted);
    // Idle for long, it has a burst again, and no more than that.
    int taken = 0;
    while (gcra_take(&rate, &tat, 1, now + 3600 * SECOND, 0, 0).admitted)
        taken++;
    ck_assert_int_eq(taken, 30);
}
END_TEST

START_TEST(gcra__paces_up_to_its_bounds)
{
    static const struct {
        int64_t milli, patience_ns, many;
        int waiting;
    } rows[] = {
        {10 * 1000, 2 * SECOND, 32, 20},  // by time
        {200 * 1000, 2 * SECOND, 32, 32}, // by number
        {200 * 1000, 0, 32, 0},
        {1, 2 * SECOND, 32, 0}, // the first would wait for a quarter of an hour
    };
    for (size_t r = 0; r < ARRAY_LEN(rows); r++) {
        struct gcra_rate rate = gcra_rate_of(rows[r].milli, 5);
        int64_t tat = 0, now = SECOND, last = 0;
        int at_once = 0, waiting = 0;
        for (;;) {
            struct gcra_verdict v = gcra_take(&rate, &tat, 1, now, rows[r].patience_ns, rows[r].many);
            if (!v.admitted)
                break;
            ck_assert(v.wait_ns == 0 || v.wait_ns == last + rate.interval_ns);
            ck_assert_int_le(v.wait_ns, rows[r].patience_ns);
            last = v.wait_ns;
            *(v.wait_ns ? &waiting : &at_once) += 1;
        }
        ck_assert_int_eq(at_once, 5);
        ck_assert_msg(waiting == rows[r].waiting, "row %zu: %d wait", r, waiting);
    }
}
END_TEST

START_TEST(gcra__takes_extreme_rates)
{
    struct gcra_rate rate = gcra_rate_of(0, 5);
    int64_t tat = 7;
    struct gcra_verdict v = gcra_take(&rate, &tat, 1, 0, 0, 0);
    ck_assert(v.admitted && !v.limited);
    ck_assert_int_eq(tat, 7);
    // One in 1,000 seconds, any burst: far from overflow.
    rate = gcra_rate_of(1, INT64_MAX);
    v = gcra_take(&rate, &tat, INT64_MAX, 1000000 * SECOND, 0, 0);
    ck_assert(v.admitted);
    ck_assert_int_eq(v.remaining, 0);
    ck_assert(!gcra_take(&rate, &tat, 1, 1000000 * SECOND, 10 * SECOND, INT64_MAX).admitted);
    rate = gcra_rate_of(INT64_MAX, 0);
    ck_assert_int_eq(rate.interval_ns, 1);
    ck_assert_int_eq(rate.burst, 1);
    // More at once than the burst is as much as the burst, or it could never be.
    rate = gcra_rate_of(1000 * 1000, 10);
    tat = 0;
    ck_assert(gcra_take(&rate, &tat, 100, SECOND, 0, 0).admitted);
    ck_assert(!gcra_take(&rate, &tat, 1, SECOND, 0, 0).admitted);
}
END_TEST

// ---- many addresses

static uint64_t mixed(uint64_t n)
{
    n = (n + 1) * 0x9e3779b97f4a7c15ULL;
    n = (n ^ (n >> 32)) * 0xd6e8feb86659fd93ULL;
    return n ^ (n >> 32);
}

START_TEST(address_table__frees_no_hot_key_for_a_million_others)
{
    struct address_table *table = calloc(1, sizeof(*table));
    ck_assert_ptr_nonnull(table);
    ck_assert_uint_le(sizeof(*table), 1 << 20);
    struct gcra_rate rate = gcra_rate_of(10 * 1000, 30);
    const uint64_t hot = mixed(UINT64_MAX / 3);
    int64_t now = SECOND;
    unsigned hot_taken = 0, others = 0;
    // A second in which the hot key asks without pause and a million others come once each.
    for (unsigned n = 0; n < 1000000; n++, now += 1000) {
        others += address_table_take(table, mixed(n), &rate, 1, now, 0, 0).admitted;
        if (n % 10 == 0)
            hot_taken += address_table_take(table, hot, &rate, 1, now, 0, 0).admitted;
    }
    ck_assert_uint_le(hot_taken, 30 + 10 + 1);
    ck_assert_uint_ge(hot_taken, 1);
    // The others come in, up to what the table can tell apart.
    ck_assert_uint_ge(others, 600000);
    // Once the flood is over everybody starts anew.
    now += 10 * SECOND;
    for (unsigned i = 0; i < 30; i++)
        ck_assert(address_table_take(table, mixed(5000000), &rate, 1, now, 0, 0).admitted);
    ck_assert(!address_table_take(table, mixed(5000000), &rate, 1, now, 0, 0).admitted);
    free(table);
}
END_TEST

START_TEST(token_states__drops_only_what_tells_nothing)
{
    struct token_states states = {0};
    int64_t now = 1000 * SECOND;
    for (int32_t id = 1; id <= 1000; id++) {
        struct token_state *state = token_states_get(&states, id, now);
        ck_assert_ptr_nonnull(state);
        ck_assert_int_eq(state->id, id);
        state->tats[id % 2] = now + SECOND;
        state->quota.own.events = id;
    }
    for (int32_t id = 1; id <= 1000; id++)
        ck_assert_int_eq(token_states_get(&states, id, now)->quota.own.events, id);
    size_t size = states.size;
    // All of them are idle by now: a thousand others need no more room.
    now += 3600 * SECOND;
    for (int32_t id = 1001; id <= 2000; id++)
        token_states_get(&states, id, now)->tats[0] = now + SECOND;
    ck_assert_uint_le(states.size, size);
    token_states_release(&states);
    ck_assert_ptr_null(states.slots);
}
END_TEST

// ---- the limiter

struct fake {
    int64_t wall, mono;
};

static int64_t fake_wall(void *context)
{
    return ((struct fake *)context)->wall;
}

static int64_t fake_mono(void *context)
{
    return ((struct fake *)context)->mono;
}

static const struct limit_settings usual = {.rate = 10,
                                            .burst = 30,
                                            .batch_rate = 5000,
                                            .batch_burst = 20000,
                                            .address_rate = 10,
                                            .address_burst = 30,
                                            .pacing_us = 2 * USEC_PER_SEC,
                                            .pacing_many = 32};

static struct limiter *make(struct fake *fake, struct clock *ret_clock, const struct limit_settings *settings)
{
    struct limiter *limiter;
    struct err err;
    *fake = (struct fake){1800000000 * USEC_PER_SEC, 5 * USEC_PER_SEC};
    *ret_clock = (struct clock){fake_wall, fake_mono, fake};
    ck_assert_msg(limiter_new(settings, ret_clock, &limiter, &err), "%s", err.text);
    return limiter;
}

static unsigned take_all(struct limiter *limiter, const struct token *token, enum limit_kind kind)
{
    unsigned taken = 0;
    while (taken < 50000 && limiter_token(limiter, token, kind, 1, false).admitted)
        taken++;
    return taken;
}

// cases.md: clock-back. The wall clock has no say.
START_TEST(rate_limit__clock_back)
{
    struct fake fake;
    struct clock clock;
    struct limiter *limiter = make(&fake, &clock, &usual);
    const struct token token = {.id = 1};
    struct client_address address = {.bytes = {1}};
    ck_assert_uint_eq(take_all(limiter, &token, LIMIT_REQUESTS), 30);
    while (limiter_address(limiter, &address, LIMIT_REQUESTS, 1, false).admitted)
        ;
    static const int64_t jumps[] = {-3600, +7200, -86400 * 400, +86400 * 800};
    for (size_t i = 0; i < ARRAY_LEN(jumps); i++) {
        fake.wall += jumps[i] * USEC_PER_SEC;
        // No free burst, no lockout: a tenth of a second is one request, whatever the wall says.
        ck_assert(!limiter_token(limiter, &token, LIMIT_REQUESTS, 1, false).admitted);
        ck_assert(!limiter_address(limiter, &address, LIMIT_REQUESTS, 1, false).admitted);
        fake.mono += USEC_PER_SEC / 10;
        ck_assert(limiter_token(limiter, &token, LIMIT_REQUESTS, 1, false).admitted);
        ck_assert(limiter_address(limiter, &address, LIMIT_REQUESTS, 1, false).admitted);
    }
    limiter_free(limiter);
}
END_TEST

START_TEST(limiter__knows_tokens_apart_and_their_own_limits)
{
    struct fake fake;
    struct clock clock;
    struct limiter *limiter = make(&fake, &clock, &usual);
    const struct token one = {.id = 1}, own = {.id = 2, .rate_milli = 500, .burst = 3};
    ck_assert_uint_eq(take_all(limiter, &one, LIMIT_REQUESTS), 30);
    ck_assert_uint_eq(take_all(limiter, &own, LIMIT_REQUESTS), 3);
    ck_assert_uint_eq(take_all(limiter, &own, LIMIT_EVENTS), 20000);
    fake.mono += 2 * USEC_PER_SEC;
    ck_assert_uint_eq(take_all(limiter, &one, LIMIT_REQUESTS), 20);
    ck_assert_uint_eq(take_all(limiter, &own, LIMIT_REQUESTS), 1);
    ck_assert_uint_eq(take_all(limiter, &own, LIMIT_EVENTS), 10000);
    // What may wait, waits.
    struct gcra_verdict v = limiter_token(limiter, &one, LIMIT_REQUESTS, 1, true);
    ck_assert(v.admitted);
    ck_assert_int_eq(v.wait_ns, SECOND / 10);
    // New settings hold at once, and off is off.
    struct limit_settings off = usual;
    off.rate = off.address_rate = 0;
    limiter_set(limiter, &off);
    ck_assert_uint_eq(take_all(limiter, &one, LIMIT_REQUESTS), 50000);
    ck_assert(!limiter_token(limiter, &one, LIMIT_REQUESTS, 1, false).limited);
    ck_assert(!limiter_token(limiter, &own, LIMIT_REQUESTS, 1, false).admitted);
    limiter_free(limiter);
}
END_TEST

START_TEST(limiter__asks_without_charging)
{
    struct fake fake;
    struct clock clock;
    struct limiter *limiter = make(&fake, &clock, &usual);
    const struct token token = {.id = 1};
    const struct client_address address = {.bytes = {1}}, other = {.bytes = {2}};
    for (int i = 0; i < 100; i++) {
        ck_assert(limiter_token(limiter, &token, LIMIT_REQUESTS, 0, false).admitted);
        ck_assert(limiter_forged(limiter, &address, 1, 0).admitted);
    }
    ck_assert_uint_eq(take_all(limiter, &token, LIMIT_REQUESTS), 30);
    struct gcra_verdict v = limiter_token(limiter, &token, LIMIT_REQUESTS, 0, false);
    ck_assert(!v.admitted);
    ck_assert_int_eq(v.wait_ns, SECOND / 10);
    while (limiter_forged(limiter, &address, 1, 1).admitted)
        ;
    ck_assert(!limiter_forged(limiter, &address, 1, 0).admitted);
    // Neither another token from there, nor the token from elsewhere, nor what comes without one.
    ck_assert(limiter_forged(limiter, &address, 2, 0).admitted);
    ck_assert(limiter_forged(limiter, &other, 1, 0).admitted);
    ck_assert_int_eq(limiter_address(limiter, &address, LIMIT_REQUESTS, 1, false).remaining, 29);
    limiter_free(limiter);
}
END_TEST

START_TEST(limiter__forgets_addresses_with_the_day)
{
    struct fake fake;
    struct clock clock;
    struct limit_settings slow = usual;
    slow.address_burst = 1000000; // 100,000 s of backlog: beyond the day
    struct limiter *limiter = make(&fake, &clock, &slow);
    struct client_address address = {.bytes = {1}}, local = {.is_local = true}, zero = {0};
    ck_assert(limiter_address(limiter, &address, LIMIT_REQUESTS, 1000000, false).admitted);
    ck_assert(!limiter_address(limiter, &address, LIMIT_REQUESTS, 1, false).admitted);
    ck_assert(limiter_address(limiter, &address, LIMIT_EVENTS, 1, false).admitted); // another count
    ck_assert_int_eq(limiter_address(limiter, &local, LIMIT_REQUESTS, 1, false).remaining, 999999);
    ck_assert_int_eq(limiter_address(limiter, &zero, LIMIT_REQUESTS, 1, false).remaining, 999999);
    fake.mono += USEC_PER_DAY;
    ck_assert_int_eq(limiter_address(limiter, &address, LIMIT_REQUESTS, 1, false).remaining, 999999);
    limiter_free(limiter);
}
END_TEST

#define TODAY 20000

static void store(struct limiter *limiter, const struct token *token)
{
    limiter_begin(limiter, token->id, 10);
    limiter_end(limiter, token->id, 10, true, TODAY);
}

START_TEST(limiter__adds_up_quotas)
{
    struct fake fake;
    struct clock clock;
    struct limit_settings settings = usual;
    struct limiter *limiter = make(&fake, &clock, &settings);
    struct token token = {.id = 5, .used_on = TODAY},
                 own = {.id = 6, .quota_events = 3, .quota_bytes = 1000, .used_on = TODAY};
    const struct token open = {.project_id = 1};
    ck_assert_int_eq(limiter_quota(limiter, &token, 10, TODAY), QUOTA_NONE);
    ck_assert_int_eq(limiter_quota(limiter, &open, 10, TODAY), QUOTA_NONE);
    ck_assert(!limiter_has_quota(limiter, &token) && !limiter_has_quota(limiter, &open));
    ck_assert(limiter_has_quota(limiter, &own));
    own.used_events = 1;
    ck_assert_int_eq(limiter_quota(limiter, &own, 10, TODAY), QUOTA_LEFT);
    store(limiter, &own);
    ck_assert_int_eq(limiter_quota(limiter, &own, 10, TODAY), QUOTA_LEFT);
    store(limiter, &own);
    ck_assert_int_eq(limiter_quota(limiter, &own, 10, TODAY), QUOTA_EVENTS_USED);
    // A request that began with an older snapshot changes nothing, and a newer sum only adds what others did.
    own.used_events = 0;
    ck_assert_int_eq(limiter_quota(limiter, &own, 9, TODAY), QUOTA_EVENTS_USED);
    own.used_events = 3;
    own.quota_events = 4;
    ck_assert_int_eq(limiter_quota(limiter, &own, 11, TODAY), QUOTA_LEFT);
    own.used_bytes = 1000;
    ck_assert_int_eq(limiter_quota(limiter, &own, 12, TODAY), QUOTA_BYTES_USED);
    // A new day begins at nothing, whether or not somebody read so; as does what an operator took back.
    ck_assert_int_eq(limiter_quota(limiter, &own, 12, TODAY + 1), QUOTA_LEFT);
    own.used_events = own.used_bytes = 0;
    ck_assert_int_eq(limiter_quota(limiter, &own, 13, TODAY), QUOTA_LEFT);
    settings.quota_events = 1;
    limiter_set(limiter, &settings);
    ck_assert(limiter_has_quota(limiter, &token) && !limiter_has_quota(limiter, &open));
    ck_assert_int_eq(limiter_quota(limiter, &token, 13, TODAY), QUOTA_LEFT);
    store(limiter, &token);
    ck_assert_int_eq(limiter_quota(limiter, &token, 13, TODAY), QUOTA_EVENTS_USED);
    limiter_free(limiter);
}
END_TEST

// The sum of all sinks is read before the event is committed or behind it, and seen before or behind its end.
START_TEST(limiter__counts_once_what_is_stored_while_sums_are_read)
{
    struct fake fake;
    struct clock clock;
    struct limiter *limiter = make(&fake, &clock, &usual);
    for (int row = 0; row < 4; row++) {
        bool read_before = row & 1, seen_before = row & 2;
        struct token token = {.id = row + 1, .quota_events = 2, .used_on = TODAY};
        ck_assert_int_eq(limiter_quota(limiter, &token, 10, TODAY), QUOTA_LEFT);
        limiter_begin(limiter, token.id, 10);
        token.used_events = read_before ? 0 : 1;
        if (seen_before)
            ck_assert_int_eq(limiter_quota(limiter, &token, 11, TODAY), QUOTA_LEFT);
        limiter_end(limiter, token.id, 10, true, TODAY);
        ck_assert_msg(limiter_quota(limiter, &token, 11, TODAY) == QUOTA_LEFT, "row %d", row);
        token.quota_events = 1;
        ck_assert_msg(limiter_quota(limiter, &token, 11, TODAY) == QUOTA_EVENTS_USED, "row %d", row);
        // The next sum has it.
        token.used_events = 1;
        token.quota_events = 2;
        ck_assert_msg(limiter_quota(limiter, &token, 12, TODAY) == QUOTA_LEFT, "row %d", row);
    }
    limiter_free(limiter);
}
END_TEST

START_TEST(limiter__request_is_rate_and_quota)
{
    struct fake fake;
    struct clock clock;
    struct limit_settings settings = usual;
    struct limiter *limiter = make(&fake, &clock, &settings);
    const struct token plain = {.id = 7}, counted = {.id = 8, .quota_events = 1, .used_on = TODAY};
    enum limit_quota quota;
    int64_t left = limiter_request(limiter, &plain, 10, TODAY, 0, false, &quota).remaining;
    ck_assert_int_eq(quota, QUOTA_NONE);
    ck_assert_int_eq(limiter_request(limiter, &plain, 10, TODAY, 1, false, &quota).remaining, left - 1);
    ck_assert_int_eq(limiter_token(limiter, &plain, LIMIT_REQUESTS, 1, false).remaining, left - 2);
    ck_assert(limiter_request(limiter, &counted, 10, TODAY, 1, false, &quota).admitted);
    ck_assert_int_eq(quota, QUOTA_LEFT);
    store(limiter, &counted);
    ck_assert(limiter_request(limiter, &counted, 10, TODAY, 0, false, &quota).admitted);
    ck_assert_int_eq(quota, QUOTA_EVENTS_USED);
    limiter_free(limiter);
}
END_TEST

START_TEST(limiter__proxies_are_told_where_some_are_trusted)
{
    struct fake fake;
    struct clock clock;
    struct limit_settings settings = usual;
    struct limiter *limiter = make(&fake, &clock, &settings);
    struct trusted_proxies trusted;
    enum forwarded_form form;
    ck_assert(!limiter_proxies(limiter, &trusted, &form));
    settings.trusted.local = true;
    settings.form = FORWARDED_RFC7239;
    limiter_set(limiter, &settings);
    ck_assert(limiter_proxies(limiter, &trusted, &form));
    ck_assert(trusted.local && form == FORWARDED_RFC7239);
    settings.trusted = (struct trusted_proxies){.count = 1};
    limiter_set(limiter, &settings);
    ck_assert(limiter_proxies(limiter, &trusted, &form));
    ck_assert_uint_eq(trusted.count, 1);
    settings.trusted.count = 0;
    limiter_set(limiter, &settings);
    ck_assert(!limiter_proxies(limiter, &trusted, &form));
    limiter_free(limiter);
}
END_TEST

START_TEST(limiter__notes_use_once_a_minute)
{
    struct fake fake;
    struct clock clock;
    struct limiter *limiter = make(&fake, &clock, &usual);
    const struct token token = {.id = 5}, other = {.id = 6};
    ck_assert(limiter_use_is_due(limiter, &token));
    ck_assert(!limiter_use_is_due(limiter, &token));
    ck_assert(limiter_use_is_due(limiter, &other));
    fake.mono += 60 * USEC_PER_SEC;
    ck_assert(limiter_use_is_due(limiter, &token));
    ck_assert(!limiter_use_is_due(limiter, &token));
    limiter_free(limiter);
}
END_TEST

CHECK_MAIN("limit", gcra__lets_through_a_burst_then_the_rate, gcra__paces_up_to_its_bounds,
           gcra__takes_extreme_rates, address_table__frees_no_hot_key_for_a_million_others,
           token_states__drops_only_what_tells_nothing, rate_limit__clock_back,
           limiter__knows_tokens_apart_and_their_own_limits, limiter__asks_without_charging,
           limiter__forgets_addresses_with_the_day, limiter__adds_up_quotas,
           limiter__counts_once_what_is_stored_while_sums_are_read, limiter__request_is_rate_and_quota,
           limiter__proxies_are_told_where_some_are_trusted, limiter__notes_use_once_a_minute)
