// SPDX-License-Identifier: Apache-2.0
// What store_commit() thinks with, for server/store only: the batch in order, each key once, and what became
// of it.
#ifndef VOX_STORE_BATCH_H
#define VOX_STORE_BATCH_H

#include "server/core/event.h"

// One event id of one project. Its content is that of the row in the database, once known.
struct batch_key {
    enum {
        KEY_UNKNOWN, // not stored by us, and not looked up
        KEY_ABSENT,  // looked up, and not found
        KEY_STORED,  // by this transaction
        KEY_PRESENT, // committed before
        KEY_ERASED   // a tombstone
    } state;
    uint8_t sha256[SHA256_LEN];
    int64_t received_at;
    int32_t contract_id;
    bool quarantined;
};

struct batch {
    struct event **events; // all, ordered by (project, id, place in the request)
    size_t count;
    struct event **firsts; // of each key the first event that may be stored, or else the first; in that order
    struct event **rows;   // those of them that are to be stored
    struct event **open;   // those of them that are still KEY_UNKNOWN
    struct batch_key *keys;
    size_t key_count;
    size_t row_count;
    size_t open_count;
};

// Orders `events` and finds the keys. False when memory is out.
MUST_CHECK bool batch_init(struct batch *batch, struct event **events, size_t count);
void batch_release(struct batch *batch);
// NULL if the batch has no such key.
struct batch_key *batch_find(struct batch *batch, int32_t project_id, const struct uuid *id);
// Fills `open`.
void batch_collect_open(struct batch *batch);
// They were looked up: what was not found is not there.
void batch_close(struct batch *batch);
// Writes the outcome of every event.
void batch_conclude(struct batch *batch);

#endif
