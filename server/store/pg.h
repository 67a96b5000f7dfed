// SPDX-License-Identifier: Apache-2.0
// The store's own layer on libpq, for server/store only: statements with deadlines, parameters and results in
// binary.
//
// A statement is sent and its results are collected without ever blocking past the deadline (monotonic
// microseconds, DB_NO_DEADLINE for none). A deadline that passes, or a connection that breaks, marks the `db`
// lost: it can only be closed then. Results are the caller's to PQclear().
#ifndef VOX_STORE_PG_H
#define VOX_STORE_PG_H

#include "lib/base/arena.h"
#include "lib/base/buf.h"
#include "lib/base/uuid.h"
#include "server/store/batch.h"
#include "server/store/db.h"
#include "server/store/sqlstate.h"

#include <libpq-fe.h>

// First number of every advisory lock; the second says which (migrations/0001_init.sql).
#define PG_LOCK_CLASS      1987016564
#define PG_LOCK_LEDGER     1
#define PG_LOCK_PARTITIONS 2
#define PG_LOCK_MIGRATIONS 3
#define PG_LOCK_CONTRACTS  4
#define PG_STRING_(x)      #x
#define PG_STRING(x)       PG_STRING_(x)
// "1987016564, 1" for use inside SQL.
#define PG_LOCK_ARGS(which) PG_STRING(PG_LOCK_CLASS) ", " PG_STRING(which)

enum pg_type {
    PG_INT2 = 21,
    PG_INT4 = 23,
    PG_INT8 = 20,
    PG_TEXT = 25,
    PG_BYTEA = 17,
    PG_UUID = 2950,
    PG_DATE = 1082,
    PG_TIMESTAMPTZ = 1184,
    PG_JSONB = 3802
};

struct db {
    PGconn *conn;
    enum db_role role;
    bool lost;            // broken, or left in the middle of something
    bool unreplicated;    // the server gave up waiting for its synchronous standby
    bool prepared;        // store_commit's statements
    bool config_reported; // an operator's mistake was logged
    struct buf params;    // store_commit's, kept for its memory
    struct batch sent;    // what store_commit() sent behind its batch; no events: nothing
    int stop_fd;          // readable: every wait ends; -1: none
    int64_t limit;        // no wait goes past this
    char target[256];
};

// Days and microseconds from 1970-01-01 to PostgreSQL's epoch, 2000-01-01.
#define PG_EPOCH_DAYS 10957
#define PG_EPOCH_USEC (PG_EPOCH_DAYS * USEC_PER_DAY)

#define PG_PARAMS_MAX 20
struct pg_params {
    int count;
    Oid types[PG_PARAMS_MAX];
    const char *values[PG_PARAMS_MAX];
    int lengths[PG_PARAMS_MAX];
    int formats[PG_PARAMS_MAX];
    char fixed[PG_PARAMS_MAX][8]; // numbers in network order
};

// Each adds the next parameter, $1 first. Strings and bytes are not copied; absent is null.
void pg_param_i32(struct pg_params *params, int32_t v);
void pg_param_i64(struct pg_params *params, int64_t v);
void pg_param_time(struct pg_params *params, int64_t wall_us); // INT64_MAX: null
void pg_param_text(struct pg_params *params, struct str s);
void pg_param_bytes(struct pg_params *params, const void *ptr, size_t len);
void pg_param_uuid(struct pg_params *params, const struct uuid *uuid);

// Fields of a binary result. 0 and absent where null.
int32_t pg_i32(const PGresult *result, int row, int column); // int2, int4, date as PostgreSQL counts
int64_t pg_i64(const PGresult *result, int row, int column);
int64_t pg_time(const PGresult *result, int row, int column); // wall microseconds; INT64_MAX where null
struct str pg_text(const PGresult *result, int row, int column);
bool pg_bool(const PGresult *result, int row, int column);
bool pg_bytes(const PGresult *result, int row, int column, void *ret_bytes, size_t len); // exactly `len`

// Waits until the socket is ready for `events` (of poll(2)). False at the deadline, the connection's limit,
// or when it is told to stop: then it is lost.
MUST_CHECK bool pg_wait(struct db *db, short events, int64_t deadline, struct err *err);
// The next result of what was sent; NULL at a statement's end. False if the connection is lost by now.
MUST_CHECK bool pg_next(struct db *db, int64_t deadline, PGresult **ret_result, struct err *err);
// Sends one statement (`params` NULL: text of any number of statements) and gives the first error or the last
// result, binary with `params`. False only if the connection is lost.
MUST_CHECK bool pg_send(struct db *db, const char *sql, const struct pg_params *params, int64_t deadline,
                        PGresult **ret_result, struct err *err);
// As pg_send, and an error result is false too, with its sentence. `ret_result` may be NULL.
MUST_CHECK bool pg_run(struct db *db, const char *sql, const struct pg_params *params, int64_t deadline,
                       PGresult **ret_result, struct err *err);

// As pg_run without a result, and a key that is there already gives `*ret_taken` instead of an error.
MUST_CHECK bool pg_run_unique(struct db *db, const char *sql, const struct pg_params *params,
                              int64_t deadline, bool *ret_taken, struct err *err);

// BEGIN; false if the connection is in a transaction already.
MUST_CHECK bool pg_begin(struct db *db, int64_t deadline, struct err *err);
// True if COMMIT is what happened, as far as the server says: status, tag, and no word of a lost standby.
MUST_CHECK bool pg_commit(struct db *db, int64_t deadline, struct err *err);
// Back to no transaction; an error here makes the connection lost.
void pg_rollback(struct db *db, int64_t deadline);

bool pg_is_ok(const PGresult *result); // tuples or a command
enum sql_kind pg_kind(const struct db *db, const PGresult *result);
// Fills the sentence for an error result and returns false.
bool pg_err(const PGresult *result, struct err *err);
// Marks the connection lost and returns false.
bool pg_lose(struct db *db, struct err *err, const char *why);

#define DB_NO_DEADLINE INT64_MAX
int64_t pg_deadline_in(int64_t usec);

#endif
