// SPDX-License-Identifier: Apache-2.0
// What the catalog thread needs of the database: contract numbers, retention in use, and word of changes.
#ifndef VOX_STORE_CATALOG_H
#define VOX_STORE_CATALOG_H

#include "lib/wire/event_text.h"
#include "server/store/db.h"

struct contract_row {
    struct str name; // "model-call.v1"
    struct str id;   // "model-call"
    int32_t version;
    int16_t class_;
    uint8_t schema_sha256[SHA256_LEN];
    int32_t days;   // retention in use; -1: each row brings its own date; 0: never expires
    int32_t ret_id; // filled: the database's number
};

// Fills ret_id by reading alone. `*ret_same` false: the database lacks a contract or has it otherwise, so
// that store_contracts_sync() has work.
MUST_CHECK bool store_contracts_look(struct db *db, struct contract_row *rows, size_t count, bool *ret_same,
                                     struct err *err);
// Makes sure that each contract has a row and its retention is remembered (contract_retention), in one
// transaction; several sinks may do so at once. Fills ret_id.
MUST_CHECK bool store_contracts_sync(struct db *db, struct contract_row *rows, size_t count, struct err *err);
// The server's wall clock, in microseconds.
MUST_CHECK bool store_clock(struct db *db, int64_t *ret_wall_us, struct err *err);
// LISTEN for changes of projects and tokens.
MUST_CHECK bool store_catalog_listen(struct db *db, struct err *err);
// Waits until a change is notified, `wake_fd` is readable (and leaves it so), or `timeout_ms`. False:
// connection lost.
MUST_CHECK bool store_catalog_wait(struct db *db, int wake_fd, int timeout_ms, bool *ret_changed);

#endif
