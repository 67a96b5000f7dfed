// SPDX-License-Identifier: Apache-2.0
// Who goes when there is no room: the connections of each address, and which of them have waited longest for
// their client.
//
// crowd_enter() with a connection's place; crowd_wait() whenever it begins to wait for its client anew (just
// accepted, or answered), crowd_serve() while the server works for it; crowd_leave(). crowd_victim() names
// the connection to close for a newcomer: of the address that holds the most connections, the one that has
// waited longest; never one that is being served, and none at all if the newcomer's own address would then
// hold more than the one that gives way. All in constant time. An address is a number that the caller makes
// (a keyed hash), so that none is kept. One thread.
#ifndef VOX_HTTP_CROWD_H
#define VOX_HTTP_CROWD_H

#include "lib/base/base.h"

#include <sys/queue.h>

struct crowd_address;

struct crowd_place {
    TAILQ_ENTRY(crowd_place) link; // of those that wait
    struct crowd_address *address; // NULL: not in the crowd
    bool waits;
};

LIST_HEAD(crowd_rank, crowd_address);

struct crowd {
    struct crowd_address **table; // by number
    struct crowd_rank *ranks;     // addresses with somebody who waits, by how many connections they have
    unsigned mask;                // of the table
    unsigned many;                // connections at most
    unsigned top;                 // no address of a rank above
};

// At most `many` places at once. False when memory is out.
MUST_CHECK bool crowd_init(struct crowd *crowd, unsigned many);
void crowd_release(struct crowd *crowd); // all have left
MUST_CHECK bool crowd_enter(struct crowd *crowd, struct crowd_place *place, uint64_t address);
void crowd_leave(struct crowd *crowd, struct crowd_place *place);
void crowd_wait(struct crowd *crowd, struct crowd_place *place);
void crowd_serve(struct crowd *crowd, struct crowd_place *place);
bool crowd_has_waiting(struct crowd *crowd); // anybody
struct crowd_place *crowd_victim(struct crowd *crowd, uint64_t newcomer);

#endif
