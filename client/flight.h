// SPDX-License-Identifier: Apache-2.0
// A group of entries on its way: loaded together, sent in one request or several, until each is settled.
//
//     EMPTY ──load──► READY ──request──► FLYING ──all settled──► EMPTY
//                       ▲                  │
//                       └── some are not ──┘   (again now, or after a wait, in smaller requests)
//
// A request is a single post of the first entry that is not settled, or a batch of up to `span` of them.
// Memory: the texts of the entries, as lines of a batch, and the body of the request under way.
#ifndef VOX_CLIENT_FLIGHT_H
#define VOX_CLIENT_FLIGHT_H

#include "client/request.h"
#include "client/transport.h"
#include "lib/spool/spool.h"
#include "lib/wire/batch_line.h"

// Of the texts of one group; a single entry may be longer.
#define FLIGHT_BYTES ((size_t)4 * 1024 * 1024)

enum flight_state {
    FLIGHT_EMPTY, // no entries
    FLIGHT_READY, // a request may go out when due_us has come
    FLIGHT_FLYING // a request is under way
};

struct upload;

struct flight_entry {
    struct spool_entry entry; // name and text point into the flight
    size_t name_at, line_at, line_len, text_at;
    bool settled;
    bool went;        // it was in a request that went out, at least in part
    const char *told; // why it was not taken, by the answer to the last one of these; NULL: nothing heard
    int told_status;
};

struct flight {
    enum flight_state state;
    struct upload *upload;
    struct buf names, lines;
    struct flight_entry *entries;
    size_t count, cap, first; // all before `first` are settled
    size_t left;              // not settled
    size_t span;              // entries in one request, at most
    bool single;              // no batches for this group any more
    bool plain;               // nor compressed ones: the sink found one of one event too large

    int64_t due_us;  // monotonic
    int64_t wait_us; // that was the wait when it was set; 0: none
    bool paced;      // the wait was for the sink's limit on requests
    unsigned tries;
    int64_t waited_us;

    // The request under way.
    bool landed; // its answer is here, and has not been looked at as a whole
    bool batch;
    size_t *asked; // entries by line; of a single post the one
    size_t asked_count;
    size_t left_before;
    bool gone;         // it went out, at least in part
    bool told_to_wait; // by a line's verdict
    const char *wait_label;
    const char *stop_label; // of the answer that ended the run; NULL: none
    int64_t began_us;
    struct buf body;
    struct line_splitter splitter;
    struct event_request request;
    struct http_call call;
};

void flight_init(struct flight *flight, struct upload *upload);
void flight_release(struct flight *flight);
void flight_clear(struct flight *flight); // to EMPTY
// Copies the entry, its text included. False when memory is out.
MUST_CHECK bool flight_add(struct flight *flight, const struct spool_entry *entry);
// The entry's line in a batch; where its text begins in `lines` is answered.
size_t flight_put_line(struct buf *lines, const struct spool_entry *entry);
// READY; the entries' views are valid from here on.
void flight_close(struct flight *flight);
void flight_set_state(struct flight *flight, enum flight_state state);
void flight_settle(struct flight *flight, struct flight_entry *entry);
// What the last request asked for went out: what was told before is of the past. Once for each request.
void flight_set_gone(struct flight *flight);
// Its answer as a whole was this: nothing is taken. `label` is static.
void flight_set_told(struct flight *flight, const char *label, int status);
// The first entry that is not settled; there is one.
struct flight_entry *flight_first(struct flight *flight);
// Fills `asked` with that one.
void flight_ask_first(struct flight *flight);
// Fills `body` and `asked` with up to `span` lines of up to `bytes` together. False when memory is out.
MUST_CHECK bool flight_make_body(struct flight *flight, size_t bytes, bool compressed);
// Of the entries asked for, in order: the same for the same request, whenever it is made.
struct uuid flight_batch_id(const struct flight *flight);

#endif
