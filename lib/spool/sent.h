// SPDX-License-Identifier: Apache-2.0
// sent.log: what has ever left this spool, one JSON object a line, in the order in which it was answered.
//
//     {"at":"…Z","url":"https://…","name":"….json","id":"…","bytes":404,"sha256":"…","status":201,
//      "outcome":"stored","receipt":{…}}
//     {…,"status":422,"outcome":"refused","code":"schema_invalid"}
//
// The uploader opens it (spool locked), appends a line for every acknowledged entry, flushes and commits
// *before* the entry is deleted. A crash in between sends the entry again, and the second line says
// "duplicate". What a sink did not take left the machine too and gets its line, without a receipt and without
// a sync of its own. Lines of before there were outcomes have none; sent_line_outcome() knows. The log holds
// no payload. Nothing but a person ever shortens it; remove the
// file to forget. A line that a crash cut short is left as it is; the next append begins a new one and
// readers skip it.
#ifndef VOX_SPOOL_SENT_H
#define VOX_SPOOL_SENT_H

#include "lib/spool/spool.h"

#define SENT_FILE       "sent.log"
#define SENT_LINE_BYTES (80 * 1024) // longer lines are none of ours

struct sent_log;
MUST_CHECK bool sent_log_open(struct spool *spool, struct sent_log **ret_log, struct err *err);
// NULL is fine. False if what was appended may not be on disk.
MUST_CHECK bool sent_log_close(struct sent_log *log, struct err *err);

enum sent_outcome {
    SENT_STORED,
    SENT_DUPLICATE,
    SENT_QUARANTINED,
    SENT_REFUSED,   // for good
    SENT_KEPT,      // not taken yet, or the answer was no sink's: it may be sent again
    SENT_UNANSWERED // it went out, as far as is known, and nothing was heard of it
};

struct sent_record {
    int64_t at_us; // wall, of the answer
    struct str url;
    int status; // 0: none
    enum sent_outcome outcome;
    const char *code;   // why REFUSED or KEPT; else NULL
    struct str receipt; // the JSON object that the sink answered; empty: none
    const struct spool_entry *entry;
};
// Gathers lines; flush writes what was gathered, and so does what no more fits. After a flush and without a
// sync a crash of the machine may lose the last lines, a crash of the process none. Sync and close flush.
MUST_CHECK bool sent_log_append(struct sent_log *log, const struct sent_record *record, struct err *err);
MUST_CHECK bool sent_log_flush(struct sent_log *log, struct err *err);
MUST_CHECK bool sent_log_sync(struct sent_log *log, struct err *err);
// Syncs what was flushed before the call; from any thread, while the owner appends.
MUST_CHECK bool sent_log_commit(const struct sent_log *log, struct err *err);

// ---- reading; needs no lock

struct sent_reader;
// A spool that has sent nothing reads as empty.
MUST_CHECK bool sent_reader_open(struct spool *spool, struct sent_reader **ret_reader, struct err *err);
void sent_reader_close(struct sent_reader *reader); // NULL is fine
// The next whole line, parsed, and its text; both live until the following call. NULL at the end.
MUST_CHECK bool sent_reader_next(struct sent_reader *reader, const struct json **ret_line,
                                 struct str *ret_text, struct err *err);
// "stored", "refused" …; of lines without one by their receipt.
struct str sent_line_outcome(const struct json *line);
uint64_t sent_reader_skipped(const struct sent_reader *reader); // lines that are not one of ours

#endif
