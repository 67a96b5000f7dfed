// SPDX-License-Identifier: Apache-2.0
// Looks after partitions and the ledger, on a connection of its own.
#include "server/keeper/keeper.h"

#include "lib/base/log.h"
#include "server/store/keeper.h"
#include "server/store/migrate.h"

#include <pthread.h>
#include <stdatomic.h>

#define WORK_US  (60 * USEC_PER_SEC)
#define RETRY_US (2 * USEC_PER_SEC)

struct keeper {
    struct keeper_config config;
    pthread_t thread;
    pthread_mutex_t mutex; // guards the two below
    pthread_cond_t wake;
    bool stopping;
    bool poked;
    _Atomic int ahead_days;
};

static bool upkeep(struct keeper *k, struct db *db, struct err *err)
{
    int ahead;
    bool rotated;
    int64_t deadline = clock_mono_us(clock_system()) + WORK_US;
    if (!store_partitions_ahead(db, k->config.days_ahead, deadline, &ahead, err))
        return false;
    atomic_store(&k->ahead_days, ahead);
    metrics_set(k->config.metrics, METRIC_PARTITIONS_AHEAD, NULL, NULL, ahead);
    if (!store_ledger_rotate(db, 0, &rotated, err))
        return false;
    if (rotated)
        log_info("ledger rotated to a new generation");
    return true;
}

static bool work(struct keeper *k, struct err *err)
{
    struct db *db;
    if (!db_connect(k->config.url, DB_KEEPER, clock_mono_us(clock_system()) + 3 * USEC_PER_SEC, &db, err))
        return false;
    bool ok = store_schema_fits(db, err) && upkeep(k, db, err);
    db_close(db);
    return ok;
}

// Sleeps until the next look, a poke or the end; false at the end.
static bool wait_for_work(struct keeper *k, int64_t us)
{
    int64_t until = clock_mono_us(clock_system()) + us;
    struct timespec ts = {until / USEC_PER_SEC, (until % USEC_PER_SEC) * 1000};
    pthread_mutex_lock(&k->mutex);
    while (!k->stopping && !k->poked)
        if (pthread_cond_timedwait(&k->wake, &k->mutex, &ts) != 0)
            break;
    k->poked = false;
    bool go_on = !k->stopping;
    pthread_mutex_unlock(&k->mutex);
    return go_on;
}

static void *thread_main(void *arg)
{
    struct keeper *k = arg;
    bool failing = false, ok;
    pthread_setname_np(pthread_self(), "vox-keeper");
    do {
        struct err err = {"no reason given"};
        ok = work(k, &err);
        if (!ok && !failing)
            log_warn("upkeep of partitions and ledger failed; trying again", LOG_CSTR("reason", err.text));
        failing = !ok;
    } while (wait_for_work(k, ok ? k->config.interval_us : RETRY_US));
    return NULL;
}

bool keeper_start(const struct keeper_config *config, struct keeper **ret_keeper, struct err *err)
{
    struct keeper *k = calloc(1, sizeof(*k));
    if (!k)
        return err_set(err, "out of memory for the keeper");
    k->config = *config;
    atomic_init(&k->ahead_days, INT32_MIN);
    pthread_mutex_init(&k->mutex, NULL);
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&k->wake, &monotonic);
    pthread_condattr_destroy(&monotonic);
    if (pthread_create(&k->thread, NULL, thread_main, k) != 0) {
        pthread_cond_destroy(&k->wake);
        pthread_mutex_destroy(&k->mutex);
        free(k);
        return err_set(err, "cannot start the keeper's thread");
    }
    *ret_keeper = k;
    return true;
}

static void signal_keeper(struct keeper *k, bool stop)
{
    pthread_mutex_lock(&k->mutex);
    k->poked = true;
    k->stopping = k->stopping || stop;
    pthread_cond_signal(&k->wake);
    pthread_mutex_unlock(&k->mutex);
}

void keeper_poke(struct keeper *k)
{
    signal_keeper(k, false);
}

void keeper_stop(struct keeper *k)
{
    signal_keeper(k, true);
    pthread_join(k->thread, NULL);
    pthread_cond_destroy(&k->wake);
    pthread_mutex_destroy(&k->mutex);
    free(k);
}

int keeper_ahead_days(struct keeper *k)
{
    return atomic_load(&k->ahead_days);
}
