// SPDX-License-Identifier: Apache-2.0
// The lines of a batch: cutting a stream into lines, and an envelope into its members.
//
// A line ends with LF or CR LF, the last one also with the body. line_next() takes bytes from the front of
// the input and says when a line is whole; a line beyond LIMIT_BATCH_LINE is passed over and reported as too
// long, so that no more than that is ever held. An envelope is {"id":…,"at":…,"contract":…,"event":{…}}, in
// any order, `event` required, the others absent, null, or strings without escapes; any other member, and one
// that is there twice, is refused. What stands in `event` is left to the event's own door.
//
// Threads: one at a time for a splitter.
#ifndef VOX_WIRE_BATCH_LINE_H
#define VOX_WIRE_BATCH_LINE_H

#include "lib/wire/limits.h"
#include "lib/wire/problem.h"

// An event, and the envelope's own members.
#define LIMIT_BATCH_LINE (LIMIT_EVENT_BYTES + 4096)

enum line_found { LINE_NONE, LINE_WHOLE, LINE_TOO_LONG };

struct line_splitter {
    struct buf carry; // of a line whose end is still to come
    bool taken;       // `carry` was given out
    bool too_long;
};

void line_splitter_init(struct line_splitter *splitter);
void line_splitter_release(struct line_splitter *splitter);
// LINE_NONE: the input is used up. `*ret_line` points into the input or the splitter, until the next call; it
// is without its LF. `overloaded` (no memory) is told by `*ret_failed`.
MUST_CHECK enum line_found line_next(struct line_splitter *splitter, struct str *input, struct str *ret_line,
                                     bool *ret_failed);
// At the end of the input: what stands behind the last LF.
MUST_CHECK enum line_found line_last(struct line_splitter *splitter, struct str *ret_line);

struct batch_line {
    struct str id; // absent where not given; as the next two
    struct str at;
    struct str contract;
    struct str event; // its JSON text as sent
};

// PROBLEM_NONE or batch_line_malformed. Views into `line`.
MUST_CHECK enum problem batch_line_parse(struct str line, struct batch_line *ret_line);

#endif
