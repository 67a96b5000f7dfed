// SPDX-License-Identifier: Apache-2.0
// A table of addresses, and lists of them by how many connections each has.
#include "server/http/crowd.h"

#include "lib/base/err.h"

struct crowd_address {
    uint64_t number;
    unsigned total;
    TAILQ_HEAD(, crowd_place) waiting; // the oldest first
    struct crowd_address *table_next;
    LIST_ENTRY(crowd_address) rank; // while somebody waits
};

bool crowd_init(struct crowd *crowd, unsigned many)
{
    unsigned size = 16;
    while (size < many)
        size *= 2;
    *crowd = (struct crowd){.mask = size - 1, .many = many};
    crowd->table = calloc(size, sizeof(struct crowd_address *));
    crowd->ranks = calloc((size_t)many + 1, sizeof(struct crowd_rank));
    if (crowd->table && crowd->ranks)
        return true;
    crowd_release(crowd);
    return false;
}

void crowd_release(struct crowd *crowd)
{
    free(crowd->table);
    free(crowd->ranks);
    *crowd = (struct crowd){0};
}

static struct crowd_address **slot_of(struct crowd *crowd, uint64_t number)
{
    struct crowd_address **slot = &crowd->table[number & crowd->mask];
    while (*slot && (*slot)->number != number)
        slot = &(*slot)->table_next;
    return slot;
}

static void rank_in(struct crowd *crowd, struct crowd_address *address)
{
    if (TAILQ_EMPTY(&address->waiting))
        return;
    LIST_INSERT_HEAD(&crowd->ranks[address->total], address, rank);
    crowd->top = MAX(crowd->top, address->total);
}

static void rank_out(struct crowd_address *address)
{
    if (!TAILQ_EMPTY(&address->waiting))
        LIST_REMOVE(address, rank);
}

static void append(struct crowd_address *address, struct crowd_place *place)
{
    TAILQ_INSERT_TAIL(&address->waiting, place, link);
    place->waits = true;
}

static void unlink_place(struct crowd_address *address, struct crowd_place *place)
{
    TAILQ_REMOVE(&address->waiting, place, link);
    place->waits = false;
}

bool crowd_enter(struct crowd *crowd, struct crowd_place *place, uint64_t number)
{
    struct crowd_address **slot = slot_of(crowd, number), *address = *slot;
    if (!address) {
        address = calloc(1, sizeof(*address));
        if (!address)
            return false;
        address->number = number;
        TAILQ_INIT(&address->waiting);
        *slot = address;
    }
    rank_out(address);
    BUG_ON(++address->total > crowd->many);
    *place = (struct crowd_place){.address = address};
    append(address, place);
    rank_in(crowd, address);
    return true;
}

void crowd_leave(struct crowd *crowd, struct crowd_place *place)
{
    struct crowd_address *address = place->address;
    rank_out(address);
    if (place->waits)
        unlink_place(address, place);
    place->address = NULL;
    if (--address->total > 0) {
        rank_in(crowd, address);
        return;
    }
    *slot_of(crowd, address->number) = address->table_next;
    free(address);
}

void crowd_wait(struct crowd *crowd, struct crowd_place *place)
{
    struct crowd_address *address = place->address;
    rank_out(address);
    if (place->waits)
        unlink_place(address, place);
    append(address, place);
    rank_in(crowd, address);
}

void crowd_serve(struct crowd *crowd, struct crowd_place *place)
{
    struct crowd_address *address = place->address;
    if (!place->waits)
        return;
    rank_out(address);
    unlink_place(address, place);
    rank_in(crowd, address);
}

bool crowd_has_waiting(struct crowd *crowd)
{
    while (crowd->top > 0 && LIST_EMPTY(&crowd->ranks[crowd->top]))
        crowd->top--;
    return crowd->top > 0;
}

struct crowd_place *crowd_victim(struct crowd *crowd, uint64_t newcomer)
{
    if (!crowd_has_waiting(crowd))
        return NULL;
    const struct crowd_address *heaviest = LIST_FIRST(&crowd->ranks[crowd->top]);
    const struct crowd_address *own = *slot_of(crowd, newcomer);
    unsigned own_total = own ? own->total : 0;
    // An address with nobody to spare may not take from those that have less.
    if (own != heaviest && own_total >= heaviest->total)
        return own ? TAILQ_FIRST(&own->waiting) : NULL;
    return TAILQ_FIRST(&heaviest->waiting);
}
