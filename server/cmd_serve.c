// SPDX-License-Identifier: Apache-2.0
// `vox-sink serve`: starts every thread, waits for signals, and stops in an order that loses nothing.
#include "lib/base/log.h"
#include "server/api/api.h"
#include "server/command.h"
#include "server/core/service.h"
#include "server/front.h"
#include "server/process.h"
#include "server/writer/backend.h"

#include <malloc.h>
#include <signal.h>
#include <sys/resource.h>

#define ALARM_GRACE_SEC 5 // past the stop deadline: then something is stuck, and an abrupt end is safer

struct serve {
    struct config *config;
    int argc; // for reloads
    char **argv;
    struct metrics *metrics;
    struct writer *writer;
    struct reader *reader;
    struct keeper *keeper;
    struct catalog *catalog;
    struct http_listeners *listeners; // until the server has them
    struct limit_settings limits;
    struct limiter *limiter;
    struct master_key *master_key;  // NULL: none is configured
    struct contract_set *contracts; // until the catalog has them
    struct http_tls *tls;           // until the server has it; NULL: none
    struct http_server *http;
    struct api api;
};

static const char *url_or(const char *url, const char *fallback)
{
    return url ? url : fallback;
}

static bool log_level_of(const struct config *config, enum log_level *ret_level, struct err *err)
{
    if (log_level_from(str_from(config->log_level), ret_level))
        return true;
    return err_set(err, "log_level must be debug, info, warn or error");
}

static bool apply_log_options(const struct config *config, struct err *err)
{
    enum log_level level;
    if (!log_level_of(config, &level, err))
        return false;
    log_set_level(level);
    log_set_format(strcmp(config->log_format, "json") == 0 ? LOG_JSON : LOG_LOGFMT);
    return true;
}

// Each connection is a descriptor; the rest is databases, logs and the like.
static void raise_descriptor_limit(int64_t connections)
{
    struct rlimit limit;
    rlim_t need = (rlim_t)connections + 128;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= need)
        return;
    limit.rlim_cur = MIN(need, limit.rlim_max);
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur < need)
        log_warn("fewer descriptors than max_connections asks for; raise the service's LimitNOFILE",
                 LOG_U64("descriptors", limit.rlim_cur), LOG_I64("max_connections", connections));
}

// ---- start

// What needs the rights that we were started with, then their end. Nothing of a peer's was read yet.
static bool prepare_process(struct serve *s, struct err *err)
{
    const struct config *c = s->config;
    raise_descriptor_limit(c->max_connections);
    if (!front_listen(c, &s->listeners, err))
        return false;
    if (!process_drop(c->user, err)) {
        http_listeners_free(s->listeners);
        return false;
    }
    if (c->unlocked_secrets)
        log_warn(
            "secrets may be swapped to disk: the system would not lock their memory; raise the service's "
            "LimitMEMLOCK");
    return true;
}

static bool start_storage(struct serve *s, struct err *err)
{
    const struct config *c = s->config;
    struct writer_config writer = {
        .connections = (unsigned)c->writers,
        .queue_events = (size_t)c->queue_events,
        .queue_bytes = (size_t)c->queue_bytes,
        .deadline_us = c->commit_deadline * USEC_PER_MSEC,
        .backend = writer_backend_store(c->database_url),
        .metrics = s->metrics,
        .clock = clock_system(),
    };
    struct keeper_config keeper = {
        .url = c->database_url,
        .days_ahead = (int)c->partitions_ahead,
        .interval_us = c->keeper_interval * USEC_PER_SEC,
        .metrics = s->metrics,
    };
    return writer_start(&writer, &s->writer, err) && keeper_start(&keeper, &s->keeper, err) &&
           reader_start(url_or(c->read_database_url, c->database_url), (unsigned)c->readers, &s->reader, err);
}

// New contracts may be kept longer than there are partitions for.
static void on_contracts_told(void *context)
{
    struct serve *s = context;
    keeper_poke(s->keeper);
}

static void on_durability(void *context, bool durable)
{
    struct serve *s = context;
    writer_set_durable(s->writer, durable);
}

static bool start_catalog(struct serve *s, struct err *err)
{
    const struct config *c = s->config;
    struct catalog_config catalog = {
        .url = c->database_url,
        .open_project = c->open_project,
        .poll_us = c->catalog_poll * USEC_PER_MSEC,
        .contracts = s->contracts,
        .master_key = s->master_key,
        .contracts_told = on_contracts_told,
        .durability = on_durability,
        .context = s,
        .metrics = s->metrics,
        .clock = clock_system(),
    };
    return catalog_start(&catalog, &s->catalog, err);
}

static bool start_http(struct serve *s, struct err *err)
{
    const struct config *c = s->config;
    s->api = (struct api){
        .catalog = s->catalog,
        .writer = s->writer,
        .reader = s->reader,
        .keeper = s->keeper,
        .limiter = s->limiter,
        .metrics = s->metrics,
        .clock = clock_system(),
        .query_us = c->query_deadline * USEC_PER_MSEC,
        .token_age_us = c->token_max_age * USEC_PER_SEC,
    };
    if (!api_init(&s->api, err))
        return false;
    struct http_config http = {
        .listeners = s->listeners,
        .max_connections = (unsigned)c->max_connections,
        .body_bytes = (size_t)c->body_bytes,
        .pace = {.idle_sec = (unsigned)c->idle_timeout,
                 .head_sec = (unsigned)c->head_deadline,
                 .grace_sec = (unsigned)c->transfer_grace,
                 .bytes_per_sec = (unsigned)c->transfer_rate,
                 .transfer_sec = (unsigned)c->transfer_deadline},
        .app = &s->api,
        .turn_over = api_turn_over,
        .tls = s->tls,
        .metrics = s->metrics,
        .clock = clock_system(),
    };
    http.routes = api_routes(&http.route_count);
    s->listeners = NULL;
    s->tls = NULL;
    return http_server_start(&http, &s->http, err);
}

// The files that the options name, as the user that serves: what is wrong with them is said before anything
// runs.
static bool load_files(struct serve *s, struct err *err)
{
    const struct config *c = s->config;
    if (c->master_key && !(s->master_key = master_key_new(str_from(c->master_key), err)))
        return false;
    return contract_set_load(c->contracts_dir, c->contracts_overrides, &s->contracts, err) &&
           front_load_tls(c, s->metrics, &s->tls, err);
}

static bool start_all(struct serve *s, struct err *err)
{
    bool ok = start_storage(s, err) && start_catalog(s, err) &&
              limiter_new(&s->limits, clock_system(), &s->limiter, err) && start_http(s, err);
    contract_set_unref(s->contracts);
    s->contracts = NULL;
    return ok;
}

// ---- stop

static void on_alarm(int signal_number UNUSED)
{
    static const char text[] = "level=error msg=\"the stop deadline passed; ending at once\"\n";
    if (write(STDERR_FILENO, text, sizeof(text) - 1) < 0)
        _exit(EXIT_FAILED);
    _exit(EXIT_FAILED);
}

// Everything that could still answer a request is ended before the HTTP server goes, and freed only after it.
static void stop_all(struct serve *s)
{
    int64_t deadline = clock_mono_us(clock_system()) + s->config->stop_deadline * USEC_PER_SEC;
    // A commit under way may take this long; clients that dawdle over their bodies must not use it up.
    int64_t reserve = s->config->commit_deadline * USEC_PER_MSEC + WRITER_GRACE_US;
    bool idle = true;
    signal(SIGALRM, on_alarm);
    alarm((unsigned)s->config->stop_deadline + ALARM_GRACE_SEC);
    if (s->http) {
        http_server_quiesce(s->http);
        idle = http_server_wait_idle(s->http, deadline - reserve);
    }
    http_listeners_free(s->listeners);
    if (s->writer)
        writer_drain(s->writer, deadline);
    if (s->writer)
        writer_halt(s->writer);
    if (s->reader)
        reader_drain(s->reader);
    if (s->catalog)
        catalog_halt(s->catalog);
    // Nobody waits for us any more: what is left are clients that read slowly what was stored of theirs.
    if (s->http && !idle)
        idle = http_server_wait_idle(s->http, deadline);
    if (s->http)
        http_server_stop(s->http);
    if (s->writer)
        writer_free(s->writer);
    if (s->reader)
        reader_free(s->reader);
    if (s->keeper)
        keeper_stop(s->keeper);
    if (s->catalog)
        catalog_free(s->catalog);
    contract_set_unref(s->contracts);
    http_tls_free(s->tls);
    master_key_free(s->master_key);
    api_release(&s->api);
    limiter_free(s->limiter);
    metrics_free(s->metrics);
    alarm(0);
    if (s->http)
        log_info("stopped", LOG_CSTR("requests", idle ? "all answered" : "some cut short"));
}

// ---- in between

// The files, by the names they had at the start.
static void reload_tls(struct serve *s)
{
    struct err err = {""};
    struct http_tls *tls;
    bool ok = front_load_tls(s->config, s->metrics, &tls, &err);
    if (ok && !tls)
        return;
    metrics_add(s->metrics, METRIC_RELOADS, "tls", ok ? "ok" : "failed", 1);
    if (ok)
        http_server_renew_tls(s->http, tls);
    else
        log_error("TLS certificate not reloaded, the old one stays", LOG_CSTR("reason", err.text));
}

// What the fresh configuration means is settled before any of it counts.
static bool accept_config(void *context, const struct config *fresh, struct err *err)
{
    struct limit_settings *limits = context;
    enum log_level level;
    return log_level_of(fresh, &level, err) && limits_from(fresh, limits, err);
}

static void reload(struct serve *s)
{
    struct limit_settings limits = s->limits;
    struct err err = {""};
    reload_tls(s);
    struct contract_set *contracts;
    if (!config_reload(s->config, s->argc, s->argv, accept_config, &limits, &err) ||
        !apply_log_options(s->config, &err)) {
        log_error("configuration not reloaded, the old one stays", LOG_CSTR("reason", err.text));
        metrics_add(s->metrics, METRIC_RELOADS, "config", "failed", 1);
        return;
    }
    s->limits = limits;
    limiter_set(s->limiter, &s->limits);
    metrics_add(s->metrics, METRIC_RELOADS, "config", "ok", 1);
    if (!contract_set_load(s->config->contracts_dir, s->config->contracts_overrides, &contracts, &err)) {
        log_error("contracts not reloaded, the old ones stay", LOG_CSTR("reason", err.text));
        metrics_add(s->metrics, METRIC_RELOADS, "contracts", "failed", 1);
        return;
    }
    metrics_add(s->metrics, METRIC_RELOADS, "contracts", "ok", 1);
    log_info("reloaded", LOG_U64("contracts", contract_set_count(contracts)),
             LOG_CSTR("set", contract_set_hash(contracts)));
    catalog_set_contracts(s->catalog, contracts);
    contract_set_unref(contracts);
}

static void signals_of_interest(sigset_t *set)
{
    sigemptyset(set);
    sigaddset(set, SIGTERM);
    sigaddset(set, SIGINT);
    sigaddset(set, SIGHUP);
}

// With the time at which it began, by which systemd tells it from one before.
static void notify_reloading(void)
{
    char state[64];
    snprintf(state, sizeof(state), "RELOADING=1\nMONOTONIC_USEC=%lld",
             (long long)clock_mono_us(clock_system()));
    service_notify(state);
}

static void wait_for_the_end(struct serve *s)
{
    sigset_t set;
    int number;
    signals_of_interest(&set);
    for (;;) {
        if (sigwait(&set, &number) != 0)
            BUG("sigwait failed");
        if (number != SIGHUP)
            break;
        notify_reloading();
        reload(s);
        service_notify("READY=1");
    }
    service_notify("STOPPING=1");
    log_info("stopping", LOG_CSTR("signal", number == SIGTERM ? "SIGTERM" : "SIGINT"));
}

static int run(struct serve *s)
{
    struct err err = {""};
    sigset_t set;
    // Blocked before any thread starts, so that only sigwait() above sees them.
    signals_of_interest(&set);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    s->metrics = metrics_new();
    if (!s->metrics)
        return command_error(EXIT_FAILED, "out of memory for the metrics");
    if (!prepare_process(s, &err)) {
        metrics_free(s->metrics);
        return command_error(EXIT_FAILED, "%s", err.text);
    }
    bool loaded = load_files(s, &err);
    if (!loaded || !start_all(s, &err)) {
        int code = command_error(loaded ? EXIT_FAILED : EXIT_CONFIG, "%s", err.text);
        stop_all(s);
        return code;
    }
    // What reading the contracts and tokens left behind is not needed again.
    malloc_trim(0);
    front_log(s->http, s->config);
    service_notify("READY=1\nSTATUS=serving");
    wait_for_the_end(s);
    stop_all(s);
    return EXIT_OK;
}

static int serve(struct call *call)
{
    const struct config *c = &call->config;
    struct serve s = {.config = &call->config, .argc = call->argc, .argv = call->argv};
    struct err err = {""};
    if (!c->database_url)
        return command_error(EXIT_CONFIG, "no database: set VOX_SINK_DATABASE_URL, for example "
                                          "postgresql:///vox?host=/run/postgresql");
    if (!db_url_check(c->database_url, &err) ||
        !db_url_check(url_or(c->read_database_url, c->database_url), &err) ||
        !process_may_serve(c->user, &err) || !apply_log_options(c, &err) || !front_check(c, &s.limits, &err))
        return command_error(EXIT_CONFIG, "%s", err.text);
    return run(&s);
}

const struct command cmd_serve = {
    .name = "serve",
    .about = "Takes events over HTTP and stores them in PostgreSQL. Runs in the foreground.\n"
             "SIGTERM stops gracefully, SIGHUP reloads contracts and reloadable options.",
    .lists_options = true,
    .run = serve};
