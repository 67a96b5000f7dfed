// SPDX-License-Identifier: Apache-2.0
// Could `serve` listen on an address, and if not, who does?
#ifndef VOX_SERVER_PROBE_H
#define VOX_SERVER_PROBE_H

#include "server/core/address.h"

enum probe {
    PROBE_FREE,
    PROBE_SINK,  // a vox-sink answers there
    PROBE_TAKEN, // something else listens
    PROBE_FAILED // `err` says why it cannot be used
};

// Waits at most about two seconds.
enum probe probe_listen(const struct address *address, struct err *err);

#endif
