// SPDX-License-Identifier: Apache-2.0
// The verdicts of a batch between the line's end and the answer, first in, first out.
//
// No answer goes out before the whole body is there, so all verdicts of a body may have to wait: as about
// 80 bytes and their texts each, of which verdicts_write() makes the answer's line when it is to go out.
// Threads: one at a time. Zeroed is empty; verdicts_release() at the end.
#ifndef VOX_API_BATCH_VERDICT_H
#define VOX_API_BATCH_VERDICT_H

#include "lib/base/uuid.h"
#include "lib/wire/event_text.h"
#include "lib/wire/problem.h"

struct contract;
struct verdict_block;

struct verdicts {
    struct verdict_block *first, *last;
};

// The texts are copied, at most 64 KiB each; the contract must outlive it.
struct verdict {
    uint32_t line;
    bool has_id;
    struct uuid id;
    struct str foreign_id;           // the client's, where it is no UUID
    enum problem problem;            // PROBLEM_NONE: stored, or a duplicate
    struct str problem_text;         // its JSON; absent: made from the table
    const struct contract *contract; // NULL: unknown here
    struct str contract_text;        // instead of it
    int64_t received_at;
    const uint8_t *sha256; // NULL where there is no receipt
    bool duplicate, quarantined;
};

// What it holds while it waits.
size_t verdict_size(const struct verdict *verdict);
// False: no memory.
MUST_CHECK bool verdicts_put(struct verdicts *verdicts, const struct verdict *verdict);
// Writes the first one's line and forgets it; says what it held. 0: there is none.
size_t verdicts_write(struct verdicts *verdicts, struct buf *out);
void verdicts_release(struct verdicts *verdicts);

#endif
