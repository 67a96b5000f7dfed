// SPDX-License-Identifier: Apache-2.0
// A table of addresses, and lists of them by how many connections each has.
#include "server/http/crowd.h"

#include "lib/base/err.h"

struct crowd_address {
    uint64_t number;
    unsigned total;
    struct crowd_place *oldest, *newest; // of those that wait
    struct crowd_address *table_next;
    struct crowd_address *rank_next, *rank_prev; // while somebody waits
};

bool crowd_init(struct crowd *crowd, unsigned many)
{
    unsigned size = 16;
    while (size < many)
        size *= 2;
    *crowd = (struct crowd){.mask = size - 1, .many = many};
    crowd->table = calloc(size, sizeof(struct crowd_address *));
    crowd->ranks = calloc((size_t)many + 1, sizeof(struct crowd_address *));
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
    struct crowd_address **head = &crowd->ranks[address->total];
    if (!address->oldest)
        return;
    address->rank_prev = NULL;
    address->rank_next = *head;
    if (*head)
        (*head)->rank_prev = address;
    *head = address;
    crowd->top = MAX(crowd->top, address->total);
}

static void rank_out(struct crowd *crowd, struct crowd_address *address)
{
    if (!address->oldest)
        return;
    if (address->rank_next)
        address->rank_next->rank_prev = address->rank_prev;
    if (address->rank_prev)
        address->rank_prev->rank_next = address->rank_next;
    else
        crowd->ranks[address->total] = address->rank_next;
}

static void append(struct crowd_address *address, struct crowd_place *place)
{
    place->next = NULL;
    place->prev = address->newest;
    if (address->newest)
        address->newest->next = place;
    else
        address->oldest = place;
    address->newest = place;
    place->waits = true;
}

static void unlink_place(struct crowd_address *address, struct crowd_place *place)
{
    if (place->next)
        place->next->prev = place->prev;
    else
        address->newest = place->prev;
    if (place->prev)
        place->prev->next = place->next;
    else
        address->oldest = place->next;
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
        *slot = address;
    }
    rank_out(crowd, address);
    BUG_ON(++address->total > crowd->many);
    *place = (struct crowd_place){.address = address};
    append(address, place);
    rank_in(crowd, address);
    return true;
}

void crowd_leave(struct crowd *crowd, struct crowd_place *place)
{
    struct crowd_address *address = place->address;
    rank_out(crowd, address);
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
    rank_out(crowd, address);
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
    rank_out(crowd, address);
    unlink_place(address, place);
    rank_in(crowd, address);
}

bool crowd_has_waiting(struct crowd *crowd)
{
    while (crowd->top > 0 && !crowd->ranks[crowd->top])
        crowd->top--;
    return crowd->top > 0;
}

struct crowd_place *crowd_victim(struct crowd *crowd, uint64_t newcomer)
{
    if (!crowd_has_waiting(crowd))
        return NULL;
    const struct crowd_address *heaviest = crowd->ranks[crowd->top];
    const struct crowd_address *own = *slot_of(crowd, newcomer);
    unsigned own_total = own ? own->total : 0;
    // An address with nobody to spare may not take from those that have less.
    if (own != heaviest && own_total >= heaviest->total)
        return own && own->oldest ? own->oldest : NULL;
    return heaviest->oldest;
}
