// SPDX-License-Identifier: Apache-2.0
// The catalog against a real PostgreSQL: what it publishes, whom it answers, and what it does in trouble.
#include "server/catalog/catalog.h"

#include "lib/base/json.h"
#include "lib/base/log.h"
#include "server/store/admin.h"
#include "server/store/tokens.h"
#include "test_contracts_folder.h"
#include "test_store_hang.h"

#include "check_main.h"

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>

#define WAIT_USEC (120 * USEC_PER_SEC)
#define CONTRACTS VOX_SOURCE_DIR "/contracts"

static struct fixture {
    char *url;
    struct metrics *metrics;
    struct contract_set *contracts;
    struct catalog *catalog;
    _Atomic int durable; // as told: -1 nothing yet
    _Atomic int told;
} f;

struct waiting {
    struct catalog_waiter waiter;
    int64_t began;
    _Atomic int answer; // -1: none yet, else fresh
    int64_t took;
};

static void on_durability(void *context, bool durable)
{
    struct fixture *fixture = context;
    atomic_store(&fixture->durable, durable);
}

static void on_told(void *context)
{
    struct fixture *fixture = context;
    atomic_fetch_add(&fixture->told, 1);
}

static void on_done(struct catalog_waiter *waiter, bool fresh)
{
    struct waiting *w = CONTAINER_OF(waiter, struct waiting, waiter);
    w->took = pg_deadline_in(0) - w->began;
    atomic_store(&w->answer, fresh);
}

static void ask(struct waiting *w)
{
    *w = (struct waiting){.waiter = {.done = on_done}, .began = pg_deadline_in(0)};
    atomic_init(&w->answer, -1);
    catalog_await(f.catalog, &w->waiter);
}

static bool answer_of(struct waiting *w)
{
    while (atomic_load(&w->answer) < 0) {
        ck_assert_int_lt(pg_deadline_in(0) - w->began, WAIT_USEC);
        poll(NULL, 0, 1);
    }
    return atomic_load(&w->answer);
}

// Asks until the answer is a fresh load: one that takes longer than a waiter has time is none.
static void expect_fresh(void)
{
    struct waiting w;
    bool fresh = false;
    for (int tries = 0; !fresh && tries < QUICK_TRIES; tries++) {
        ask(&w);
        fresh = answer_of(&w);
    }
    ck_assert(fresh);
}

static bool is_ready(void)
{
    return catalog_is_ready(f.catalog);
}

static void wait_until(bool (*reached)(void))
{
    int64_t until = pg_deadline_in(WAIT_USEC);
    while (!reached() && pg_deadline_in(0) < until)
        poll(NULL, 0, 5);
    ck_assert(reached());
}

#define BEHIND_US (3 * USEC_PER_DAY)

// Steps back by as much each time that it is read.
static int64_t late_wall(void *context UNUSED)
{
    static _Atomic int64_t steps;
    return clock_wall_us(clock_system()) - BEHIND_US * ++steps;
}

static int64_t late_mono(void *context UNUSED)
{
    return clock_mono_us(clock_system());
}

static const struct clock late = {.wall_us = late_wall, .mono_us = late_mono};

static void start_by(const struct clock *clock, int64_t poll_us)
{
    struct err err;
    f.url = cluster_database();
    f.metrics = metrics_new();
    ck_assert_ptr_nonnull(f.metrics);
    ck_assert_msg(contract_set_load(CONTRACTS, NULL, &f.contracts, &err), "%s", err.text);
    atomic_store(&f.durable, -1);
    atomic_store(&f.told, 0);
    struct catalog_config config = {.url = f.url,
                                    .poll_us = poll_us,
                                    .contracts = f.contracts,
                                    .contracts_told = on_told,
                                    .durability = on_durability,
                                    .context = &f,
                                    .metrics = f.metrics,
                                    .clock = clock};
    ck_assert_msg(catalog_start(&config, &f.catalog, &err), "%s", err.text);
    wait_until(is_ready);
}

static void start(int64_t poll_us)
{
    start_by(clock_system(), poll_us);
}

static void release(void)
{
    catalog_free(f.catalog);
    contract_set_unref(f.contracts);
    metrics_free(f.metrics);
    free(f.url);
}

static void stop(void)
{
    catalog_halt(f.catalog);
    release();
}

static uint64_t loads(const char *outcome)
{
    return metrics_get(f.metrics, METRIC_RELOADS, "catalog", outcome);
}

// ---- tokens

#define KEY_ID "abcdefghij"

static void make_token(const char *scopes)
{
    struct db *db = cluster_open(f.url, DB_OWNER);
    struct err err;
    struct token_row row = {
        .project = STR("first"), .key_id = STR(KEY_ID), .scopes = str_from(scopes), .expires_at = INT64_MAX};
    ck_assert_msg(store_token_create(db, &row, NULL, &err), "%s", err.text);
    db_close(db);
}

static bool has_token(void)
{
    struct snapshot *s = catalog_get(f.catalog);
    bool found = token_table_find(s->tokens, STR(KEY_ID)) != NULL;
    snapshot_unref(s);
    return found;
}

START_TEST(catalog__answers_waiters_with_a_fresh_load)
{
    struct waiting w[3];
    bool all = false;
    start(60 * USEC_PER_SEC);
    for (int tries = 0; !all && tries < QUICK_TRIES; tries++) {
        all = true;
        for (size_t i = 0; i < ARRAY_LEN(w); i++)
            ask(&w[i]);
        for (size_t i = 0; i < ARRAY_LEN(w); i++)
            all = answer_of(&w[i]) && w[i].took < 3 * USEC_PER_SEC && all;
    }
    ck_assert(all);
    catalog_halt(f.catalog);
    ask(&w[0]);
    ck_assert_int_eq(w[0].answer, 0);
    release();
}
END_TEST

static int64_t database_offset(void)
{
    struct snapshot *s = catalog_get(f.catalog);
    int64_t offset = s->database_offset;
    snapshot_unref(s);
    return offset;
}

// The server is on the same machine.
static int64_t true_offset(void)
{
    int64_t mono = clock_mono_us(clock_system());
    return clock_wall_us(clock_system()) - mono;
}

// So that days are counted by one clock, whatever the sinks' own say, and however they are set meanwhile.
START_TEST(catalog__knows_the_databases_clock)
{
    start_by(&late, 60 * USEC_PER_SEC);
    int64_t first = database_offset();
    ck_assert_int_gt(first, true_offset() - WAIT_USEC);
    ck_assert_int_lt(first, true_offset() + WAIT_USEC);
    expect_fresh();
    ck_assert_int_gt(database_offset(), first - USEC_PER_SEC); // each look tells it to a round trip
    ck_assert_int_lt(database_offset(), true_offset() + USEC_PER_SEC);
    stop();
}
END_TEST

// Strangers ask all the time, then a token is made; how long it took until that was known.
static int64_t know_token_among_strangers(void)
{
    start(60 * USEC_PER_SEC);
    uint64_t before = loads("ok"), count = 0;
    int64_t began = pg_deadline_in(0), took = 0;
    while (took < 2 * USEC_PER_SEC || count < 3) {
        expect_fresh();
        catalog_refresh(f.catalog);
        took = pg_deadline_in(0) - began;
        count = loads("ok") - before;
    }
    // 20 ms, then twice that after each: six in 1.3 s, then one a second.
    ck_assert_int_le((int64_t)count, 8 + took / USEC_PER_SEC);
    make_token("ingest");
    int64_t made = pg_deadline_in(0);
    wait_until(has_token);
    int64_t known = pg_deadline_in(0) - made;
    stop();
    return known;
}

START_TEST(catalog__loads_seldom_for_strangers_and_at_once_for_a_new_token)
{
    bool at_once = false;
    for (int tries = 0; !at_once && tries < QUICK_TRIES; tries++)
        at_once = know_token_among_strangers() < 800 * USEC_PER_MSEC;
    ck_assert(at_once);
}
END_TEST

START_TEST(catalog__keeps_a_token_whose_scopes_it_does_not_know)
{
    start(60 * USEC_PER_SEC);
    cluster_sql(f.url, "ALTER TABLE telemetry.tokens DROP CONSTRAINT IF EXISTS tokens_scopes_check");
    make_token("ingest,fly");
    wait_until(has_token);
    struct snapshot *s = catalog_get(f.catalog);
    ck_assert_uint_eq(token_table_find(s->tokens, STR(KEY_ID))->scopes, 0);
    snapshot_unref(s);
    stop();
}
END_TEST

// ---- contracts

// The same contracts, one of them kept for other days.
static struct contract_set *other_contracts(void)
{
    struct contract_set *set;
    struct err err;
    char path[128];
    folder_make();
    folder_put("", "overrides.yaml",
               STR("retention:\n  - contract: model-call.v1\n    kind: days\n    days: 77\n"));
    snprintf(path, sizeof(path), "%s/overrides.yaml", folder);
    ck_assert_msg(contract_set_load(CONTRACTS, path, &set, &err), "%s", err.text);
    folder_remove();
    return set;
}

static bool serves(const struct contract_set *set)
{
    struct snapshot *s = catalog_get(f.catalog);
    bool same = s->contracts == set;
    snapshot_unref(s);
    return same;
}

static bool serves_other(void)
{
    return !serves(f.contracts);
}

static uint64_t loads_before;

static bool has_loaded_more(void)
{
    return loads("ok") >= loads_before + 5;
}

START_TEST(catalog__keeps_tokens_fresh_while_contracts_are_refused)
{
    start(20 * USEC_PER_MSEC);
    struct contract_set *other = other_contracts();
    cluster_sql(f.url, "ALTER TABLE telemetry.contract_retention ADD CONSTRAINT no CHECK (false) NOT VALID");
    catalog_set_contracts(f.catalog, other);
    expect_fresh();
    make_token("ingest");
    wait_until(has_token);
    ck_assert(serves(f.contracts) && is_ready());
    // What is refused fails no load; one that the machine is too slow for may.
    loads_before = loads("ok");
    wait_until(has_loaded_more);
    ck_assert_uint_lt(loads("failed"), loads("ok"));
    cluster_sql(f.url, "ALTER TABLE telemetry.contract_retention DROP CONSTRAINT no");
    catalog_set_contracts(f.catalog, other); // rather than wait for the next try
    wait_until(serves_other);
    ck_assert(serves(other) && is_ready());
    contract_set_unref(other);
    stop();
}
END_TEST

static int32_t first_id(void)
{
    struct snapshot *s = catalog_get(f.catalog);
    int32_t id = s->contract_ids ? s->contract_ids[0] : 0;
    snapshot_unref(s);
    return id;
}

static int32_t id_before;

static bool has_other_ids(void)
{
    return first_id() && first_id() != id_before;
}

START_TEST(catalog__asks_each_connection_for_its_numbers)
{
    start(20 * USEC_PER_MSEC);
    id_before = first_id();
    cluster_sql(f.url, "DELETE FROM telemetry.contract_retention; DELETE FROM telemetry.contracts;"
                       " SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                       " WHERE datname = current_database() AND pid <> pg_backend_pid()");
    wait_until(has_other_ids);
    ck_assert_int_ge(atomic_load(&f.told), 2);
    stop();
}
END_TEST

// ---- trouble

static bool is_durable(void)
{
    return catalog_is_durable(f.catalog) && atomic_load(&f.durable) == 1;
}

static bool is_not_durable(void)
{
    return !catalog_is_durable(f.catalog) && atomic_load(&f.durable) == 0;
}

START_TEST(catalog__tells_when_commits_stop_being_durable)
{
    start(20 * USEC_PER_MSEC);
    wait_until(is_durable);
    cluster_setting("fsync", "off");
    wait_until(is_not_durable);
    cluster_setting("fsync", NULL);
    cluster_setting("synchronous_commit", "off"); // the sessions keep their own
    wait_until(is_durable);
    cluster_setting("synchronous_commit", NULL);
    stop();
}
END_TEST

START_TEST(catalog__pauses_before_it_connects_again_whoever_asks)
{
    start(60 * USEC_PER_SEC);
    cluster_sql(f.url, "ALTER SCHEMA telemetry RENAME TO away; SELECT pg_terminate_backend(pid)"
                       " FROM pg_stat_activity WHERE datname = current_database()"
                       " AND pid <> pg_backend_pid()");
    int64_t began = pg_deadline_in(0), took = 0;
    while (took < 1 * USEC_PER_SEC || loads("failed") < 1) {
        ck_assert_int_lt(took, WAIT_USEC);
        catalog_refresh(f.catalog);
        poll(NULL, 0, 1);
        took = pg_deadline_in(0) - began;
    }
    // 100 ms, then twice that after each, up to a second.
    ck_assert_int_le((int64_t)loads("failed"), 5 + took / USEC_PER_SEC);
    stop();
}
END_TEST

static bool halt_is_quick(struct waiting *w)
{
    int64_t began = pg_deadline_in(0);
    catalog_halt(f.catalog);
    bool quick = pg_deadline_in(0) - began < 1 * USEC_PER_SEC;
    ck_assert(!answer_of(w));
    return quick;
}

static bool answers_and_halts(void)
{
    struct waiting w;
    start(60 * USEC_PER_SEC);
    cluster_hang(f.url);
    ask(&w);
    ck_assert(!answer_of(&w));
    bool quick = w.took < 4 * USEC_PER_SEC;
    ask(&w); // now it connects, in vain
    quick = halt_is_quick(&w) && quick;
    cluster_continue();
    release();
    return quick;
}

START_TEST(catalog__answers_and_halts_while_the_server_hangs)
{
    bool quick = false;
    for (int tries = 0; !quick && tries < QUICK_TRIES; tries++)
        quick = answers_and_halts();
    ck_assert(quick);
}
END_TEST

static bool halts_in_a_statement(void)
{
    struct waiting w;
    start(60 * USEC_PER_SEC);
    PGconn *session = cluster_session(f.url);
    cluster_run(session, "BEGIN; LOCK TABLE telemetry.tokens IN ACCESS EXCLUSIVE MODE");
    ask(&w);
    cluster_wait_until(f.url, "SELECT count(*) FROM pg_locks WHERE NOT granted");
    bool quick = halt_is_quick(&w);
    PQfinish(session);
    release();
    return quick;
}

START_TEST(catalog__halts_in_the_middle_of_a_statement)
{
    bool quick = false;
    for (int tries = 0; !quick && tries < QUICK_TRIES; tries++)
        quick = halts_in_a_statement();
    ck_assert(quick);
}
END_TEST

static void setup(void)
{
    log_set_level(LOG_ERROR);
    cluster_start();
}

CHECK_MAIN_WITH(setup, "catalog", catalog__answers_waiters_with_a_fresh_load,
                catalog__knows_the_databases_clock,
                catalog__loads_seldom_for_strangers_and_at_once_for_a_new_token,
                catalog__keeps_a_token_whose_scopes_it_does_not_know,
                catalog__keeps_tokens_fresh_while_contracts_are_refused,
                catalog__asks_each_connection_for_its_numbers, catalog__tells_when_commits_stop_being_durable,
                catalog__pauses_before_it_connects_again_whoever_asks,
                catalog__answers_and_halts_while_the_server_hangs,
                catalog__halts_in_the_middle_of_a_statement)
