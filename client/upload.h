// SPDX-License-Identifier: Apache-2.0
// The upload: the pending entries in order of name, until none is left or it must stop.
//
// Fill the inputs of `struct upload` (the spool locked by the caller), call upload_run() once, read the
// results. An entry is deleted only when the sink's answer names it (lib/spool/answer.h); everything else
// leaves it in pending/, bad/ or rejected/. It stops early for configuration, for a sink that cannot be
// reached or stays busy, for a local disk that fails, and when the stop flag is set.
//
//     names ──► groups (client/flight.h) ──► requests ──► verdicts ──► deleted | rejected/ | kept
//
// Deleting goes on behind it (client/sweep.h) and is done when upload_run() returns.
//
// The first request is a single post. If its answer links to a batch endpoint the rest goes in batches, up to
// `concurrency` requests at a time, their sizes by what the sink takes and how fast; else in single posts, as
// any sink of the vox-v1 profile takes them. Before a group is sent its names are in the journal of attempts
// on disk; an entry that was offered longer ago than the sink remembers ids is sent only if the sink has no
// receipt for it.
//
// Files: upload.c the run, upload_load.c from names to groups, upload_send.c requests, upload_answer.c what
// their answers mean, upload_settle.c what a verdict does to its entry.
#ifndef VOX_CLIENT_UPLOAD_H
#define VOX_CLIENT_UPLOAD_H

#include "client/flight.h"
#include "client/keeper.h"
#include "client/pace.h"
#include "client/settings.h"
#include "client/sweep.h"
#include "client/transport.h"
#include "lib/base/clock.h"
#include "lib/spool/answer.h"
#include "lib/spool/attempts.h"
#include "lib/spool/sent.h"
#include "lib/spool/spool.h"

// Counts by reason; the labels are static strings.
#define TALLY_ROWS 64
struct tally {
    uint64_t total;
    size_t count;
    struct {
        const char *label;
        uint64_t count;
    } rows[TALLY_ROWS];
};

enum upload_end {
    UPLOAD_DONE,        // every entry was looked at
    UPLOAD_STOPPED,     // configuration; `why` says what, `advice` what to do
    UPLOAD_UNREACHABLE, // no answer, or busy for too long
    UPLOAD_OUT_OF_TIME, // max_us
    UPLOAD_INTERRUPTED,
    UPLOAD_FAILED // this machine's disk or memory
};

struct upload_result {
    enum upload_end end;
    uint64_t sent;       // delivered, duplicates not counted
    uint64_t duplicates; // delivered: the sink had them
    uint64_t bad;
    uint64_t skipped;
    uint64_t bytes;        // of delivered events, and in a dry run of all
    uint64_t requests;     // that got an answer
    struct tally rejected; // by problem code
    struct tally kept;     // looked at and kept, by code or reason
    struct err why;        // a sentence, unless DONE
    const char *detail_of; // "The sink says", "Reason"
    char detail[256];      // what was said to it; may be empty
    const char *advice;    // static; may be NULL
    char location[256];    // where a redirect pointed, for the advice; may be empty
};

// What a person or a log sees while it runs; any function may be NULL.
struct upload_sight {
    // Something about one entry that is worth a line: `what` is a clause; `answer` is what the sink said, or
    // NULL.
    void (*note)(void *context, const char *name, const char *what, const struct answer *answer);
    void (*progress)(void *context, const struct upload_result *result);
    void (*waiting)(void *context, int64_t us, const char *label);
    // Dry run: each request as it would go out, of the entries that `asked` of the flight names. After the
    // first they are batches, of the size with which an upload begins: no sink is asked whether it has any.
    void (*request)(void *context, const struct flight *flight);
    void *context;
};

#define TO_DELETE_MAX 64

struct upload {
    struct spool *spool;
    const struct transport *transport;
    const struct clock *clock;
    const struct upload_sight *sight;
    const char *url;
    bool loopback;
    struct str token; // may be empty
    const char *user_agent;
    const struct signing_key *key;   // NULL: requests are not signed
    bool dry_run;                    // nothing is sent and nothing in the spool is changed
    int64_t not_before_us;           // older entries are held (client/consent.h); INT64_MIN: none
    struct keeper *keeper;           // may be NULL: what a sink does not take yet is offered each time
    struct sent_log *sent;           // may be NULL: no log is kept
    struct spool_attempts *attempts; // may be NULL: no journal is kept
    unsigned concurrency;            // requests at a time, up to HTTP_CALLS_MAX; 0: one
    unsigned sweepers;               // threads that delete, up to SWEEP_THREADS_MAX; 0: none
    uint64_t max_events;             // 0: no limit
    int64_t max_us;                  // 0: no limit
    const volatile sig_atomic_t *stop;

    // The run's own.
    struct upload_result result;
    struct spool_reader reader;
    struct json_doc answer_doc;
    struct spool_iter *iter;
    struct flight *flights;
    size_t flight_count, flying;
    struct sweep *sweep;
    const struct spool_entry *to_delete[TO_DELETE_MAX]; // acknowledged, and in the log's memory
    size_t to_delete_count;
    bool gathering; // more of them will come at once
    struct pace pace;
    char batch_url[URL_MAX_BYTES];
    bool learned;    // whether there are batches
    bool batches;    // and they are used
    bool compressed; // with compressed bodies
    bool proven;     // a sink has answered
    bool exhausted;  // no more names
    bool again;      // the pass for entries that no sink answered for last time
    bool any_refused;
    bool ended;
    size_t batch_events, batch_bytes;
    uint64_t taken;
    int64_t deadline_us;  // monotonic
    int64_t known_before; // entries first offered before are asked for by receipt
    unsigned stalled;     // entries in a row that got no answer of a sink
};

void upload_run(struct upload *upload);
void tally_add(struct tally *tally, const char *label);

#endif
