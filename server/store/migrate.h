// SPDX-License-Identifier: Apache-2.0
// Migrations: numbered SQL files embedded in the binary, applied forward, once, each in a transaction of its
// own.
//
// A file begins with comment lines `-- min_sink: N` (the oldest sink generation that can serve the schema
// afterwards, compared with SINK_GENERATION) and a sentence on what it does. The table
// telemetry.schema_migrations holds number, name, SHA-256 of the text, min_sink and time. A text that changed
// after it was applied is an error. Each step runs under one advisory lock, so two migrators at once do the
// work once; one that is killed leaves whole steps.
#ifndef VOX_STORE_MIGRATE_H
#define VOX_STORE_MIGRATE_H

#include "lib/base/arena.h"
#include "server/store/db.h"

#define SINK_GENERATION 1

struct migration_state {
    int version;
    const char *name; // "init"
    const char *sql;  // embedded text
    bool applied;
    bool changed; // applied with another text
    int64_t applied_at;
};

// One row for each embedded migration, in order. An empty database is no error.
MUST_CHECK bool store_migrations(struct db *db, struct arena *arena, struct migration_state **ret_rows,
                                 size_t *ret_count, struct err *err);
// Applies what is missing; `applied` (may be NULL) is called after each commit.
MUST_CHECK bool store_migrate(struct db *db, void (*applied)(void *context, int version, const char *name),
                              void *context, struct err *err);
// Is this sink new enough for what the database was migrated to? An empty database asks for nothing.
MUST_CHECK bool store_generation_fits(struct db *db, struct err *err);
// Can this sink serve the database as it is? False with the sentence that says what to do.
MUST_CHECK bool store_schema_fits(struct db *db, struct err *err);

#endif
