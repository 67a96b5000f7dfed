// SPDX-License-Identifier: Apache-2.0
// What an error of PostgreSQL means to us: the one table of SQLSTATEs.
#ifndef VOX_STORE_SQLSTATE_H
#define VOX_STORE_SQLSTATE_H

#include "lib/base/base.h"

enum sql_kind {
    SQL_DATA,         // this row's content: the client's
    SQL_LOCKED,       // somebody holds what we need; locks were waited for in vain
    SQL_NO_PARTITION, // ours: make it
    SQL_DUPLICATE,    // a unique key is there
    SQL_TRANSIENT,    // try again; also everything unknown, so that data is kept
    SQL_CONFIG,       // schema, rights, password, database name: an operator must act; then try again
    SQL_LOST          // the connection is of no more use
};

// `sqlstate` NULL means that libpq made the error up: the connection is gone. `has_constraint`: the error
// names a constraint, which tells a CHECK from a missing partition, both 23514.
enum sql_kind sqlstate_kind(const char *sqlstate, bool has_constraint);
// May the primary message be shown? Not where it can quote a value.
bool sqlstate_is_quotable(const char *sqlstate);

#endif
