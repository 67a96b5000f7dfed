// SPDX-License-Identifier: Apache-2.0
// A batch of events as PostgreSQL's binary array parameters, for server/store only.
//
// One array a column, an element an event, in the order of the pointers given. The parameters point into
// `buf`, which must live until they are sent.
#ifndef VOX_STORE_ROWS_H
#define VOX_STORE_ROWS_H

#include "server/core/event.h"
#include "server/store/pg.h"

// $1 project_id int4[], $2 event_id uuid[]
MUST_CHECK bool rows_put_keys(struct buf *buf, struct event *const *events, size_t count,
                              struct pg_params *params);
// $1 kind int2[], $2 days int4[], $3 day date[], $4 "events" or "quarantine" text[]
MUST_CHECK bool rows_put_expiry(struct buf *buf, struct event *const *events, size_t count,
                                struct pg_params *params);
// The parameters of the statement that stores: keys, then expiry, then contract_id int4[], token_id int4[],
// class int2[], occurred_at timestamptz[], client, session_id, trace_id, repository_id text[], sha256
// bytea[], payload text[] (an array of jsonb would be made whole before the first row is stored);
// ROWS_COUNTED adds the bytes that count in a quota int4[], null where none does; ROWS_MIXED that and code,
// contract, pointer text[] and body bytea[] of those that go into quarantine: code is null for the others,
// payload for these.
enum rows_kind { ROWS_PLAIN, ROWS_COUNTED, ROWS_MIXED };
MUST_CHECK bool rows_put_events(struct buf *buf, struct event *const *events, size_t count,
                                enum rows_kind kind, struct pg_params *params);

#endif
