// SPDX-License-Identifier: Apache-2.0
// What is in quarantine: listed, shown, and moved among the events once a contract takes it. On DB_OWNER.
#ifndef VOX_STORE_QUARANTINE_H
#define VOX_STORE_QUARANTINE_H

#include "lib/base/arena.h"
#include "server/core/event.h"
#include "server/store/db.h"

struct quarantine_row {
    struct uuid event_id;
    int32_t project_id;
    struct str project; // its name
    int16_t max_class;  // the project's
    int64_t received_at;
    struct str code;     // "schema_invalid"
    struct str contract; // as recognised or named by the client; absent: none
    struct str pointer;  // of the first error; absent: none
    struct str expires_on;
    int64_t bytes;
    struct str contracts; // that its token may send now, "model-call,tool-run.v2"; absent: all
    struct str body;      // store_quarantine_body() fills it
};

// Rows not expired, by time, at most `limit` behind `after` (NULL: from the first), without bodies, in
// `arena`. `project` absent: of all.
MUST_CHECK bool store_quarantine_list(struct db *db, struct str project, const struct quarantine_row *after,
                                      unsigned limit, struct arena *arena, struct quarantine_row **ret_rows,
                                      size_t *ret_count, struct err *err);
// Every row of this event id (one in each project at most), in `arena`.
MUST_CHECK bool store_quarantine_find(struct db *db, const struct uuid *id, struct arena *arena,
                                      struct quarantine_row **ret_rows, size_t *ret_count, struct err *err);
MUST_CHECK bool store_quarantine_body(struct db *db, struct quarantine_row *row, struct arena *arena,
                                      struct err *err);
// Out of quarantine and among the events, in one transaction: `event` says by which contract (its number),
// class, subjects and expiry, counted from the day of receipt. `*ret_moved` false: it is not there any more,
// or was erased. Its time of receipt, token and content hash stay.
MUST_CHECK bool store_quarantine_move(struct db *db, const struct quarantine_row *row,
                                      const struct event *event, bool *ret_moved, struct err *err);
// The database's number of a contract; 0 if it has none of that name.
MUST_CHECK bool store_quarantine_contract(struct db *db, struct str name, int32_t *ret_id, struct err *err);

#endif
