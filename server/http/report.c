// SPDX-License-Identifier: Apache-2.0
// One debug line per request, warnings that cannot flood, and the HTTP metrics.
#include "server/http/internal.h"

#include "lib/base/log.h"

#define REPORT_EVERY_US   USEC_PER_SEC
#define REPORT_METHOD_MAX 16 // of a method as sent; ours are shorter

static struct str route_label(const struct http_request *request)
{
    return request->route ? str_from(request->route->path) : STR("none");
}

static struct str method_label(const struct http_request *request)
{
    struct str method = request->head.method;
    return str_slice(method.ptr, MIN(method.len, REPORT_METHOD_MAX));
}

// At most one line per status and second; it says how many it stands for.
static void warn_failure(struct http_request *request, int status, int64_t now)
{
    struct http_report *report = &request->server->report;
    size_t i = (size_t)(status - 500);
    BUG_ON(i >= ARRAY_LEN(report->failures));
    report->failures[i].unlogged++;
    if (report->failures[i].logged_at && now - report->failures[i].logged_at < REPORT_EVERY_US)
        return;
    log_warn("requests failed", LOG_I64("status", status), LOG_U64("count", report->failures[i].unlogged),
             LOG_STR("request_id", http_request_id(request)), LOG_STR("route", route_label(request)));
    report->failures[i].logged_at = now;
    report->failures[i].unlogged = 0;
}

void report_answer(struct http_request *request, int status, size_t bytes)
{
    const struct http_config *config = &request->server->config;
    int64_t now = clock_mono_us(config->clock);
    int64_t took = MAX(now - request->began_at, (int64_t)0);
    char status_text[12];
    snprintf(status_text, sizeof(status_text), "%d", status);
    metrics_add(config->metrics, METRIC_REQUESTS, route_label(request).ptr, status_text, 1);
    metrics_observe(config->metrics, METRIC_REQUEST_SECONDS, (uint64_t)took);
    connection_await_answer(request->connection, now, bytes);
    log_debug("request", LOG_STR("request_id", http_request_id(request)),
              LOG_STR("method", method_label(request)), LOG_STR("route", route_label(request)),
              LOG_I64("status", status), LOG_I64("us", took), LOG_U64("bytes", bytes));
    if (status >= 500 && status != 505) // that one is the client's
        warn_failure(request, status, now);
}

void report_aborted(struct http_request *request)
{
    log_debug("request ended without our answer", LOG_STR("request_id", http_request_id(request)),
              LOG_STR("method", method_label(request)), LOG_STR("route", route_label(request)),
              LOG_U64("received", request->received));
}

void report_accept(struct http_server *server, int code, int64_t now)
{
    struct http_report *report = &server->report;
    if (report->accept_logged_at && now - report->accept_logged_at < REPORT_EVERY_US)
        return;
    log_warn("cannot accept a connection; trying again in a second", LOG_CSTR("reason", strerror(code)));
    report->accept_logged_at = now;
}
