// SPDX-License-Identifier: Apache-2.0
// Starts, drives and stops the library: one thread, one epoll over its epoll descriptor and our eventfd.
#include "server/http/internal.h"

#include "lib/base/log.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>

// Runs of the library between two looks at the wake queue.
#define LOOP_RUNS_MAX 16

static void NORETURN on_panic(void *cls, const char *file, unsigned line, const char *reason)
{
    (void)cls;
    log_error("libmicrohttpd panics", LOG_CSTR("file", file), LOG_U64("line", line),
              LOG_CSTR("reason", reason));
    BUG("libmicrohttpd panics");
}

// Of two timeouts in which -1 is never.
static int sooner(int a, int b)
{
    return a < 0 ? b : b < 0 ? a : MIN(a, b);
}

// Milliseconds until the library wants to run again; -1: not before something happens.
static int library_timeout(struct http_server *server)
{
    int timeout = -1;
    for (size_t i = 0; i < ARRAY_LEN(server->daemons); i++) {
        MHD_UNSIGNED_LONG_LONG ms = 0;
        if (!server->daemons[i] || MHD_get_timeout(server->daemons[i], &ms) != MHD_YES)
            continue;
        int own = ms > INT32_MAX ? INT32_MAX : (int)ms;
        timeout = sooner(timeout, own);
    }
    return timeout;
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
    if (server->run_again)
        return server->stuck ? HTTP_STUCK_MS : 0;
    int timeout = sooner(library_timeout(server), timer_timeout(server));
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

// A run takes what is ready at its start.
static void run_library(struct http_server *server)
{
    unsigned before = server->progress;
    server->stuck = false;
    for (unsigned runs = 0; runs < LOOP_RUNS_MAX; runs++) {
        for (size_t i = 0; i < ARRAY_LEN(server->daemons); i++)
            if (server->daemons[i])
                MHD_run(server->daemons[i]);
        server->run_again = library_timeout(server) == 0;
        if (!server->run_again)
            return;
    }
    server->stuck = server->progress == before;
    if (server->stuck)
        connections_unblock(server);
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

static void *loop(void *cls)
{
    struct http_server *server = cls;
    pthread_setname_np(pthread_self(), "vox-http");
    bool stopping = false;
    // Whoever is parked is woken yet: a handler may park once more and be told at once that all is shut.
    while (!stopping || server->parked > 0) {
        struct epoll_event events[16];
        struct http_request *woken;
        int count = epoll_wait(server->epoll_fd, events, ARRAY_LEN(events), loop_timeout(server));
        BUG_ON(count < 0 && errno != EINTR);
        tls_turn(&server->tls);
        for (int i = 0; i < count; i++) {
            struct http_watched *watched = events[i].data.ptr;
            if (watched)
                watched->ready(server, watched);
        }
        unsigned commands = wake_take(&server->wakes, &woken);
        stopping = stopping || (commands & WAKE_STOP);
        resume_woken(woken);
        if (commands & (WAKE_QUIESCE | WAKE_STOP))
            quiesce(server);
        resume_due(server);
        run_library(server);
        reap(server);
        report_state(server, commands);
        if (server->config.turn_over)
            server->config.turn_over(server->config.app);
    }
    return NULL;
}

// `watched` NULL: what came is looked at in each turn anyway.
static bool watch(struct http_server *server, int fd, struct http_watched *watched, struct err *err)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = watched};
    if (epoll_ctl(server->epoll_fd, EPOLL_CTL_ADD, fd, &event) != 0)
        return err_set_errno(err, "cannot watch a descriptor by epoll");
    return true;
}

// Of one daemon. Above our own limit: we count a connection as gone before the library has cleaned it up.
static unsigned connections_at_most(const struct http_config *config)
{
    return config->max_connections + 2 * HTTP_CLOSING_MANY;
}

static struct MHD_Daemon *start_daemon(struct http_server *server, bool secure)
{
    const struct http_config *config = &server->config;
    const struct MHD_OptionItem tls[] = {
        {MHD_OPTION_HTTPS_PRIORITIES, 0, (void *)(uintptr_t)TLS_PRIORITIES},
        {MHD_OPTION_HTTPS_CERT_CALLBACK, 0, (void *)(uintptr_t)tls_no_certificate},
        {MHD_OPTION_END, 0, NULL},
    };
    return MHD_start_daemon((secure ? MHD_USE_TLS : 0U) | MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET |
                                MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG,
                            0, NULL, NULL, on_request, server, MHD_OPTION_EXTERNAL_LOGGER, report_library,
                            server, // first, so that it hears of the others
#if MHD_VERSION >= 0x01000000
                            MHD_OPTION_CLIENT_DISCIPLINE_LVL, 1,
#else
                            MHD_OPTION_STRICT_FOR_CLIENT, 1,
#endif
                            MHD_OPTION_CONNECTION_LIMIT, connections_at_most(config),
                            MHD_OPTION_CONNECTION_TIMEOUT, config->pace.idle_sec,
                            MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)HTTP_POOL_BYTES,
                            MHD_OPTION_NOTIFY_COMPLETED, on_request_end, server, MHD_OPTION_NOTIFY_CONNECTION,
                            on_connection, server, MHD_OPTION_URI_LOG_CALLBACK, on_target, server,
                            secure ? MHD_OPTION_ARRAY : MHD_OPTION_END, tls, MHD_OPTION_END);
}

// The daemon of the listener's kind, unless it runs already.
static bool need_daemon(struct http_server *server, const struct http_listener *listener, struct err *err)
{
    bool secure = listener_is_secure(server, listener);
    if (server->daemons[secure])
        return true;
    if (secure && MHD_is_feature_supported(MHD_FEATURE_TLS) != MHD_YES)
        return err_set(err, "this libmicrohttpd has no TLS; install one built with it");
    server->daemons[secure] = start_daemon(server, secure);
    if (!server->daemons[secure])
        return err_set(err, "cannot start libmicrohttpd; the log may say why");
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(server->daemons[secure], MHD_DAEMON_INFO_EPOLL_FD);
    if (!info || info->epoll_fd < 0)
        return err_set(err, "this libmicrohttpd has no epoll; install one built with it");
    return watch(server, info->epoll_fd, NULL, err);
}

static bool start_library(struct http_server *server, struct err *err)
{
    MHD_set_panic_func(on_panic, NULL);
    if (!watch(server, server->wakes.fd, NULL, err))
        return false;
    for (size_t i = 0; i < server->listeners->count; i++) {
        struct http_listener *listener = &server->listeners->list[i];
        if (!need_daemon(server, listener, err) || !watch(server, listener->fd, &listener->watched, err))
            return false;
    }
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

static void release(struct http_server *server)
{
    listeners_close(server->listeners);
    for (size_t i = 0; i < ARRAY_LEN(server->daemons); i++)
        if (server->daemons[i])
            MHD_stop_daemon(server->daemons[i]);
    connections_forget(server);
    tls_release(&server->tls);
    BUG_ON(server->active > 0 || !LIST_EMPTY(&server->connections));
    requests_release_spare(server);
    linger_reap(server, INT64_MAX);
    http_listeners_free(server->listeners);
    crowd_release(&server->crowd);
    crowd_release(&server->bodies);
    if (server->epoll_fd >= 0)
        close(server->epoll_fd);
    wake_release(&server->wakes);
    timers_release(&server->timers);
    pthread_cond_destroy(&server->idle_cond);
    pthread_mutex_destroy(&server->idle_lock);
    free(server);
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
    crypto_shorthash_keygen(server->address_key);
    bool ok =
        (timers_init(&server->timers, ARRAY_LEN(server->daemons) * connections_at_most(config)) &&
         crowd_init(&server->crowd, config->max_connections + HTTP_CLOSING_MANY) && bodies_init(server)) ||
        err_set(err, "no memory for the HTTP server");
    if (ok && wake_init(&server->wakes, err))
        return server;
    crowd_release(&server->bodies);
    crowd_release(&server->crowd);
    timers_release(&server->timers);
    free(server);
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
    if (!ok || !start_library(server, err) || !start_thread(server, err)) {
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
