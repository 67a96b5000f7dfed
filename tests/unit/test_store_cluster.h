// SPDX-License-Identifier: Apache-2.0
// A throw-away PostgreSQL cluster for the store's tests: its own folder under /tmp, a Unix socket, fsync on.
//
// cluster_start() once (for CHECK_MAIN_WITH); the server dies with the test program, whatever ends it. A case
// takes a database of its own. Everything here ends the program with a message where the set-up itself fails.
#ifndef VOX_TESTS_UNIT_TEST_STORE_CLUSTER_H
#define VOX_TESTS_UNIT_TEST_STORE_CLUSTER_H

#include "server/core/event.h"
#include "server/store/pg.h"

#include <stdlib.h>

void cluster_start(void);
// The connection string of a fresh database, migrated and with one contract of 365 days (number 1), or empty.
// Free it.
char *cluster_database(void);
char *cluster_empty_database(void);
// A connection, as the sink makes it.
struct db *cluster_open(const char *url, enum db_role role);
// Statements as the superuser on a connection of their own.
void cluster_sql(const char *url, const char *sql);
int64_t cluster_number(const char *url, const char *sql); // one bigint
// A superuser's plain connection, for what stays open.
PGconn *cluster_session(const char *url);
void cluster_run(PGconn *session, const char *sql);
// ALTER SYSTEM (value NULL: RESET), reload, and wait until sessions see it.
void cluster_setting(const char *name, const char *value);
// Waits until `sql` gives a number other than 0; fails after two minutes.
void cluster_wait_until(const char *url, const char *sql);
// Another URL with `more` settings, such as "options='-c lock_timeout=1s'". Free it.
char *cluster_url_with(const char *url, const char *more);

// An event of project 1 and contract 1 with 365 days; `n` makes its id, `text` its content.
void event_make(struct event *event, unsigned n, const char *text);
// store_commit() of one event by a deadline of two minutes.
enum commit_result commit_one(struct db *db, struct event *event);
// The same of many, at most STORE_BATCH_EVENTS, by the same.
enum commit_result commit_many(struct db *db, struct event *events, size_t count);
int64_t count_events(const char *url);
int64_t count_keys(const char *url);

#endif
