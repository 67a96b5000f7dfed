// SPDX-License-Identifier: Apache-2.0
// What `serve` needs for its front: limits, listening sockets and TLS, by the configuration and the service
// manager.
//
// The main thread's.
#ifndef VOX_SERVER_FRONT_H
#define VOX_SERVER_FRONT_H

#include "server/config/config.h"
#include "server/http/http.h"
#include "server/limits.h"

// What no option's own range can say. False: `serve` does not start so.
MUST_CHECK bool front_check(const struct config *config, struct limit_settings *ret_limits, struct err *err);
MUST_CHECK bool front_listen(const struct config *config, struct http_listeners **ret_listeners,
                             struct err *err);
// NULL where no TLS is configured.
MUST_CHECK bool front_read_tls(const struct config *config, struct http_tls **ret_tls, struct err *err);
// The same, and sets its metric.
MUST_CHECK bool front_load_tls(const struct config *config, struct metrics *metrics,
                               struct http_tls **ret_tls, struct err *err);
// A line for each listener; "listening" comes once and last, when all are open.
void front_log(const struct http_server *http, const struct config *config);

#endif
