// SPDX-License-Identifier: Apache-2.0
// Recognition: from a body to its family, by the rules of all contracts at once.
//
// Variants are found by a hash of the single member's name, whatever their number; bare bodies by asking the
// bare rules one after the other, those with most members first.
#ifndef VOX_CONTRACTS_RECOGNISE_H
#define VOX_CONTRACTS_RECOGNISE_H

#include "lib/contracts/contracts.h"
#include "lib/contracts/index.h"

struct recogniser_entry {
    const struct rule *rule;
    size_t contract; // the newest of its family
    size_t place;    // in the index
};

struct recogniser {
    struct recogniser_entry *entries; // by precedence; variants of one name stand together
    size_t count;
    size_t bare_from; // the first entry that has no variant
    uint16_t *slots;  // open addressing, by the variant's name: 1 + its first entry; 0 is free
    size_t slot_mask;
};

// `index` has its final order; its rules live as long as the recogniser.
MUST_CHECK bool recogniser_init(struct recogniser *recogniser, const struct index *index, struct arena *arena,
                                struct err *err);
// Index of the newest contract of the family, or SIZE_MAX.
size_t recogniser_find(const struct recogniser *recogniser, const struct json *event);

#endif
