// SPDX-License-Identifier: Apache-2.0
// What a service manager hands us and wants to hear: the socket and notification protocols of systemd, which
// others speak, too.
//
// service_take_sockets() once, before any thread starts; service_notify() from any thread.
#ifndef VOX_CORE_SERVICE_H
#define VOX_CORE_SERVICE_H

#include "lib/base/err.h"
#include "lib/base/str.h"

#define SERVICE_SOCKETS_MANY 16
#define SERVICE_FIRST_FD     3

struct service_sockets {
    size_t count;                        // descriptors from SERVICE_FIRST_FD on
    bool is_admin[SERVICE_SOCKETS_MANY]; // by their names: "ingest" or "admin"
};

// The values of LISTEN_PID, LISTEN_FDS and LISTEN_FDNAMES, absent where unset. None are there for us if the
// process is another than `own`.
MUST_CHECK bool service_parse_sockets(struct str process, struct str count, struct str names, int64_t own,
                                      struct service_sockets *ret_sockets, struct err *err);
// From the environment, where the variables are then gone.
MUST_CHECK bool service_take_sockets(struct service_sockets *ret_sockets, struct err *err);

// "READY=1" and the like, to NOTIFY_SOCKET; nothing where nobody wants to hear. What cannot be told is lost.
void service_notify(const char *state);

#endif
