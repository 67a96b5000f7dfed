// SPDX-License-Identifier: Apache-2.0
// Who gives way at the limit: a plain model and the real one, side by side over random histories.
#include "check_main.h"

#include "server/http/crowd.h"

#define MANY      40
#define ADDRESSES 6

struct member {
    struct crowd_place place;
    bool in;
    uint64_t address;
    uint64_t waits_since; // 0: it is served
};

static struct member members[MANY];

static unsigned total_of(uint64_t address)
{
    unsigned total = 0;
    for (size_t i = 0; i < MANY; i++)
        total += members[i].in && members[i].address == address;
    return total;
}

static struct member *oldest_of(uint64_t address)
{
    struct member *oldest = NULL;
    for (size_t i = 0; i < MANY; i++)
        if (members[i].in && members[i].address == address && members[i].waits_since &&
            (!oldest || members[i].waits_since < oldest->waits_since))
            oldest = &members[i];
    return oldest;
}

// The rule of crowd.h, said anew. Of addresses that hold equally many any may give way.
static void check_victim(struct crowd *crowd, uint64_t newcomer)
{
    unsigned most = 0;
    for (uint64_t address = 0; address < ADDRESSES; address++)
        if (oldest_of(address))
            most = MAX(most, total_of(address));
    const struct crowd_place *victim = crowd_victim(crowd, newcomer);
    ck_assert_int_eq(crowd_has_waiting(crowd), most > 0);
    if (!victim) {
        ck_assert(most == 0 || (total_of(newcomer) >= most && !oldest_of(newcomer)));
        return;
    }
    const struct member *member = (const struct member *)victim; // its first member
    ck_assert(member->in && member->waits_since);
    ck_assert_ptr_eq(oldest_of(member->address), member);
    ck_assert_uint_eq(total_of(member->address), most);
    ck_assert(member->address == newcomer || total_of(newcomer) < most);
}

START_TEST(http_crowd__keeps_its_rule)
{
    struct crowd crowd;
    uint64_t now = 0, random = 88172645463325252ULL;
    ck_assert(crowd_init(&crowd, MANY));
    for (int step = 0; step < 30000; step++) {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        struct member *member = &members[(random >> 8) % MANY];
        // Most of them of two addresses.
        uint64_t address = (random >> 20) % 3 ? (random >> 30) % 2 : (random >> 30) % ADDRESSES;
        now++;
        if (!member->in) {
            ck_assert(crowd_enter(&crowd, &member->place, address));
            member->in = true;
            member->address = address;
            member->waits_since = now;
        } else if ((random >> 40) % 4 == 0) {
            crowd_leave(&crowd, &member->place);
            member->in = false;
        } else if ((random >> 40) % 4 == 1) {
            crowd_wait(&crowd, &member->place);
            member->waits_since = now;
        } else {
            crowd_serve(&crowd, &member->place);
            member->waits_since = 0;
        }
        check_victim(&crowd, (random >> 50) % ADDRESSES);
    }
    for (size_t i = 0; i < MANY; i++)
        if (members[i].in)
            crowd_leave(&crowd, &members[i].place);
    ck_assert(!crowd_has_waiting(&crowd));
    ck_assert_ptr_null(crowd_victim(&crowd, 0));
    crowd_release(&crowd);
}
END_TEST

// Numbers that fall into one slot of the table stay apart.
START_TEST(http_crowd__tells_addresses_apart)
{
    struct crowd crowd;
    struct crowd_place places[4] = {0};
    ck_assert(crowd_init(&crowd, 4));
    for (uint64_t i = 0; i < 3; i++)
        ck_assert(crowd_enter(&crowd, &places[i], i << 32));
    ck_assert(crowd_enter(&crowd, &places[3], 1ULL << 32));
    ck_assert_ptr_eq(crowd_victim(&crowd, 9), &places[1]);
    crowd_leave(&crowd, &places[0]);
    crowd_leave(&crowd, &places[1]);
    crowd_leave(&crowd, &places[2]);
    ck_assert_ptr_eq(crowd_victim(&crowd, 9), &places[3]);
    crowd_leave(&crowd, &places[3]);
    crowd_release(&crowd);
}
END_TEST

CHECK_MAIN("http_crowd", http_crowd__keeps_its_rule, http_crowd__tells_addresses_apart)
