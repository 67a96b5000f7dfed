// SPDX-License-Identifier: Apache-2.0
// One event on its way to the database: plain data, handed from stage to stage.
//
// api/ingest fills it from the request, the gate and the judge; the writer owns it from writer_submit() until
// it calls `done`; the store reads the upper half and fills the lower. The strings belong to the request,
// which outlives it.
#ifndef VOX_CORE_EVENT_H
#define VOX_CORE_EVENT_H

#include "lib/base/str.h"
#include "lib/base/uuid.h"
#include "lib/wire/event_text.h"

// How the database finds the day on which the row must be gone (docs/OPERATIONS.md, retention).
enum expiry_kind {
    EXPIRY_DAYS, // received day + expiry_days
    EXPIRY_DATE, // the event's own date, expiry_date (days since 1970-01-01)
    EXPIRY_NEVER // the infinity partition
};

enum event_outcome {
    EVENT_PENDING,
    EVENT_STORED,    // committed by this request
    EVENT_DUPLICATE, // the same content was committed before
    EVENT_REFUSED    // `problem` says why; nothing of it is stored by this request
};

// What a try to commit a batch came to. The store decides it by SQLSTATE (store/sqlstate.h).
enum commit_result {
    COMMIT_DONE,      // every event has its outcome
    COMMIT_DATA,      // PostgreSQL refused some row: split to find it
    COMMIT_LOCKED,    // some key is locked elsewhere: split, the one alone gets 503
    COMMIT_TRANSIENT, // nothing committed; the connection is good; try again
    COMMIT_LOST       // the connection is gone or not to be trusted; whether it committed is unknown
};

// Why an event goes into quarantine instead, and what is known of it there.
struct event_quarantine {
    enum problem code; // schema_invalid, unknown_contract; PROBLEM_NONE: it is stored
    char contract[80]; // "model-call.v1", recognised or named by the client; empty: none
    char pointer[128]; // of the first error; empty: none
};

struct event {
    struct uuid id;
    int32_t project_id;
    int32_t contract_id; // the database's number for it
    int32_t token_id;
    int16_t class_;
    enum expiry_kind expiry_kind;
    int32_t expiry_days;
    int32_t expiry_date;
    bool has_occurred_at;
    int64_t occurred_at; // wall microseconds
    struct str client;   // absent where unknown, as the next three
    struct str session_id;
    struct str trace_id;
    struct str repository_id;
    uint8_t sha256[SHA256_LEN];
    struct str text;                    // minified JSON
    bool counted;                       // the token has a daily quota, which a stored event uses up
    struct event_quarantine quarantine; // with a code contract_id may be 0
    enum problem unless_known;          // set: nothing is stored; a duplicate, or refused with this
    bool of_batch;                      // it waits with others of its kind, not before those posted alone

    // Filled by the store.
    enum event_outcome outcome;
    enum problem problem;       // REFUSED
    int64_t received_at;        // STORED, DUPLICATE: wall microseconds of the database's clock
    bool quarantined;           // STORED, DUPLICATE: in quarantine, not among the events
    int32_t stored_contract_id; // DUPLICATE: the contract of the first; STORED: contract_id

    // The writer's: in its queue since, answer due by (monotonic microseconds), and the way back.
    int64_t queued_at;
    int64_t deadline;
    struct event *next;
    void (*done)(struct event *event); // called once, from a writer thread; the event is the caller's again
};

// How a commit gets the batch after its own, so that the database need not wait for it when it is done.
struct commit_next {
    // Gives the events to commit next, 0 for none. Asked first, where it pays, when the batch's rows are
    // stored and only its COMMIT is awaited, then, if that gave none, when it has `committed`.
    size_t (*take)(void *context, bool committed, struct event ***ret_events);
    void *context;
};

#endif
