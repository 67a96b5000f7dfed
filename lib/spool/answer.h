// SPDX-License-Identifier: Apache-2.0
// What an answer to a posted event, or a batch's verdict on one of its lines, means for its spool entry: the
// table of docs/PROTOCOL.md as a function.
//
// Nothing but a complete 200, 201 or 202 with a JSON receipt that names the entry delivers it, and nothing
// but application/problem+json with a code of ours rejects it, so that a captive portal's page deletes
// nothing and a proxy's HTML 400 moves nothing. Pure: no I/O, no clock, no state.
#ifndef VOX_SPOOL_ANSWER_H
#define VOX_SPOOL_ANSWER_H

#include "lib/base/uuid.h"
#include "lib/wire/event_text.h"

// A body beyond this is not read further, and is not an answer of ours.
#define ANSWER_BODY_BYTES ((size_t)64 * 1024)

enum answer_verdict {
    ANSWER_DELIVERED, // durable there: delete the entry
    ANSWER_REJECTED,  // refused for good by a sink of ours: rejected/
    ANSWER_KEPT,      // a sink of ours does not take it now: keep, go on
    ANSWER_FOREIGN,   // not the answer of a sink: keep, go on, but not for long
    ANSWER_WAIT,      // busy: keep, wait, try again
    ANSWER_STOP       // configuration: keep everything and say so
};

struct answer {
    enum answer_verdict verdict;
    bool duplicate;    // of DELIVERED: it was there already
    bool ours;         // a problem with a code of the table said so
    const char *label; // static: the problem's code, or a word of ours such as "no_receipt"
    // What the sink says, in the document; each may be absent. The place is the first of a schema's errors.
    struct str detail;
    struct str pointer;
    struct str message;
};

struct answer_input {
    int status;
    struct str content_type; // the header's value; may be absent
    struct str body;
    bool complete; // the whole body arrived
    const struct uuid *id;
    const uint8_t *sha256; // SHA256_LEN bytes
};

// A batch's verdict on one line: {"line":1,"id":"…","status":201,"receipt":{…}} or "problem" in its place.
// Texts point into the tree.
struct answer answer_decide_line(const struct json *line, const struct uuid *id, const uint8_t *sha256);

// `doc` holds the parsed body until its next use.
struct answer answer_decide(const struct answer_input *input, struct json_doc *doc);

#endif
