// SPDX-License-Identifier: Apache-2.0
// One connection to PostgreSQL: opened, checked for durability, used by one thread, closed.
//
// db_connect() sets the session up for its role and refuses a server that could lose what it acknowledged
// (fsync or full_page_writes off; read-only; readers are not so choosy). synchronous_commit is turned on for
// the session where it is off or local. A pooler between must keep sessions, not transactions. Everything
// with a deadline (monotonic microseconds of clock_system()) gives up by then, with the connection marked
// lost if a statement was under way. Threads: one at a time. Errors: `struct err`
// holds PostgreSQL's primary message only where it cannot quote data.
#ifndef VOX_STORE_DB_H
#define VOX_STORE_DB_H

#include "lib/base/clock.h"
#include "lib/base/err.h"

struct db;

enum db_role {
    DB_WRITER,  // ingest: short statement and lock timeouts
    DB_READER,  // queries: read-only transactions, statement timeout
    DB_CATALOG, // loads tokens, listens
    DB_KEEPER,  // partitions, ledger rotation: lock_timeout 100 ms, retried
    DB_OWNER    // migrations and commands
};

// `url` is a libpq connection string or URI, several hosts allowed. It may hold a password: never logged.
MUST_CHECK bool db_connect(const char *url, enum db_role role, int64_t deadline, struct db **ret_db,
                           struct err *err);
// The same, for a thread that must end soon when told: once `stop_fd` is readable (an eventfd that nobody
// reads) connecting fails, and whatever the connection waits for then or later ends as lost. -1: never.
MUST_CHECK bool db_connect_stoppable(const char *url, enum db_role role, int64_t deadline, int stop_fd,
                                     struct db **ret_db, struct err *err);
// Is `url` one that can be read? No connection is made.
MUST_CHECK bool db_url_check(const char *url, struct err *err);
void db_close(struct db *db); // NULL is allowed
// Nothing waits past this (monotonic microseconds), whatever its own deadline, until the next call.
void db_limit(struct db *db, int64_t deadline);

// Do the settings still hold that db_connect() asked for? They can change under a running server.
enum db_durability {
    DB_DURABLE,
    DB_NOT_DURABLE, // `err` names the setting and what to do
    DB_UNKNOWN      // the database did not say: `err` why
};
MUST_CHECK enum db_durability db_check_durable(struct db *db, int64_t deadline, struct err *err);
// False once the connection has broken or was left in the middle of something. Does not block.
bool db_is_good(struct db *db);
// Host, port and database name for people, without user or password; lives as long as `db`.
const char *db_target(const struct db *db);

#endif
