// SPDX-License-Identifier: Apache-2.0
// From options, environment and files to listeners and certificates.
#include "server/front.h"

#include "lib/base/log.h"
#include "server/core/service.h"
#include "server/writer/writer.h"

// Those that the service manager opened come before what the configuration says.
bool front_listen(const struct config *config, struct http_listeners **ret_listeners, struct err *err)
{
    struct service_sockets given;
    struct http_socket sockets[SERVICE_SOCKETS_MANY];
    if (!service_take_sockets(&given, err))
        return false;
    for (size_t i = 0; i < given.count; i++)
        sockets[i] =
            (struct http_socket){SERVICE_FIRST_FD + (int)i, given.is_admin[i] ? HTTP_ADMIN : HTTP_PUBLIC};
    const struct http_where where = {.listen = config->listen,
                                     .admin_listen = config->admin_listen,
                                     .sockets = sockets,
                                     .socket_count = given.count};
    return http_listen(&where, ret_listeners, err);
}

bool front_check(const struct config *c, struct limit_settings *ret_limits, struct err *err)
{
    if (c->stop_deadline * USEC_PER_SEC < c->commit_deadline * USEC_PER_MSEC + WRITER_GRACE_US)
        return err_set(err,
                       "stop_deadline must exceed commit_deadline by 2 s, so that what is being committed "
                       "can be answered");
    return limits_from(c, ret_limits, err);
}

bool front_read_tls(const struct config *c, struct http_tls **ret_tls, struct err *err)
{
    const struct http_tls_files files = {c->tls_cert_file, c->tls_key_file, c->tls_client_ca_file};
    *ret_tls = NULL;
    if (!c->tls_cert_file && !c->tls_key_file && !c->tls_client_ca_file)
        return true;
    if (!c->tls_cert_file || !c->tls_key_file)
        return err_set(err, "TLS needs both tls_cert_file and tls_key_file");
    return http_tls_load(&files, ret_tls, err);
}

bool front_load_tls(const struct config *c, struct metrics *metrics, struct http_tls **ret_tls,
                    struct err *err)
{
    if (!front_read_tls(c, ret_tls, err))
        return false;
    if (!*ret_tls) {
        metrics_set(metrics, METRIC_TLS_NOT_AFTER, NULL, NULL, 0);
        return true;
    }
    int64_t not_after = http_tls_not_after(*ret_tls);
    if (not_after <= clock_wall_us(clock_system()))
        log_warn("the TLS certificate has expired", LOG_CSTR("file", c->tls_cert_file));
    metrics_set(metrics, METRIC_TLS_NOT_AFTER, NULL, NULL, (double)(not_after / USEC_PER_SEC));
    return true;
}

void front_log(const struct http_server *http, const struct config *config)
{
    struct http_listening first, other;
    if (!http_server_listening(http, 0, &first))
        BUG("serving nowhere");
    for (size_t i = 1; http_server_listening(http, i, &other); i++)
        log_info("listening too", LOG_CSTR("addr", other.address),
                 LOG_CSTR("place", other.place == HTTP_ADMIN ? "admin" : "public"),
                 LOG_CSTR("tls", other.tls ? "yes" : "no"));
    log_info("listening", LOG_CSTR("addr", first.address), LOG_CSTR("tls", first.tls ? "yes" : "no"),
             LOG_CSTR("version", VOX_VERSION), LOG_CSTR("contracts", config->contracts_dir));
}
