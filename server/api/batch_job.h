// SPDX-License-Identifier: Apache-2.0
// A batch under way, for the files of POST /v1/batch only.
//
//   body ─► decoder ─► splitter ─► judge ─► writer ─► verdict ─► answer
//           batch_take.c ───────────────►           batch_give.c, batch_verdict.c
//
// Lines are taken while the window is open: so many lines and bytes may be between the judge and the answer.
// Verdicts are given in the order of the lines, each when its line has settled: at once where it was refused,
// or when the writer is done with it. batch.c drives both ends by what the HTTP server asks for.
//
// The loop's thread owns all of it, but for what the lock guards; batch_line_done() is called on writer and
// reader threads. A job outlives its request if lines are still with the writer: the last one frees it then.
#ifndef VOX_API_BATCH_JOB_H
#define VOX_API_BATCH_JOB_H

#include "lib/wire/batch_line.h"
#include "lib/wire/coding.h"
#include "server/api/admit.h"
#include "server/api/auth.h"
#include "server/api/batch_verdict.h"
#include "server/api/candidate.h"
#include "server/api/ingest.h"
#include "server/api/sign.h"

#include <pthread.h>
#include <stdatomic.h>

// Between the judge and the answer, of one batch: enough for two transactions, so that one is filled while
// the other commits.
#define BATCH_WINDOW_LINES 2048
#define BATCH_WINDOW_BYTES (4 * 1024 * 1024)
// Lines judged before others get their turn on the loop.
#define BATCH_TURN_LINES 64
#define BATCH_CHUNK      (64 * 1024)
// Of verdicts written out: a piece of the answer, and the longest that may end it.
#define BATCH_ANSWER_BYTES (2 * BATCH_CHUNK)
// Of all verdicts that wait for their body's end or for a slow reader, of all batches. The batches of one
// token stay below it, whatever ids they have; where it is reached, the line that would be next hears of it,
// and no more are taken: waiting could last for ever, as only the body's end lets verdicts go.
#define BATCH_VERDICT_BYTES (96 * 1024 * 1024)
// What a line may need of it before it is known.
#define BATCH_VERDICT_LINE 512
// Of schema errors in one answer; problems beyond it have their code only.
#define BATCH_ERROR_BYTES (1024 * 1024)
// Of all bodies that are kept whole: nothing of a signed one may be stored before its signature is checked.
#define BATCH_KEPT_BYTES (128 * 1024 * 1024)
// Of all decoders, a zstd window most of it; and where a token has other batches, so that one token does not
// take it all. Who asks for more hears of it when it has been taken, and it is let go again.
#define BATCH_DECODER_BYTES  (128 * 1024 * 1024)
#define BATCH_DECODER_OF_ONE (96 * 1024 * 1024)

struct batch_job;

struct batch_entry {
    struct batch_entry *next; // in the order of the lines
    struct batch_job *job;
    uint64_t number; // of the line, from 1
    const struct contract *contract;
    _Atomic bool settled;
    bool has_id;
    struct str foreign_id; // the client's, where it is no UUID
    struct str first;      // a duplicate's contract, where this sink does not serve it
    struct str problem;    // the problem's JSON, where it was refused before the writer
    struct event event;
    char room[]; // texts
};

// A debt to the rate below this is not waited for by itself.
#define BATCH_PACE_US (10 * USEC_PER_MSEC)

// All that has come; the window is closed; others should have their turn; not before job->due_at.
enum batch_take { TAKE_ALL, TAKE_FULL, TAKE_TIRED, TAKE_PACED };

struct batch_job {
    struct auth auth;
    struct api *api;
    struct arena arena;               // texts that outlive the request
    int64_t due_at;                   // no line is taken before: the rate is used up
    struct request_identity identity; // what the request says for all of its lines
    struct str batch_id;              // a UUID in its canonical text, or the client's own; absent: none
    bool enveloped;
    struct batch_job **place; // of api->batches, once it is let in
    bool stranger;            // the token is not known yet
    struct sign sign;
    bool kept; // the whole body first: of a stranger, or signed
    size_t kept_bytes;

    struct decoder *decoder; // NULL once nothing more is taken
    size_t decoder_bytes;    // of api->batch_decoders
    struct buf input;        // of the body, not decoded yet
    size_t input_at;
    uint64_t received;
    struct line_splitter splitter;
    char *chunk;
    struct str lines; // of the chunk, not split yet
    uint64_t number;
    unsigned count;       // lines that are not blank
    bool ended;           // the body is here
    bool finished;        // all of it is judged
    bool answered;        // the answer's head is out: no refusal of the whole any more
    bool renewed;         // the token was looked at again in this turn
    enum problem refusal; // of the whole: no line went to the writer
    int64_t retry_us;     // for its Retry-After; 0: the usual

    struct batch_entry *head, *tail; // no verdict given
    struct batch_entry *held;        // the writer had no room for it
    size_t entries, bytes;
    unsigned submitted;
    size_t error_bytes;
    struct verdicts verdicts;
    size_t verdict_bytes; // of api->batch_verdicts
    struct buf answer;    // of the verdicts, what is written out and not taken yet
    size_t answer_at;
    bool broken; // no memory for a verdict: the answer ends early
    struct reader_job lookup;
    struct arena lookup_arena;
    struct batch_entry *looked_up;

    pthread_mutex_t lock;         // guards the rest
    struct http_request *request; // NULL once it ended
    size_t under_way;             // with the writer or a reader
    bool waiting;                 // parked until a line settles
};

// batch_take.c: judges what has come, as far as the window is open.
enum batch_take batch_take(struct batch_job *job);
// Between two lines: nothing more is taken. While no line is with the writer the whole request is refused;
// otherwise the line that would be next says it.
void batch_stop(struct batch_job *job, enum problem problem);
// Nothing more is taken, and the decoder goes; again is fine.
void batch_end_taking(struct batch_job *job);

// batch.c: the decoder has read. False if it takes more than before, and more than there is for it.
bool batch_decoder_fits(struct batch_job *job);

// batch_give.c: makes verdicts of what has settled, in order.
void batch_give(struct batch_job *job);
// Writes the next verdict that waits into job->answer; false: none does.
bool batch_answer_next(struct batch_job *job);
void batch_entry_refused(struct batch_entry *entry, enum problem problem, const struct candidate *candidate);
struct batch_entry *batch_entry_new(struct batch_job *job, size_t room);
// On any thread: the entry has settled.
void batch_entry_done(struct batch_entry *entry);
void batch_entry_count(const struct batch_entry *entry); // into the metrics
// For http_request_set_context().
void batch_job_release(void *job);
// True if the caller must http_park(): somebody will wake it.
bool batch_wait(struct batch_job *job);

#endif
