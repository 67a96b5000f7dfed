// SPDX-License-Identifier: Apache-2.0
// What a sink says about itself at /version.
#ifndef VOX_CLIENT_SINK_H
#define VOX_CLIENT_SINK_H

#include "client/settings.h"
#include "client/transport.h"

struct sink_version {
    bool is_sink; // it calls itself vox-sink
    char version[32];
    char contract_set[80];     // hash; empty if not said
    int64_t dedup_window_days; // 0: not said
    int64_t skew_us;           // the sink's Date less this machine's clock, to the second
    bool has_skew;
};

// The URL of another path of the sink whose posts go to `url`: beside its last "/v1/", else at the root.
MUST_CHECK bool sink_url(const char *url, const char *path, char ret_url[static URL_MAX_BYTES]);
// One GET, without the token. False if there is no such page.
MUST_CHECK bool sink_version_get(const struct transport *transport, const char *url, bool loopback,
                                 const char *user_agent, struct sink_version *ret_version);

#endif
