// SPDX-License-Identifier: Apache-2.0
// What the sink refuses with: one code per reason, and its RFC 9457 text.
//
// `enum problem` is how a failure of the client's data travels through the sink: returned, never logged on
// the way. PROBLEM_NONE (0) is success. problem_write() makes the application/problem+json body.
#ifndef VOX_WIRE_PROBLEM_H
#define VOX_WIRE_PROBLEM_H

#include "lib/base/buf.h"

enum problem {
    PROBLEM_NONE,
#define PROBLEM(code, status, retry, action, title, detail) PROBLEM_##code,
#include "lib/wire/problem.def"
#undef PROBLEM
    PROBLEM_COUNT
};

enum problem_retry { RETRY_NEVER, RETRY_AFTER, RETRY_NOW };

// What the uploader does with the spool entry that got this answer.
enum problem_action {
    ACTION_REJECT, // to rejected/, go on
    ACTION_KEEP,   // keep, go on
    ACTION_STOP,   // keep all, stop: configuration
    ACTION_WAIT    // keep, wait, retry
};

struct problem_info {
    const char *code;
    int status;
    enum problem_retry retry;
    enum problem_action action;
    const char *title;
    const char *detail;
};

// Rows of the table; BUG() for PROBLEM_NONE and values out of range.
const struct problem_info *problem_info(enum problem problem);
// PROBLEM_NONE if the code is not ours.
enum problem problem_from_code(struct str code);

// One place in the event that is wrong. All text is the schema's or ours, never the payload's.
struct problem_error {
    struct str pointer; // JSON Pointer (RFC 6901) into the event
    struct str keyword;
    struct str message;
};

// Appends the body. `detail` absent takes the table's; `instance` (the request id) may be absent.
void problem_write(struct buf *buf, enum problem problem, struct str detail, struct str instance,
                   const struct problem_error *errors, size_t count);

#endif
