// SPDX-License-Identifier: Apache-2.0
// Sets of Unicode characters, and their UTF-8 as byte ranges (private to lib/schema).
#ifndef VOX_SCHEMA_LINEAR_SET_H
#define VOX_SCHEMA_LINEAR_SET_H

#include "lib/base/str.h"

#define SET_RANGES 128

struct set {
    struct {
        uint32_t low, high;
    } ranges[SET_RANGES];
    unsigned count;
    bool failed; // did not fit
};

void set_add(struct set *set, uint32_t low, uint32_t high);
// The set that ECMA-262 means by an escape's letter (d D w W s S), or 'L': the ends of lines.
void set_add_named(struct set *set, char name);
void set_negate(struct set *set);
bool set_is_all(struct set *set);
// Calls `each` with the byte ranges of sequences of equal length that together are the set; no surrogates.
void set_each_utf8(struct set *set,
                   void (*each)(void *arg, const uint8_t *low, const uint8_t *high, unsigned count),
                   void *arg);

#endif
