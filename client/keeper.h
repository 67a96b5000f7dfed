// SPDX-License-Identifier: Apache-2.0
// Between an upload and kept.log: asks the sink which contracts it has, once, and only where that matters.
//
// The key of the log is the upload's URL and the `contract_set` of the sink's /version, which stands beside
// /v1/ on the same host. A sink that has no such page is offered everything each time.
#ifndef VOX_CLIENT_KEEPER_H
#define VOX_CLIENT_KEEPER_H

#include "client/transport.h"
#include "lib/spool/kept.h"

struct keeper {
    struct spool *spool;
    const struct transport *transport;
    const char *url; // of single posts
    bool loopback;
    const char *user_agent;
    bool asked;
    struct spool_kept *kept; // NULL until asked, and where the sink does not say
};

// Loads the log if there is one.
MUST_CHECK bool keeper_begin(struct keeper *keeper, struct err *err);
void keeper_end(struct keeper *keeper);
// PROBLEM_NONE: offer it.
enum problem keeper_find(const struct keeper *keeper, const char *name, int64_t wall_us);
// The sink answered so; problems of other kinds are ignored.
MUST_CHECK bool keeper_add(struct keeper *keeper, const char *name, struct str code, int64_t wall_us,
                           struct err *err);

#endif
