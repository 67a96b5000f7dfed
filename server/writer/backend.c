// SPDX-License-Identifier: Apache-2.0
// Adapts the store's connection to the writer's seam.
#include "server/writer/backend.h"

#include "server/store/events.h"
#include "server/store/migrate.h"

static void *backend_connect(void *context, int64_t deadline, struct err *err)
{
    struct db *db;
    if (!db_connect(context, DB_WRITER, deadline, &db, err))
        return NULL;
    db_limit(db, deadline);
    if (!store_schema_fits(db, err) || !store_prove(db, deadline, err)) {
        db_close(db);
        return NULL;
    }
    db_limit(db, INT64_MAX);
    return db;
}

static enum commit_result backend_commit(void *connection, struct event **events, size_t count,
                                         const struct commit_next *next, int64_t deadline, struct err *err)
{
    return store_commit(connection, events, count, next, deadline, err);
}

static bool backend_alive(void *connection)
{
    return db_is_good(connection);
}

static void backend_close(void *connection)
{
    db_close(connection);
}

struct writer_backend writer_backend_store(const char *url)
{
    return (struct writer_backend){backend_connect, backend_commit, backend_alive, backend_close,
                                   (void *)(uintptr_t)url};
}
