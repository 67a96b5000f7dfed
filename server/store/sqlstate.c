// SPDX-License-Identifier: Apache-2.0
// Matches a SQLSTATE against the table, whole codes before classes.
#include "server/store/sqlstate.h"

static const struct sqlstate_row {
    char prefix[6]; // a class of two characters or a whole code
    enum sql_kind kind;
    bool quotable; // its messages name objects, never values
} rows[] = {
    {"23502", SQL_DATA, false}, // NOT NULL
    {"23505", SQL_DUPLICATE, false},
    {"25", SQL_LOST, true},      // 25006: a standby now, find the primary; 25P03: idle in transaction
    {"26", SQL_LOST, true},      // our prepared statements are gone,
    {"0A000", SQL_LOST, true},   // or no longer fit the tables
    {"40", SQL_TRANSIENT, true}, // serialization, deadlock
    {"55P03", SQL_LOCKED, true},
    {"57P01", SQL_LOST, true}, // shut down, crash, starting up
    {"57P02", SQL_LOST, true},
    {"57P03", SQL_LOST, true},
    {"57P05", SQL_LOST, true},      // idle session timeout
    {"57014", SQL_TRANSIENT, true}, // statement_timeout or cancelled
    {"08", SQL_LOST, true},
    {"22", SQL_DATA, false},
    {"28", SQL_CONFIG, true},
    {"3D", SQL_CONFIG, true},
    {"3F", SQL_CONFIG, true},
    {"42", SQL_CONFIG, true},
    {"53", SQL_TRANSIENT, true}, // disk, memory, connections
    {"54", SQL_DATA, false},     // a value beyond a limit of PostgreSQL
    {"57", SQL_TRANSIENT, true},
    {"58", SQL_TRANSIENT, true}, // I/O
};

static const struct sqlstate_row *row_of(const char *sqlstate)
{
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (strncmp(sqlstate, rows[i].prefix, strlen(rows[i].prefix)) == 0)
            return &rows[i];
    return NULL;
}

enum sql_kind sqlstate_kind(const char *sqlstate, bool has_constraint)
{
    if (!sqlstate)
        return SQL_LOST;
    if (strcmp(sqlstate, "23514") == 0)
        return has_constraint ? SQL_DATA : SQL_NO_PARTITION;
    const struct sqlstate_row *row = row_of(sqlstate);
    return row ? row->kind : SQL_TRANSIENT;
}

bool sqlstate_is_quotable(const char *sqlstate)
{
    const struct sqlstate_row *row = sqlstate ? row_of(sqlstate) : NULL;
    return row && row->quotable;
}
