// SPDX-License-Identifier: Apache-2.0
// What the files of the upload share; nobody else includes it.
//
// Steps that answer bool: true is "go on", false is "the run has ended" (result.end is set then).
#ifndef VOX_CLIENT_UPLOAD_PARTS_H
#define VOX_CLIENT_UPLOAD_PARTS_H

#include "client/upload.h"

// Entries in a row without an answer of a sink, after which no further event is shown to whoever answers.
#define STALLED_MAX 3
// Entries read ahead of single posts, so that one sync of the journal does for many.
#define GROUP_SINGLE 64
#define BATCH_EVENTS 1000 // at first

// upload.c
bool end_run(struct upload *u, enum upload_end end, const char *advice);
bool local_failure(struct upload *u);
bool interrupted(struct upload *u);
void note(struct upload *u, const char *name, const char *what, const struct answer *answer);
void progress(struct upload *u);
// Lets transfers under way move on while something else is done.
void upload_pump(struct upload *u);

// upload_load.c: fills an empty flight; it stays empty where there is nothing left.
bool upload_load(struct upload *u, struct flight *flight);

// upload_send.c
// The flight's next request goes out, or its time is set.
bool upload_send(struct upload *u, struct flight *flight);
// Asks the sink for the receipt of an entry that may be there already. `*ret_known`: it is, and has been
// settled.
bool upload_ask_receipt(struct upload *u, const struct spool_entry *entry, bool *ret_known);

// upload_answer.c
// A piece of a batch's answer.
bool upload_on_body(struct http_call *call, struct str bytes);
bool upload_answered(struct upload *u, struct flight *flight);
// An answer that came when the run had ended already: for the log only.
void upload_overheard(struct upload *u, struct flight *flight);

// upload_settle.c: what was said of an entry, by whom.
struct said {
    const char *url;
    int status;
    struct str receipt; // JSON: of a delivered entry
    struct str answer;  // JSON: of a rejected one, as it came
};
// Any verdict but ANSWER_WAIT.
bool upload_settle(struct upload *u, const struct spool_entry *entry, const struct answer *answer,
                   const struct said *said);
// Writes the log of what was acknowledged, then deletes it.
bool upload_delete(struct upload *u);
bool upload_flush_log(struct upload *u);
// Into the log what went out in the flight and is not settled at the end of the run. False with the reason in
// the result if it cannot.
bool upload_log_unsettled(struct upload *u, const struct flight *flight);
bool upload_stalled(struct upload *u, const struct spool_entry *entry, const struct said *said,
                    const char *label);
bool upload_keep(struct upload *u, const char *name, const char *label, const struct answer *answer);
bool upload_stopped(struct upload *u, int status, const char *location, const struct answer *answer);

#endif
