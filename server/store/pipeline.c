// SPDX-License-Identifier: Apache-2.0
// libpq's pipeline mode as store_commit() uses it.
#include "server/store/pipeline.h"
#include "server/store/statements.h"

void pipeline_clear(PGresult **results, size_t count)
{
    for (size_t i = 0; i < count; i++)
        PQclear(results[i]);
}

bool pipeline_take(struct db *db, size_t begin, size_t end, int64_t deadline, PGresult **results,
                   struct err *err)
{
    for (size_t i = begin; i < end; i++) {
        PGresult *nothing = NULL;
        if (!pg_next(db, deadline, &results[i], err))
            return false;
        if (!results[i] || !pg_next(db, deadline, &nothing, err) || nothing) {
            PQclear(nothing);
            return pg_lose(db, err, "the database's answers are out of step");
        }
    }
    return true;
}

bool pipeline_take_sync(struct db *db, int64_t deadline, struct err *err)
{
    PGresult *result;
    if (!pg_next(db, deadline, &result, err))
        return false;
    bool in_step = PQresultStatus(result) == PGRES_PIPELINE_SYNC;
    PQclear(result);
    if (in_step && (db->sent.count || PQexitPipelineMode(db->conn)))
        return true;
    return pg_lose(db, err, "the database's answers are out of step");
}

bool pipeline_prepare(struct db *db, int64_t deadline, PGresult **ret_failed, struct err *err)
{
    PGresult *results[STEP_COUNT] = {NULL};
    int sent = PQenterPipelineMode(db->conn);
    for (size_t i = 0; i < STEP_COUNT && sent; i++)
        sent = PQsendPrepare(db->conn, store_statements[i].name, store_statements[i].sql, 0, NULL);
    if (!sent || !PQpipelineSync(db->conn))
        return pg_lose(db, err, "the connection to the database was lost");
    if (!pipeline_take(db, 0, STEP_COUNT, deadline, results, err) || !pipeline_take_sync(db, deadline, err)) {
        pipeline_clear(results, STEP_COUNT);
        return false;
    }
    db->prepared = true;
    for (size_t i = 0; i < STEP_COUNT; i++) {
        if (!pg_is_ok(results[i]) && db->prepared) {
            db->prepared = false;
            *ret_failed = results[i];
            results[i] = NULL;
        }
    }
    pipeline_clear(results, STEP_COUNT);
    if (db->prepared)
        return true;
    // Those before the one that failed are there; the next try makes all of them again.
    if (pg_run(db, "DEALLOCATE ALL", NULL, deadline, NULL, err))
        return true;
    PQclear(*ret_failed);
    db->lost = true;
    return false;
}

int pipeline_send(struct db *db, int step, const struct pg_params *params)
{
    static const struct pg_params none;
    const struct pg_params *p = params ? params : &none;
    return PQsendQueryPrepared(db->conn, store_statements[step].name, p->count, p->values, p->lengths,
                               p->formats, 1);
}
