// SPDX-License-Identifier: Apache-2.0
// A TAT (gcra.h) for each of any number of addresses, in a fixed amount of memory, with no address in it.
//
// A key is a keyed hash that whoever calls makes. A key has its place in one set of eight; where the set is
// full, a newcomer takes over the place with the earliest TAT together with that TAT, if it still lies ahead.
// So nobody is forgiven by being pushed out: the earliest time of a set never goes back, and a busy key,
// whose TAT is late, goes last. A flood of ever new addresses shares what the table lets through in all.
#ifndef VOX_GATE_ADDRESS_TABLE_H
#define VOX_GATE_ADDRESS_TABLE_H

#include "server/gate/gcra.h"

#define ADDRESS_TABLE_WAYS 8
#define ADDRESS_TABLE_SETS 8192 // 1 MiB in all

struct address_table {
    struct address_slot {
        uint64_t key;
        int64_t tat;
    } slots[ADDRESS_TABLE_SETS][ADDRESS_TABLE_WAYS];
};

// gcra_take() for the key. What is refused, or only asked (`n` 0), changes nothing.
struct gcra_verdict address_table_take(struct address_table *table, uint64_t key,
                                       const struct gcra_rate *rate, int64_t n, int64_t now_ns,
                                       int64_t patience_ns, int64_t patient_many);

#endif
