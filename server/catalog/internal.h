// SPDX-License-Identifier: Apache-2.0
// The catalog's inside: what its thread and its callers share.
#ifndef VOX_CATALOG_INTERNAL_H
#define VOX_CATALOG_INTERNAL_H

#include "server/catalog/load.h"
#include "server/catalog/snapshot.h"
#include "server/catalog/uses.h"

#include <pthread.h>

// What the thread alone knows.
struct refresh {
    struct db *db; // NULL: away
    struct told told;
    int64_t deadline;        // of the load under way
    int64_t tell_at;         // after a refusal: no contracts are written to the database before
    unsigned tried_change;   // the change of contracts (catalog.change) that was last tried
    unsigned refused_change; // and last refused
    int64_t loaded_at;       // end of the last load
    int64_t took;            // how long the last good one took
    int64_t space;           // between loads that strangers ask for
    int64_t retry_at;        // no connecting before
    int64_t backoff;
    bool down_logged;
    size_t locked; // signing keys that did not open at the last load
};

struct catalog {
    struct catalog_config config;
    pthread_t thread;
    int wake_fd;           // something was asked for
    int stop_fd;           // readable from catalog_halt() on: ends whatever the connection waits for
    pthread_mutex_t mutex; // guards all below but the last
    struct snapshot *_Atomic current; // read without the mutex only to be compared
    struct contract_set *pending;     // to be told to the database and served next; NULL: none
    unsigned change;                  // counts catalog_set_contracts()
    struct catalog_waiter *waiters;
    int64_t oldest; // when the first of them came
    bool asked;     // by catalog_refresh()
    struct uses uses;
    bool stopping;
    bool durable;
    bool durable_known;
    struct refresh refresh;
};

// The thread's function; `arg` is the catalog.
void *catalog_thread(void *arg);

#endif
