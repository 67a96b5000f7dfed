// SPDX-License-Identifier: Apache-2.0
// The catalog as its callers see it.
#include "server/catalog/catalog.h"

#include "server/catalog/internal.h"

#include <errno.h>
#include <sys/eventfd.h>
#include <unistd.h>

static void signal_fd(int fd)
{
    const uint64_t one = 1;
    while (write(fd, &one, sizeof(one)) < 0 && errno != EAGAIN)
        BUG_ON(errno != EINTR);
}

static void release(struct catalog *c)
{
    snapshot_unref(c->current);
    contract_set_unref(c->pending);
    uses_release(&c->uses);
    if (c->wake_fd >= 0)
        close(c->wake_fd);
    if (c->stop_fd >= 0)
        close(c->stop_fd);
    pthread_mutex_destroy(&c->mutex);
    free(c);
}

bool catalog_start(const struct catalog_config *config, struct catalog **ret_catalog, struct err *err)
{
    struct catalog *c = calloc(1, sizeof(*c));
    if (!c)
        return err_set(err, "out of memory for the catalog");
    c->config = *config;
    c->current = snapshot_new(config->contracts);
    c->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    c->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    c->change = 1;
    pthread_mutex_init(&c->mutex, NULL);
    if (!c->current || c->wake_fd < 0 || c->stop_fd < 0 ||
        pthread_create(&c->thread, NULL, catalog_thread, c) != 0) {
        release(c);
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
    signal_fd(c->stop_fd);
    signal_fd(c->wake_fd);
    pthread_join(c->thread, NULL);
}

void catalog_free(struct catalog *c)
{
    release(c);
}

struct snapshot *catalog_get(struct catalog *c)
{
    pthread_mutex_lock(&c->mutex);
    struct snapshot *snapshot = snapshot_ref(c->current);
    pthread_mutex_unlock(&c->mutex);
    return snapshot;
}

bool catalog_is_current(struct catalog *c, const struct snapshot *snapshot)
{
    return atomic_load_explicit(&c->current, memory_order_acquire) == snapshot;
}

void catalog_await(struct catalog *c, struct catalog_waiter *waiter)
{
    waiter->since = clock_mono_us(clock_system());
    pthread_mutex_lock(&c->mutex);
    bool stopping = c->stopping, first = !c->waiters;
    if (!stopping) {
        if (first)
            c->oldest = waiter->since;
        waiter->next = c->waiters;
        c->waiters = waiter;
    }
    pthread_mutex_unlock(&c->mutex);
    if (stopping)
        waiter->done(waiter, false);
    else if (first)
        signal_fd(c->wake_fd);
}

void catalog_refresh(struct catalog *c)
{
    pthread_mutex_lock(&c->mutex);
    bool first = !c->asked;
    c->asked = true;
    pthread_mutex_unlock(&c->mutex);
    if (first)
        signal_fd(c->wake_fd);
}

void catalog_note_use(struct catalog *c, int32_t token_id, int64_t at)
{
    pthread_mutex_lock(&c->mutex);
    uses_add(&c->uses, token_id, at);
    pthread_mutex_unlock(&c->mutex);
}

void catalog_set_contracts(struct catalog *c, struct contract_set *contracts)
{
    pthread_mutex_lock(&c->mutex);
    struct contract_set *old = c->pending;
    c->pending = contract_set_ref(contracts);
    c->change++;
    pthread_mutex_unlock(&c->mutex);
    contract_set_unref(old);
    signal_fd(c->wake_fd);
}

bool catalog_is_ready(struct catalog *c)
{
    struct snapshot *s = catalog_get(c);
    bool ready = s->tokens && s->contract_ids;
    snapshot_unref(s);
    return ready;
}

bool catalog_is_locked(struct catalog *c)
{
    struct snapshot *s = catalog_get(c);
    bool locked = s->locked;
    snapshot_unref(s);
    return locked;
}

bool catalog_is_durable(struct catalog *c)
{
    pthread_mutex_lock(&c->mutex);
    bool durable = c->durable;
    pthread_mutex_unlock(&c->mutex);
    return durable;
}
