// SPDX-License-Identifier: Apache-2.0
// Starts, drives and stops the loop: one thread, one epoll over listeners, connections and an eventfd.
#include "server/http/internal.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <unistd.h>

// Of two timeouts in which -1 is never.
static int sooner(int a, int b)
{
    return a < 0 ? b : b < 0 ? a : MIN(a, b);
}

// Until the first parked request is due, rounded up; -1: none is.
static int timer_timeout(struct http_server *server)
{
    int64_t at = timers_next(&server->timers);
    if (at == INT64_MAX)
        return -1;
    if (server->quiesced)
        return 0;
    int64_t left = at - clock_mono_us(server->config.clock);
    return left <= 0 ? 0 : (int)MIN((left + USEC_PER_MSEC - 1) / USEC_PER_MSEC, (int64_t)INT32_MAX);
}

static int loop_timeout(struct http_server *server)
{
    if (server->due_count > 0)
        return 0;
    int timeout = timer_timeout(server);
    if (LIST_EMPTY(&server->connections) && server->linger_count == 0 && !server->paused)
        return timeout;
    return sooner(timeout, (int)(HTTP_REAP_US / USEC_PER_MSEC));
}

static void resume_woken(struct http_request *list)
{
    while (list) {
        struct http_request *request = list;
        list = request->next;
        request_go_on(request);
    }
}

// Those whose time has come; all of them once no more are to come.
static void resume_due(struct http_server *server)
{
    if (server->timers.count == 0)
        return;
    int64_t now = server->quiesced ? INT64_MAX : clock_mono_us(server->config.clock);
    for (struct http_request *due; (due = timers_take(&server->timers, now));)
        request_go_on(due);
}

static void quiesce(struct http_server *server)
{
    if (server->quiesced)
        return;
    server->quiesced = true;
    listeners_close(server->listeners);
}

// What goes by the clock.
static void reap(struct http_server *server)
{
    int64_t now = clock_mono_us(server->config.clock);
    accept_again(server, now);
    if (now < server->reap_at)
        return;
    server->reap_at = now + HTTP_REAP_US;
    connections_reap(server, now);
    linger_reap(server, now);
}

static void report_state(struct http_server *server, unsigned commands)
{
    if (server->reported_count != server->connection_count) {
        server->reported_count = server->connection_count;
        metrics_set(server->config.metrics, METRIC_CONNECTIONS, NULL, NULL, server->connection_count);
    }
    if (commands & WAKE_REPORT_IDLE)
        server->idle_wanted = true;
    if (!server->idle_wanted || server->active > 0 || server->linger_count > 0)
        return;
    server->idle_wanted = false;
    pthread_mutex_lock(&server->idle_lock);
    server->idle = true;
    pthread_cond_broadcast(&server->idle_cond);
    pthread_mutex_unlock(&server->idle_lock);
}

static void turn(struct http_server *server, bool *stopping)
{
    const struct epoll_event *events = server->events;
    struct http_request *woken;
    int count = epoll_wait(server->epoll_fd, server->events, ARRAY_LEN(server->events), loop_timeout(server));
    BUG_ON(count < 0 && errno != EINTR);
    tls_turn(&server->tls);
    unsigned commands = wake_take(&server->wakes, &woken);
    *stopping = *stopping || (commands & WAKE_STOP);
    resume_woken(woken);
    connections_go_on(server);
    for (int i = 0; i < count; i++) {
        struct http_watched *watched = events[i].data.ptr;
        if (watched)
            watched->ready(server, watched, events[i].events);
    }
    if (commands & (WAKE_QUIESCE | WAKE_STOP))
        quiesce(server);
    resume_due(server);
    reap(server);
    report_state(server, commands);
    connections_free_ended(server);
}

static void *loop(void *cls)
{
    struct http_server *server = cls;
    pthread_setname_np(pthread_self(), "vox-http");
    bool stopping = false;
    // Whoever is parked is woken yet: a handler may park once more and be told at once that all is shut.
    while (!stopping || server->parked > 0) {
        turn(server, &stopping);
        if (server->config.turn_over)
            server->config.turn_over(server->config.app);
    }
    return NULL;
}

// `watched` NULL: what came is taken in each turn anyway.
static bool watch(struct http_server *server, int fd, struct http_watched *watched, struct err *err)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = watched};
    if (epoll_ctl(server->epoll_fd, EPOLL_CTL_ADD, fd, &event) != 0)
        return err_set_errno(err, "cannot watch a descriptor by epoll");
    return true;
}

static bool watch_all(struct http_server *server, struct err *err)
{
    if (!watch(server, server->wakes.fd, NULL, err))
        return false;
    for (size_t i = 0; i < server->listeners->count; i++)
        if (!watch(server, server->listeners->list[i].fd, &server->listeners->list[i].watched, err))
            return false;
    return true;
}

// Signals are for the other threads.
static bool start_thread(struct http_server *server, struct err *err)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int code = pthread_create(&server->thread, NULL, loop, server);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (code != 0)
        return err_set(err, "cannot start the HTTP thread: %s", strerror(code));
    return true;
}

static void free_parts(struct http_server *server)
{
    crowd_release(&server->bodies);
    crowd_release(&server->crowd);
    timers_release(&server->timers);
    buf_release(&server->reply_head);
    free(server->scratch);
    free(server);
}

static void release(struct http_server *server)
{
    listeners_close(server->listeners);
    connections_reap(server, INT64_MAX);
    connections_free_ended(server);
    tls_release(&server->tls);
    BUG_ON(server->active > 0 || !LIST_EMPTY(&server->connections));
    requests_release_spare(server);
    linger_reap(server, INT64_MAX);
    http_listeners_free(server->listeners);
    if (server->epoll_fd >= 0)
        close(server->epoll_fd);
    wake_release(&server->wakes);
    pthread_cond_destroy(&server->idle_cond);
    pthread_mutex_destroy(&server->idle_lock);
    free_parts(server);
}

static void init_idle(struct http_server *server)
{
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&server->idle_cond, &attr);
    pthread_condattr_destroy(&attr);
    pthread_mutex_init(&server->idle_lock, NULL);
}

// Nothing is made yet but the memory.
static struct http_server *new_server(const struct http_config *config, struct err *err)
{
    struct http_server *server = calloc(1, sizeof(*server));
    if (!server) {
        err_set(err, "no memory for the HTTP server");
        return NULL;
    }
    server->config = *config;
    server->listeners = config->listeners;
    server->tls.current = config->tls;
    server->has_tls = config->tls;
    server->date_sec = INT64_MIN;
    crypto_shorthash_keygen(server->address_key);
    TAILQ_INIT(&server->due);
    buf_init(&server->reply_head, HTTP_REPLY_HEAD_CEILING);
    server->scratch = malloc(HTTP_READ_BYTES);
    bool ok = (server->scratch && timers_init(&server->timers, config->max_connections) &&
               crowd_init(&server->crowd, config->max_connections) && bodies_init(server)) ||
              err_set(err, "no memory for the HTTP server");
    if (ok && wake_init(&server->wakes, err))
        return server;
    free_parts(server);
    return NULL;
}

bool http_server_start(const struct http_config *config, struct http_server **ret_server, struct err *err)
{
    struct http_server *server = new_server(config, err);
    if (!server) {
        http_listeners_free(config->listeners);
        http_tls_free(config->tls);
        return false;
    }
    init_idle(server);
    server->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    bool ok = server->epoll_fd >= 0 || err_set_errno(err, "cannot make an epoll descriptor");
    if (!ok || !watch_all(server, err) || !start_thread(server, err)) {
        release(server);
        return false;
    }
    *ret_server = server;
    return true;
}

bool http_server_listening(const struct http_server *server, size_t index,
                           struct http_listening *ret_listening)
{
    if (index >= server->listeners->count)
        return false;
    const struct http_listener *listener = &server->listeners->list[index];
    address_format(&listener->address, ret_listening->address);
    ret_listening->place = listener->place;
    ret_listening->tls = listener_is_secure(server, listener);
    return true;
}

unsigned http_server_port(const struct http_server *server)
{
    for (size_t i = 0; i < server->listeners->count; i++)
        if (!server->listeners->list[i].address.is_unix)
            return server->listeners->list[i].address.port;
    return 0;
}

void http_server_renew_tls(struct http_server *server, struct http_tls *tls)
{
    http_tls_free(atomic_exchange(&server->tls.incoming, tls));
}

void http_server_quiesce(struct http_server *server)
{
    wake_command(&server->wakes, WAKE_QUIESCE);
}

static struct timespec real_deadline(const struct clock *clock, int64_t deadline)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    int64_t left = MAX(deadline - clock_mono_us(clock), (int64_t)0);
    int64_t ns = ts.tv_nsec + left % USEC_PER_SEC * 1000;
    ts.tv_sec += left / USEC_PER_SEC + ns / 1000000000;
    ts.tv_nsec = ns % 1000000000;
    return ts;
}

bool http_server_wait_idle(struct http_server *server, int64_t deadline)
{
    const struct timespec until = real_deadline(server->config.clock, deadline);
    pthread_mutex_lock(&server->idle_lock);
    server->idle = false;
    wake_command(&server->wakes, WAKE_REPORT_IDLE);
    while (!server->idle)
        if (pthread_cond_timedwait(&server->idle_cond, &server->idle_lock, &until) == ETIMEDOUT)
            break;
    bool idle = server->idle;
    pthread_mutex_unlock(&server->idle_lock);
    return idle;
}

void http_server_stop(struct http_server *server)
{
    wake_command(&server->wakes, WAKE_STOP);
    pthread_join(server->thread, NULL);
    release(server);
}
