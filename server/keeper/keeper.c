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

// What it does in a round, one after the other. None needs another to have gone well: a week that cannot be
// made is no reason to keep what has expired.
enum duty { DUTY_DATABASE, DUTY_PARTITIONS, DUTY_LEDGER, DUTY_USAGE, DUTY_EXPIRY, DUTY_COUNT };

struct trouble {
    bool failing;
    int64_t nagged_at;
};

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
    struct trouble troubles[DUTY_COUNT];
};

static int64_t now(void)
{
    return clock_mono_us(clock_system());
}

static int64_t today(const struct keeper *k)
{
    return clock_wall_us(k->config.clock) / USEC_PER_DAY;
}

static bool make_partitions(struct keeper *k, struct db *db, struct err *err)
{
    int ahead;
    struct err unused;
    int64_t day = today(k);
    bool ok = store_partitions_ahead(db, k->config.days_ahead, now() + WORK_US, &ahead, err);
    // Of those that could not be made too it is known from when on they are needed.
    if (ok || store_partitions_look(db, k->config.days_ahead, now() + WORK_US, &ahead, &unused))
        atomic_store(&k->reached, day + ahead);
    return ok;
}

static bool rotate_ledger(struct keeper *k UNUSED, struct db *db, struct err *err)
{
    bool rotated;
    if (!store_ledger_rotate(db, 0, &rotated, err))
        return false;
    if (rotated)
        log_info("ledger rotated to a new generation");
    return true;
}

static bool forget_usage(struct keeper *k UNUSED, struct db *db, struct err *err)
{
    return store_usage_forget(db, err);
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

// `name` for the log and the metric's label.
static const struct {
    const char *name;
    bool (*run)(struct keeper *k, struct db *db, struct err *err);
} duties[DUTY_COUNT] = {
    [DUTY_DATABASE] = {"database", NULL}, // a connection, which stays until the round's end
    [DUTY_PARTITIONS] = {"partitions", make_partitions},
    [DUTY_LEDGER] = {"ledger", rotate_ledger},
    [DUTY_USAGE] = {"usage", forget_usage},
    [DUTY_EXPIRY] = {"expiry", drop_expired},
};

static bool is_stopping(struct keeper *k)
{
    pthread_mutex_lock(&k->mutex);
    bool stopping = k->stopping;
    pthread_mutex_unlock(&k->mutex);
    return stopping;
}

// Said when it begins and from time to time while it lasts, so that days of it show.
static void report(struct keeper *k, enum duty duty, bool ok, const struct err *err)
{
    struct trouble *trouble = &k->troubles[duty];
    const char *name = duties[duty].name;
    if (is_stopping(k))
        return;
    metrics_set(k->config.metrics, METRIC_UPKEEP_FAILING, name, NULL, !ok);
    if (ok && trouble->failing)
        log_info("upkeep works again", LOG_CSTR("duty", name));
    if (!ok && (!trouble->failing || now() - trouble->nagged_at >= NAG_US)) {
        int ahead = keeper_ahead_days(k);
        log_warn("upkeep failed; trying again", LOG_CSTR("duty", name), LOG_CSTR("reason", err->text),
                 LOG_I64("days_ahead", MAX(ahead, -1)));
        trouble->nagged_at = now();
    }
    trouble->failing = !ok;
}

// A duty that loses the connection is the database's trouble.
static bool run_duties(struct keeper *k, struct db *db, bool *ret_all_good, struct err *err)
{
    *ret_all_good = true;
    for (enum duty duty = DUTY_DATABASE + 1; duty < DUTY_COUNT; duty++) {
        struct err why = {"no reason given"};
        bool ok = duties[duty].run(k, db, &why);
        if (!ok && !db_is_good(db)) {
            *err = why;
            return false;
        }
        report(k, duty, ok, &why);
        *ret_all_good = *ret_all_good && ok;
    }
    return true;
}

static bool work(struct keeper *k)
{
    struct db *db = NULL;
    struct err err = {"no reason given"};
    bool all_good = false;
    bool ok = db_connect_stoppable(k->config.url, DB_KEEPER, now() + CONNECT_US, k->stop_fd, &db, &err) &&
              store_schema_fits(db, &err) && run_duties(k, db, &all_good, &err);
    db_close(db);
    report(k, DUTY_DATABASE, ok, &err);
    return ok && all_good;
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

static void *thread_main(void *arg)
{
    struct keeper *k = arg;
    bool ok;
    pthread_setname_np(pthread_self(), "vox-keeper");
    do {
        ok = work(k);
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
