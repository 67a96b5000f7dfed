// SPDX-License-Identifier: Apache-2.0
// The hosts of a database URL, one by one, for server/store only.
//
// libpq leaves a host that does not answer for the next one after time-outs that only its blocking calls
// have. Ours do not block, so that whoever connects tries each host by itself, for a share of the time.
#ifndef VOX_STORE_HOSTS_H
#define VOX_STORE_HOSTS_H

#include "lib/base/err.h"

#define DB_HOSTS_MAX 16

// What stands in place of the URL's own lists; empty: what the URL says stays.
struct db_host {
    char name[256];
    char address[64];
    char port[8];
};

struct db_hosts {
    struct db_host hosts[DB_HOSTS_MAX];
    size_t count; // 1 at least
};

// One host that is empty in all stands for the URL as it is: where it names a single host, leaves one out,
// prefers a standby (which is a question to all of them), or has more than DB_HOSTS_MAX. False: libpq cannot
// read it.
MUST_CHECK bool db_hosts_read(const char *url, struct db_hosts *ret_hosts, struct err *err);

#endif
