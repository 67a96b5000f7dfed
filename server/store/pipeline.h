// SPDX-License-Identifier: Apache-2.0
// The steps of store_commit(), sent one behind the other without waiting, for server/store only.
//
// PQenterPipelineMode(), pipeline_send() for each step, PQpipelineSync(); then pipeline_take() for their
// results, in any portions, and pipeline_take_sync(). More may be sent before all is read. What returns bool
// returns false with the connection lost.
#ifndef VOX_STORE_PIPELINE_H
#define VOX_STORE_PIPELINE_H

#include "server/store/pg.h"

// Makes the statements of statements.h. A statement that the server refuses is true too: `db->prepared` stays
// false and `ret_failed` is its result.
MUST_CHECK bool pipeline_prepare(struct db *db, int64_t deadline, PGresult **ret_failed, struct err *err);
// STEP_…; `params` NULL: none. 0 where it cannot be sent.
MUST_CHECK int pipeline_send(struct db *db, int step, const struct pg_params *params);
// The results of the commands sent, `begin` to before `end`, into the same places of `results`.
MUST_CHECK bool pipeline_take(struct db *db, size_t begin, size_t end, int64_t deadline, PGresult **results,
                              struct err *err);
// The Sync's result. Leaves pipeline mode where nothing was sent behind it.
MUST_CHECK bool pipeline_take_sync(struct db *db, int64_t deadline, struct err *err);
void pipeline_clear(PGresult **results, size_t count);

#endif
