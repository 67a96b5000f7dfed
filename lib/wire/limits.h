// SPDX-License-Identifier: Apache-2.0
// Every ceiling that both ends of the wire rely on, in one list. docs/PROTOCOL.md quotes them.
#ifndef VOX_WIRE_LIMITS_H
#define VOX_WIRE_LIMITS_H

// One event, after content decoding.
#define LIMIT_EVENT_BYTES     (1024 * 1024)
#define LIMIT_JSON_DEPTH      64    // nested arrays and objects
#define LIMIT_JSON_NODES      20000 // values: objects, arrays, strings, numbers, literals; names do not count
#define LIMIT_NUMBER_DIGITS   32    // significant decimal digits
#define LIMIT_NUMBER_EXPONENT 308   // of the value in scientific notation, both ways
#define LIMIT_EXPANDED_DIGITS (64 * 1024) // what all numbers of an event print as, written without exponents

#define LIMIT_EMBEDDED_BYTES (256 * 1024) // a JSON text in a string of an event, without its escapes

#define LIMIT_EVENT_ID_TEXT      256 // a webhook-id
#define LIMIT_CLIENT_TEXT        64  // product/version of the User-Agent
#define LIMIT_SUBJECT_TEXT       512 // session_id, trace_id, repository_id as stored
#define LIMIT_TOKEN_TEXT         128
#define LIMIT_SIGNATURES         4 // read in one request
#define LIMIT_SIGNATURES_PUBLIC  2 // of them Ed25519: each is tried with each key over the whole body
#define LIMIT_SIGNATURE_SKEW_SEC 300

// A compressed body, once it has given LIMIT_INFLATE_FREE bytes, may give this many times what it is.
#define LIMIT_INFLATE_RATIO   200
#define LIMIT_INFLATE_FREE    (1024 * 1024)
#define LIMIT_ZSTD_WINDOW_LOG 23 // 8 MiB

#define LIMIT_BATCH_EVENTS 10000
#define LIMIT_BATCH_BYTES  (32 * 1024 * 1024)

#define LIMIT_QUERY_ROWS         1000 // of one admin query page
#define LIMIT_QUERY_ROWS_DEFAULT 100
#define LIMIT_QUERY_BYTES        (8 * 1024 * 1024) // a page ends early beyond it
#define LIMIT_ERRORS             16                // schema errors listed in one problem
// No event appears later than this after its received_at: a writer's statements, its COMMIT and a pause
// between them are each cut off by the server sooner (server/store/db.c). Whoever follows reads again from
// here.
#define LIMIT_COMMIT_LAG_SEC 30

#define LIMIT_QUARANTINE_DAYS 30 // what was quarantined is kept this long
#define LIMIT_USAGE_DAYS      35 // what a token stored on a day is known for this long

#define DEDUP_GENERATION_DAYS 90
#define DEDUP_GENERATIONS     3
#define DEDUP_WINDOW_DAYS     ((DEDUP_GENERATIONS - 1) * DEDUP_GENERATION_DAYS)

#endif
