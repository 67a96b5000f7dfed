// SPDX-License-Identifier: Apache-2.0
// Reads: receipts and stored events of one project.
#ifndef VOX_STORE_QUERY_H
#define VOX_STORE_QUERY_H

#include "lib/wire/receipt.h"
#include "server/store/db.h"

enum query_result { QUERY_OK, QUERY_NONE, QUERY_FAILED }; // FAILED: the database's trouble, `err` is set

// The receipt of an event within the dedup window. Quarantined and erased ones count as none. Strings of the
// receipt go into `arena`.
MUST_CHECK enum query_result store_receipt(struct db *db, int32_t project_id, const struct uuid *event_id,
                                           int64_t deadline, struct arena *arena, struct receipt *ret_receipt,
                                           struct err *err);

struct events_query {
    int32_t project_id;
    int32_t contract_id;     // 0: all
    int64_t since, until;    // wall microseconds, received_at in [since, until)
    struct str session_id;   // absent: all
    const int32_t *left_out; // contracts whose events are not meant, where contract_id is 0
    size_t left_out_count;
    unsigned limit;  // 1..LIMIT_QUERY_ROWS
    bool has_cursor; // start behind this row
    int64_t cursor_received_at;
    struct uuid cursor_id;
};

// One row of the answer; strings are valid during the callback only.
struct stored_event {
    struct uuid event_id;
    struct str contract;
    int16_t class_;
    int64_t received_at;
    bool has_occurred_at;
    int64_t occurred_at;
    struct str client, session_id, trace_id, repository_id; // absent where null
    uint8_t sha256[SHA256_LEN];
    struct str payload; // jsonb's text
};

// Rows in order of (received_at, event_id), through the project-filtered view; `row` returns false to stop
// early (the page is full). Takes no longer than 2 s, so that no partition waits to be dropped. QUERY_OK also
// with no rows. `*ret_now` is the database's clock at the start.
MUST_CHECK enum query_result store_query_events(struct db *db, const struct events_query *query,
                                                int64_t deadline,
                                                bool (*row)(void *context, const struct stored_event *event),
                                                void *context, int64_t *ret_now, struct err *err);

#endif
