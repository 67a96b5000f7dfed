// SPDX-License-Identifier: Apache-2.0
// store_distribute(): Citus plans a statement when it runs it, so that running it over no rows is the trial.
#include "server/store/citus.h"
#include "server/store/pg.h"
#include "server/store/statements.h"

#define DISTRIBUTE_SQL                                                              \
    "SELECT create_distributed_table(t.name, 'event_id') FROM (VALUES"              \
    " (1, 'telemetry.event_keys'::regclass), (2, 'telemetry.events')) t (n, name)"  \
    " WHERE NOT EXISTS (SELECT FROM pg_dist_partition WHERE logicalrelid = t.name)" \
    " ORDER BY t.n"

static bool is_present(struct db *db, bool *ret_present, struct err *err)
{
    const struct pg_params none = {0};
    PGresult *result;
    if (!pg_run(db, "SELECT EXISTS (SELECT FROM pg_extension WHERE extname = 'citus')", &none, DB_NO_DEADLINE,
                &result, err))
        return false;
    *ret_present = pg_bool(result, 0, 0);
    PQclear(result);
    return true;
}

// Every statement of the writer's but BEGIN and COMMIT.
static bool try_statements(struct db *db, struct err *err)
{
    for (size_t step = 0; step < STEP_COUNT; step++) {
        struct pg_params params = {0};
        if (step == STEP_BEGIN || step == STEP_COMMIT)
            continue;
        for (unsigned i = 0; i < store_statements[step].arrays; i++)
            pg_param_text(&params, STR("{}"));
        if (!pg_run(db, store_statements[step].sql, &params, DB_NO_DEADLINE, NULL, err))
            return false;
    }
    return true;
}

static enum citus_result distribute(struct db *db, struct err *err)
{
    if (!pg_run(db, DISTRIBUTE_SQL, NULL, DB_NO_DEADLINE, NULL, err))
        return CITUS_FAILED;
    if (!try_statements(db, err))
        return db->lost ? CITUS_FAILED : CITUS_REFUSED;
    return pg_commit(db, DB_NO_DEADLINE, err) ? CITUS_DONE : CITUS_FAILED;
}

enum citus_result store_distribute(struct db *db, struct err *err)
{
    bool present;
    if (!is_present(db, &present, err))
        return CITUS_FAILED;
    if (!present)
        return CITUS_ABSENT;
    if (!pg_begin(db, DB_NO_DEADLINE, err))
        return CITUS_FAILED;
    enum citus_result result = distribute(db, err);
    if (result != CITUS_DONE)
        pg_rollback(db, DB_NO_DEADLINE);
    return result;
}
