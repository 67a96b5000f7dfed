// SPDX-License-Identifier: Apache-2.0
// The upload: each pending entry in order of name, one after the other, until none is left or it must stop.
//
// Fill the inputs of `struct upload` (the spool locked by the caller), call upload_run() once, read the
// results. An entry is deleted only when the sink's answer names it (lib/spool/answer.h); everything else
// leaves it in pending/, bad/ or rejected/. It stops early for configuration, for a sink that cannot be
// reached or stays busy, for a local disk that fails, and when the stop flag is set:
//
//     entry -> read -> post -> verdict -> deleted | rejected/ | kept -> next entry
//                        ^        |
//                        +- wait -+  (bounded)
#ifndef VOX_CLIENT_UPLOAD_H
#define VOX_CLIENT_UPLOAD_H

#include "client/keeper.h"
#include "client/transport.h"
#include "lib/base/clock.h"
#include "lib/spool/answer.h"
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
    UPLOAD_INTERRUPTED,
    UPLOAD_FAILED // this machine's disk or memory
};

struct upload_result {
    enum upload_end end;
    uint64_t sent;       // delivered, duplicates not counted
    uint64_t duplicates; // delivered: the sink had them
    uint64_t bad;
    uint64_t skipped;
    uint64_t bytes;        // of delivered bodies, and in a dry run of all
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
    // Dry run: what would be sent.
    void (*request)(void *context, const struct http_request *request, const struct spool_entry *entry);
    void *context;
};

struct upload {
    struct spool *spool;
    const struct transport *transport;
    const struct clock *clock;
    const struct upload_sight *sight;
    const char *url;
    bool loopback;
    struct str token; // may be empty
    const char *user_agent;
    const struct signing_key *key; // NULL: requests are not signed
    bool dry_run;                  // nothing is sent and nothing in the spool is changed
    int64_t not_before_us;         // older entries are held (client/consent.h); INT64_MIN: none
    struct keeper *keeper;         // may be NULL: what a sink does not take yet is offered each time
    struct sent_log *sent;         // may be NULL: no log is kept
    const volatile sig_atomic_t *stop;

    struct upload_result result;
    struct spool_reader reader;
    struct json_doc answer_doc;
    struct http_reply reply;
    unsigned stalled; // entries in a row that got no answer of a sink
};

void upload_run(struct upload *upload);
void tally_add(struct tally *tally, const char *label);

#endif
