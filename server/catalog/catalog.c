// SPDX-License-Identifier: Apache-2.0
// The catalog's thread: load, publish, wait for a reason to load again.
#include "server/catalog/catalog.h"

#include "lib/base/log.h"
#include "server/catalog/load.h"
#include "server/catalog/snapshot.h"
#include "server/store/catalog.h"
#include "server/store/db.h"
#include "server/store/migrate.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>

#define CONNECT_US    (3 * USEC_PER_SEC)
#define RETRY_US      (500 * USEC_PER_MSEC)
#define LOAD_SPACE_US (20 * USEC_PER_MSEC)

struct catalog {
    struct catalog_config config;
    pthread_t thread;
    int wake_fd;
    pthread_mutex_t mutex; // guards the four below
    struct snapshot *current;
    struct contract_set *pending; // to be told to the database and served next; NULL: none
    struct catalog_waiter *waiters;
    bool stopping;
    // The thread's own.
    struct db *db;
    bool down_logged;
    int64_t loaded_at;
};

static void poke(struct catalog *c)
{
    uint64_t one = 1;
    if (write(c->wake_fd, &one, sizeof(one)) < 0 && errno != EAGAIN)
        BUG("cannot write to an eventfd");
}

static struct catalog_waiter *take_waiters(struct catalog *c)
{
    pthread_mutex_lock(&c->mutex);
    struct catalog_waiter *waiters = c->waiters;
    c->waiters = NULL;
    pthread_mutex_unlock(&c->mutex);
    return waiters;
}

static void answer(struct catalog_waiter *waiter, bool fresh)
{
    while (waiter) {
        struct catalog_waiter *next = waiter->next;
        waiter->done(waiter, fresh);
        waiter = next;
    }
}

static void publish(struct catalog *c, struct snapshot *snapshot)
{
    pthread_mutex_lock(&c->mutex);
    struct snapshot *old = c->current;
    c->current = snapshot;
    pthread_mutex_unlock(&c->mutex);
    metrics_set(c->config.metrics, METRIC_CONTRACTS, NULL, NULL,
                (double)contract_set_count(snapshot->contracts));
    snapshot_unref(old);
}

static struct contract_set *next_contracts(struct catalog *c)
{
    pthread_mutex_lock(&c->mutex);
    struct contract_set *set = contract_set_ref(c->pending ? c->pending : c->current->contracts);
    pthread_mutex_unlock(&c->mutex);
    return set;
}

static void contracts_served(struct catalog *c, struct contract_set *set)
{
    pthread_mutex_lock(&c->mutex);
    struct contract_set *done = c->pending == set ? c->pending : NULL;
    if (done)
        c->pending = NULL;
    pthread_mutex_unlock(&c->mutex);
    if (done) {
        log_info("serving new contracts", LOG_U64("contracts", contract_set_count(set)),
                 LOG_CSTR("set", contract_set_hash(set)));
        contract_set_unref(done);
    }
}

// The numbers stay as they are while the set does.
static bool fill_contract_ids(struct catalog *c, struct snapshot *next, struct err *err)
{
    struct snapshot *old = catalog_get(c);
    bool same = old->contracts == next->contracts && old->contract_ids;
    bool ok = true;
    if (same) {
        size_t bytes = (contract_set_count(next->contracts) + 1) * sizeof(int32_t);
        next->contract_ids = malloc(bytes);
        if (next->contract_ids)
            memcpy(next->contract_ids, old->contract_ids, bytes);
        else
            ok = err_set(err, "out of memory for the contracts");
    } else {
        ok = load_contract_ids(c->db, next->contracts, &next->contract_ids, err);
        if (ok && c->config.contracts_told)
            c->config.contracts_told(c->config.context);
    }
    snapshot_unref(old);
    return ok;
}

static bool load(struct catalog *c, struct err *err)
{
    struct contract_set *set = next_contracts(c);
    struct snapshot *next = snapshot_new(set);
    bool ok = next ? true : err_set(err, "out of memory for the catalog");
    if (ok)
        next->loaded_at = clock_mono_us(clock_system());
    ok = ok && fill_contract_ids(c, next, err) && load_tokens(c->db, &next->tokens, err);
    if (ok && c->config.open_project)
        ok =
            load_open_project(c->db, c->config.open_project, &next->open_token, &next->has_open_project, err);
    if (ok) {
        publish(c, next);
        contracts_served(c, set);
    } else {
        snapshot_unref(next);
    }
    contract_set_unref(set);
    return ok;
}

static bool ensure_connected(struct catalog *c, struct err *err)
{
    if (c->db)
        return true;
    struct db *db;
    if (!db_connect(c->config.url, DB_CATALOG, clock_mono_us(clock_system()) + CONNECT_US, &db, err))
        return false;
    if (!store_schema_fits(db, err) || !store_catalog_listen(db, err)) {
        db_close(db);
        return false;
    }
    c->db = db;
    return true;
}

// One load for all who asked before it began.
static void load_once(struct catalog *c)
{
    struct err err = {"no reason given"};
    struct catalog_waiter *waiters = take_waiters(c);
    bool fresh = ensure_connected(c, &err) && load(c, &err);
    metrics_add(c->config.metrics, METRIC_RELOADS, "catalog", fresh ? "ok" : "failed", 1);
    if (!fresh) {
        if (!c->down_logged)
            log_warn("cannot load tokens and contracts from the database; serving what is known",
                     LOG_CSTR("reason", err.text));
        db_close(c->db);
        c->db = NULL;
    } else if (c->down_logged) {
        log_info("tokens and contracts are loaded again");
    }
    c->down_logged = !fresh;
    c->loaded_at = clock_mono_us(clock_system());
    answer(waiters, fresh);
}

static void wait_on_wake(struct catalog *c, int64_t us)
{
    struct pollfd fd = {c->wake_fd, POLLIN, 0};
    poll(&fd, 1, (int)(us / USEC_PER_MSEC));
}

// Until there is a reason to load again.
static void wait_for_reason(struct catalog *c)
{
    bool changed = false;
    if (!c->db)
        wait_on_wake(c, RETRY_US);
    else if (!store_catalog_wait(c->db, c->wake_fd, (int)(c->config.poll_us / USEC_PER_MSEC), &changed)) {
        db_close(c->db);
        c->db = NULL;
    }
    uint64_t count;
    if (read(c->wake_fd, &count, sizeof(count)) > 0) {
        // Strangers with made-up tokens must not turn into a query each: let more of them gather.
        int64_t since = clock_mono_us(clock_system()) - c->loaded_at;
        if (since < LOAD_SPACE_US)
            poll(NULL, 0, (int)((LOAD_SPACE_US - since) / USEC_PER_MSEC));
    }
}

static bool is_stopping(struct catalog *c)
{
    pthread_mutex_lock(&c->mutex);
    bool stopping = c->stopping;
    pthread_mutex_unlock(&c->mutex);
    return stopping;
}

static void *thread_main(void *arg)
{
    struct catalog *c = arg;
    pthread_setname_np(pthread_self(), "vox-catalog");
    while (!is_stopping(c)) {
        load_once(c);
        wait_for_reason(c);
    }
    answer(take_waiters(c), false);
    db_close(c->db);
    return NULL;
}

bool catalog_start(const struct catalog_config *config, struct catalog **ret_catalog, struct err *err)
{
    struct catalog *c = calloc(1, sizeof(*c));
    if (!c)
        return err_set(err, "out of memory for the catalog");
    c->config = *config;
    c->current = snapshot_new(config->contracts);
    c->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    pthread_mutex_init(&c->mutex, NULL);
    if (!c->current || c->wake_fd < 0 || pthread_create(&c->thread, NULL, thread_main, c) != 0) {
        snapshot_unref(c->current);
        if (c->wake_fd >= 0)
            close(c->wake_fd);
        pthread_mutex_destroy(&c->mutex);
        free(c);
        return err_set(err, "cannot start the catalog's thread");
    }
    *ret_catalog = c;
    return true;
}

void catalog_halt(struct catalog *c)
{
    pthread_mutex_lock(&c->mutex);
    c->stopping = true;
    pthread_mutex_unlock(&c->mutex);
    poke(c);
    pthread_join(c->thread, NULL);
}

void catalog_free(struct catalog *c)
{
    snapshot_unref(c->current);
    contract_set_unref(c->pending);
    close(c->wake_fd);
    pthread_mutex_destroy(&c->mutex);
    free(c);
}

struct snapshot *catalog_get(struct catalog *c)
{
    pthread_mutex_lock(&c->mutex);
    struct snapshot *snapshot = snapshot_ref(c->current);
    pthread_mutex_unlock(&c->mutex);
    return snapshot;
}

void catalog_await(struct catalog *c, struct catalog_waiter *waiter)
{
    pthread_mutex_lock(&c->mutex);
    bool stopping = c->stopping;
    if (!stopping) {
        waiter->next = c->waiters;
        c->waiters = waiter;
    }
    pthread_mutex_unlock(&c->mutex);
    if (stopping)
        waiter->done(waiter, false);
    else
        poke(c);
}

void catalog_refresh(struct catalog *c)
{
    poke(c);
}

void catalog_set_contracts(struct catalog *c, struct contract_set *contracts)
{
    pthread_mutex_lock(&c->mutex);
    struct contract_set *old = c->pending;
    c->pending = contract_set_ref(contracts);
    pthread_mutex_unlock(&c->mutex);
    contract_set_unref(old);
    poke(c);
}

bool catalog_is_ready(struct catalog *c)
{
    struct snapshot *s = catalog_get(c);
    bool ready = s->tokens && s->contract_ids;
    snapshot_unref(s);
    return ready;
}
