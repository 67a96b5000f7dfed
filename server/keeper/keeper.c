// SPDX-License-Identifier: Apache-2.0
// Looks after partitions and the ledger, on a connection of its own.
#include "server/keeper/keeper.h"

#include "lib/base/cond.h"
#include "lib/base/log.h"
#include "server/store/keeper.h"
#include "server/store/migrate.h"
#include "server/store/retention.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define CONNECT_US (3 * USEC_PER_SEC)
#define WORK_US    (60 * USEC_PER_SEC)
#define RETRY_US   (2 * USEC_PER_SEC)
#define NAG_US     (3600 * USEC_PER_SEC)
#define NEVER      INT64_MIN

struct keeper {
    struct keeper_config config;
    pthread_t thread;
    int stop_fd;           // readable from keeper_stop() on: ends whatever the connection waits for
    pthread_mutex_t mutex; // guards the two below
    pthread_cond_t wake;
    bool stopping;
    bool poked;
    _Atomic int64_t reached; // the last day since 1970-01-01 for which partitions were seen
    // The thread's own.
    bool failing;
    int64_t nagged_at;
};

static int64_t now(void)
{
    return clock_mono_us(clock_system());
}

static int64_t today(const struct keeper *k)
{
    return clock_wall_us(k->config.clock) / USEC_PER_DAY;
}

static bool drop_expired(struct keeper *k, struct db *db, struct err *err)
{
    struct retention_done done;
    bool ok = store_retention_apply(db, now() + WORK_US, &done, err);
    metrics_add(k->config.metrics, METRIC_EXPIRED_PARTITIONS, NULL, NULL, (uint64_t)done.partitions);
    metrics_add(k->config.metrics, METRIC_EXPIRED_ROWS, NULL, NULL, (uint64_t)done.rows);
    if (done.partitions || done.rows)
        log_info("what had expired was dropped", LOG_I64("partitions", done.partitions),
                 LOG_I64("rows", done.rows));
    return ok;
}

static bool upkeep(struct keeper *k, struct db *db, struct err *err)
{
    int ahead;
    bool rotated;
    int64_t day = today(k);
    if (!store_partitions_ahead(db, k->config.days_ahead, now() + WORK_US, &ahead, err))
        return false;
    atomic_store(&k->reached, day + ahead);
    if (!store_ledger_rotate(db, 0, &rotated, err))
        return false;
    if (rotated)
        log_info("ledger rotated to a new generation");
    return store_usage_forget(db, err) && drop_expired(k, db, err);
}

static bool work(struct keeper *k, struct err *err)
{
    struct db *db;
    if (!db_connect_stoppable(k->config.url, DB_KEEPER, now() + CONNECT_US, k->stop_fd, &db, err))
        return false;
    bool ok = store_schema_fits(db, err) && upkeep(k, db, err);
    db_close(db);
    return ok;
}

// Sleeps until the next look, a poke or the end; false at the end.
static bool wait_for_work(struct keeper *k, int64_t us)
{
    int64_t until = clock_mono_us(clock_system()) + us;
    pthread_mutex_lock(&k->mutex);
    while (!k->stopping && !k->poked)
        if (!cond_wait_until(&k->wake, &k->mutex, until))
            break;
    k->poked = false;
    bool go_on = !k->stopping;
    pthread_mutex_unlock(&k->mutex);
    return go_on;
}

// Said when it begins and from time to time while it lasts, so that days of it show.
static void report(struct keeper *k, bool ok, const struct err *err)
{
    int ahead = keeper_ahead_days(k);
    if (ok && k->failing)
        log_info("upkeep of partitions and ledger works again");
    if (!ok && (!k->failing || now() - k->nagged_at >= NAG_US)) {
        log_warn("upkeep of partitions and ledger failed; trying again", LOG_CSTR("reason", err->text),
                 LOG_I64("days_ahead", MAX(ahead, -1)));
        k->nagged_at = now();
    }
    k->failing = !ok;
}

static bool is_stopping(struct keeper *k)
{
    pthread_mutex_lock(&k->mutex);
    bool stopping = k->stopping;
    pthread_mutex_unlock(&k->mutex);
    return stopping;
}

static void *thread_main(void *arg)
{
    struct keeper *k = arg;
    bool ok;
    pthread_setname_np(pthread_self(), "vox-keeper");
    do {
        struct err err = {"no reason given"};
        ok = work(k, &err);
        if (is_stopping(k))
            break;
        report(k, ok, &err);
    } while (wait_for_work(k, ok ? k->config.interval_us : RETRY_US));
    return NULL;
}

static void release(struct keeper *k)
{
    if (k->stop_fd >= 0)
        close(k->stop_fd);
    pthread_cond_destroy(&k->wake);
    pthread_mutex_destroy(&k->mutex);
    free(k);
}

bool keeper_start(const struct keeper_config *config, struct keeper **ret_keeper, struct err *err)
{
    struct keeper *k = calloc(1, sizeof(*k));
    if (!k)
        return err_set(err, "out of memory for the keeper");
    k->config = *config;
    if (!k->config.clock)
        k->config.clock = clock_system();
    k->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    atomic_init(&k->reached, NEVER);
    pthread_mutex_init(&k->mutex, NULL);
    cond_init(&k->wake);
    if (k->stop_fd < 0 || pthread_create(&k->thread, NULL, thread_main, k) != 0) {
        release(k);
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
    const uint64_t one = 1;
    signal_keeper(k, true);
    while (write(k->stop_fd, &one, sizeof(one)) < 0)
        BUG_ON(errno != EINTR);
    pthread_join(k->thread, NULL);
    release(k);
}

int keeper_ahead_days(struct keeper *k)
{
    int64_t reached = atomic_load(&k->reached);
    if (reached == NEVER)
        return INT32_MIN;
    int ahead = (int)(reached - today(k));
    metrics_set(k->config.metrics, METRIC_PARTITIONS_AHEAD, NULL, NULL, ahead);
    return ahead;
}
