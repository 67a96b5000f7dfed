// SPDX-License-Identifier: Apache-2.0
// The catalog's thread: load, publish, wait for a reason to load again.
#include "server/catalog/internal.h"

#include "lib/base/log.h"
#include "server/store/admin.h"
#include "server/store/catalog.h"
#include "server/store/migrate.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

#define CONNECT_US     (2 * USEC_PER_SEC)
#define FIRST_LOAD_US  (30 * USEC_PER_SEC) // nobody waits for it: there is no snapshot to be refused by
#define AWAIT_US       (3 * USEC_PER_SEC)  // a waiter is answered within this
#define LOAD_US        (1 * USEC_PER_SEC)  // what a load gets at least, however long somebody waited
#define SPACE_FIRST_US (20 * USEC_PER_MSEC)
#define SPACE_MAX_US   (1 * USEC_PER_SEC)
#define RETRY_FIRST_US (100 * USEC_PER_MSEC)
#define RETRY_MAX_US   (1 * USEC_PER_SEC)
#define TELL_AGAIN_US  (10 * USEC_PER_SEC)

static int64_t now(void)
{
    return clock_mono_us(clock_system());
}

static bool is_stopping(struct catalog *c)
{
    pthread_mutex_lock(&c->mutex);
    bool stopping = c->stopping;
    pthread_mutex_unlock(&c->mutex);
    return stopping;
}

// ---- waiters

static struct catalog_waiter *take_waiters(struct catalog *c, bool *ret_asked)
{
    pthread_mutex_lock(&c->mutex);
    struct catalog_waiter *waiters = c->waiters;
    *ret_asked = c->asked || waiters;
    c->asked = false;
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

// Those who came during a slow load and could not be answered in time by another like it.
static void answer_late(struct catalog *c)
{
    struct catalog_waiter *late = NULL;
    int64_t before = now() + c->refresh.took - AWAIT_US;
    pthread_mutex_lock(&c->mutex);
    for (struct catalog_waiter **link = &c->waiters; *link;) {
        struct catalog_waiter *waiter = *link;
        if (waiter->since < before) {
            *link = waiter->next;
            waiter->next = late;
            late = waiter;
        } else {
            c->oldest = waiter->since; // the newest stand first
            link = &waiter->next;
        }
    }
    pthread_mutex_unlock(&c->mutex);
    answer(late, false);
}

// ---- one load

static void set_durable(struct catalog *c, bool durable, const struct err *why)
{
    pthread_mutex_lock(&c->mutex);
    bool changed = !c->durable_known || c->durable != durable, known = c->durable_known;
    c->durable = durable;
    c->durable_known = true;
    pthread_mutex_unlock(&c->mutex);
    if (!changed)
        return;
    if (!durable)
        log_error("the database could lose what it commits", LOG_CSTR("reason", why->text));
    else if (known)
        log_info("the database commits durably again");
    if (c->config.durability)
        c->config.durability(c->config.context, durable);
}

static bool check_durable(struct catalog *c, struct err *err)
{
    struct err why = {""};
    switch (db_check_durable(c->refresh.db, c->refresh.deadline, &why)) {
    case DB_DURABLE:
        set_durable(c, true, NULL);
        return true;
    case DB_NOT_DURABLE:
        set_durable(c, false, &why);
        return true;
    case DB_UNKNOWN:
        *err = why;
        return false;
    default:
        BUG("unknown durability");
    }
}

static void disconnect(struct catalog *c)
{
    db_close(c->refresh.db);
    c->refresh.db = NULL;
    told_clear(&c->refresh.told); // the next server may be another
}

static bool ensure_connected(struct catalog *c, struct err *err)
{
    struct refresh *r = &c->refresh;
    struct db *db;
    if (r->db) {
        db_limit(r->db, r->deadline);
        return true;
    }
    if (!db_connect_stoppable(c->config.url, DB_CATALOG, MIN(r->deadline, now() + CONNECT_US), c->stop_fd,
                              &db, err))
        return false;
    db_limit(db, r->deadline);
    if (!store_schema_fits(db, err) || !store_catalog_listen(db, err)) {
        db_close(db);
        return false;
    }
    r->db = db;
    return true;
}

// Contracts that the database refuses, or keeps us waiting for, must not keep tokens from being loaded: they
// are left alone for a while. Said once for each change.
static void contracts_refused(struct catalog *c, const struct err *err)
{
    struct refresh *r = &c->refresh;
    if (!db_is_good(r->db) && now() < r->deadline)
        return; // the connection's own trouble
    r->tell_at = now() + TELL_AGAIN_US;
    if (r->refused_change != r->tried_change && !is_stopping(c))
        log_error("the database does not take the contracts; serving what it knows and trying again",
                  LOG_CSTR("reason", err->text));
    r->refused_change = r->tried_change;
}

static bool tell(struct catalog *c, struct contract_set *set, bool may_write, struct err *err)
{
    struct told *told = &c->refresh.told;
    if (told->set == set)
        return true;
    if (!told_fill(told, c->refresh.db, set, may_write, err)) {
        if (may_write)
            contracts_refused(c, err);
        return false;
    }
    if (c->config.contracts_told)
        c->config.contracts_told(c->config.context);
    return true;
}

// The newest set that the database knows, a reference; NULL once the connection is lost.
static struct contract_set *contracts_to_serve(struct catalog *c, struct err *err)
{
    struct refresh *r = &c->refresh;
    pthread_mutex_lock(&c->mutex);
    struct contract_set *set = contract_set_ref(c->current->contracts);
    struct contract_set *pending = c->pending ? contract_set_ref(c->pending) : NULL;
    unsigned change = c->change;
    pthread_mutex_unlock(&c->mutex);
    bool may_write = r->tried_change != change || now() >= r->tell_at;
    r->tried_change = change;
    if (pending && may_write && tell(c, pending, true, err)) {
        contract_set_unref(set);
        set = pending;
    } else {
        contract_set_unref(pending);
        // Without its numbers it is published all the same: tokens are good for reading.
        if (db_is_good(r->db) && !tell(c, set, may_write, err))
            log_debug("contracts are not known to the database", LOG_CSTR("reason", err->text));
    }
    if (db_is_good(r->db))
        return set;
    contract_set_unref(set);
    return NULL;
}

static void publish(struct catalog *c, struct snapshot *snapshot)
{
    pthread_mutex_lock(&c->mutex);
    struct snapshot *old = c->current;
    struct contract_set *done = c->pending == snapshot->contracts ? c->pending : NULL;
    c->current = snapshot;
    if (done)
        c->pending = NULL;
    pthread_mutex_unlock(&c->mutex);
    metrics_set(c->config.metrics, METRIC_CONTRACTS, NULL, NULL,
                (double)contract_set_count(snapshot->contracts));
    snapshot_unref(old);
    if (done)
        log_info("serving new contracts", LOG_U64("contracts", contract_set_count(done)),
                 LOG_CSTR("set", contract_set_hash(done)));
    contract_set_unref(done);
}

// Said whenever there are more of them than before.
static void report_locked(struct catalog *c, size_t locked)
{
    struct refresh *r = &c->refresh;
    if (locked > r->locked)
        log_error(
            c->config.master_key
                ? "signing keys do not open: VOX_SINK_MASTER_KEY_FILE is not what they are sealed under; "
                  "what they sign is answered 503"
                : "there are signing keys, but no master key to open them with; set "
                  "VOX_SINK_MASTER_KEY_FILE; what they sign is answered 503",
            LOG_U64("keys", locked));
    r->locked = locked;
}

static bool load_snapshot(struct catalog *c, struct contract_set *set, bool *ret_changed, struct err *err)
{
    struct snapshot *old = catalog_get(c);
    struct snapshot *next = snapshot_new(set);
    size_t locked = c->refresh.locked;
    bool ok = next ? true : err_set(err, "out of memory for the catalog");
    if (ok)
        next->loaded_at = now();
    ok = ok &&
         load_clock(c->refresh.db, c->config.clock, old->database_offset, &next->database_offset, err) &&
         told_copy(&c->refresh.told, set, &next->contract_ids, err) &&
         load_tokens(c->refresh.db, old->tokens, c->config.master_key, &next->tokens, ret_changed, &locked,
                     err);
    if (ok && c->config.open_project)
        ok = load_open_project(c->refresh.db, c->config.open_project, &next->open_token,
                               &next->has_open_project, err);
    if (ok)
        next->locked = locked && (!old->tokens || old->locked);
    snapshot_unref(old);
    report_locked(c, locked);
    if (ok)
        publish(c, next);
    else
        snapshot_unref(next);
    return ok;
}

static bool load(struct catalog *c, bool *ret_changed, struct err *err)
{
    if (!ensure_connected(c, err) || !check_durable(c, err))
        return false;
    struct contract_set *set = contracts_to_serve(c, err);
    if (!set)
        return false;
    bool ok = load_snapshot(c, set, ret_changed, err);
    contract_set_unref(set);
    return ok;
}

// ---- loads one after the other

// The whole load's. While somebody may wait it is short, unless loads take their time on this database.
static int64_t load_deadline(struct catalog *c, int64_t began)
{
    struct snapshot *s = catalog_get(c);
    bool first = !s->tokens;
    snapshot_unref(s);
    if (first)
        return began + FIRST_LOAD_US;
    pthread_mutex_lock(&c->mutex);
    int64_t oldest = c->waiters ? c->oldest : began;
    pthread_mutex_unlock(&c->mutex);
    return MAX(oldest + AWAIT_US, began + MAX(LOAD_US, 3 * c->refresh.took));
}

static void loaded(struct catalog *c, bool asked, bool changed, int64_t began)
{
    struct refresh *r = &c->refresh;
    if (r->down_logged)
        log_info("tokens and contracts are loaded again");
    r->down_logged = false;
    r->backoff = 0;
    r->took = now() - began;
    // Strangers with made-up tokens must not turn into a load each: the more in vain, the rarer.
    if (changed)
        r->space = SPACE_FIRST_US;
    else if (asked)
        r->space = MIN(r->space * 2, SPACE_MAX_US);
}

static void pause_connecting(struct refresh *r)
{
    r->backoff = MIN(MAX(r->backoff * 2, RETRY_FIRST_US), RETRY_MAX_US);
    r->retry_at = now() + r->backoff;
}

static void load_failed(struct catalog *c, const struct err *err)
{
    struct refresh *r = &c->refresh;
    if (!r->down_logged && !is_stopping(c))
        log_warn("cannot load tokens and contracts from the database; serving what is known",
                 LOG_CSTR("reason", err->text));
    r->down_logged = true;
    disconnect(c);
    pause_connecting(r);
}

// After the waiters are answered: nobody waits for this commit.
static void write_uses(struct catalog *c, bool connected)
{
    struct err err = {"no reason given"};
    pthread_mutex_lock(&c->mutex);
    struct uses uses = c->uses;
    c->uses = (struct uses){0};
    pthread_mutex_unlock(&c->mutex);
    if (connected && !store_token_note_use(c->refresh.db, uses.list, uses.count, &err) && !is_stopping(c))
        log_warn("the last use of tokens could not be written down", LOG_CSTR("reason", err.text));
    uses_release(&uses);
}

// One load for all who asked before it began.
static void load_once(struct catalog *c)
{
    struct err err = {"no reason given"};
    bool changed = false;
    int64_t began = now();
    c->refresh.deadline = load_deadline(c, began);
    bool asked;
    struct catalog_waiter *waiters = take_waiters(c, &asked);
    bool fresh = load(c, &changed, &err);
    metrics_add(c->config.metrics, METRIC_RELOADS, "catalog", fresh ? "ok" : "failed", 1);
    if (fresh)
        loaded(c, asked, changed, began);
    else
        load_failed(c, &err);
    c->refresh.loaded_at = now();
    answer(waiters, fresh);
    if (fresh)
        answer_late(c);
    else
        answer(take_waiters(c, &asked), false); // they need not wait for the next try
    write_uses(c, fresh);
}

// When to load again, as things stand.
static int64_t due_at(struct catalog *c, bool notified)
{
    const struct refresh *r = &c->refresh;
    if (!r->db)
        return r->retry_at;
    pthread_mutex_lock(&c->mutex);
    bool asked = c->asked || c->waiters, new_contracts = c->change != r->tried_change;
    pthread_mutex_unlock(&c->mutex);
    int64_t space = c->config.poll_us;
    if (asked)
        space = MIN(space, r->space);
    if (notified || new_contracts)
        space = MIN(space, SPACE_FIRST_US);
    return r->loaded_at + space;
}

static void wait_until_due(struct catalog *c)
{
    struct refresh *r = &c->refresh;
    bool notified = false;
    while (!is_stopping(c)) {
        int64_t left = due_at(c, notified) - now();
        if (left <= 0)
            return;
        int ms = (int)((left + USEC_PER_MSEC - 1) / USEC_PER_MSEC);
        bool more = false;
        if (!r->db) {
            struct pollfd fd = {c->wake_fd, POLLIN, 0};
            poll(&fd, 1, ms);
        } else if (!store_catalog_wait(r->db, c->wake_fd, ms, &more)) {
            disconnect(c);
            pause_connecting(r);
        }
        notified = notified || more;
        uint64_t count;
        if (read(c->wake_fd, &count, sizeof(count)) < 0)
            BUG_ON(errno != EAGAIN && errno != EINTR);
    }
}

void *catalog_thread(void *arg)
{
    struct catalog *c = arg;
    pthread_setname_np(pthread_self(), "vox-catalog");
    c->refresh.space = SPACE_FIRST_US;
    while (!is_stopping(c)) {
        load_once(c);
        wait_until_due(c);
    }
    bool asked;
    answer(take_waiters(c, &asked), false);
    disconnect(c);
    return NULL;
}
