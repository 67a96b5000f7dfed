// SPDX-License-Identifier: Apache-2.0
// Patterns without backtracking: a deterministic automaton over UTF-8 bytes (private to lib/schema).
//
// jsv_linear_build() makes one of most patterns: no backreferences, word boundaries or Unicode properties,
// look-aheads only behind a "^" at the beginning, and not too many states. A search then reads each byte at
// most once. The pattern is one that PCRE2 and regex_translate.c have accepted, the subject is UTF-8.
// Immutable, any thread.
#ifndef VOX_SCHEMA_LINEAR_H
#define VOX_SCHEMA_LINEAR_H

#include "lib/base/str.h"

#define LINEAR_NODES  20000   // of the nondeterministic automaton
#define LINEAR_STATES 4096    // of the deterministic one
#define LINEAR_WORK   3000000 // nodes looked at while building one

#define LINEAR_FIRST  1u // bits of `looped`: the bytes that begin a pair,
#define LINEAR_SECOND 2u // those that end one,
#define LINEAR_LOOPS  6u // and those that stay in a state, for so many sets

typedef unsigned char bytes16 __attribute__((vector_size(16)));

struct jsv_linear {
    uint32_t *next; // by state + class of the byte; states are multiples of `classes`
    uint8_t *ends;  // by state: a match if the subject ends here
    uint8_t *loops; // by state: the bit in `looped` of the bytes that stay in it, 0 if they are few
    uint32_t start;
    uint32_t classes; // 0: no automaton
    uint8_t class_of[256];
    uint8_t looped[256];
    // Most of a subject is passed in a state that only two bytes next to each other lead out of: `home` and,
    // behind a first byte of such a pair, `after`. 0: there is no such state.
    uint32_t home, after;
    bytes16 first[2], second[2];
    // The many patterns like "^[0-9a-f]{64}$": so many bytes of one set, and no automaton to step through.
    bool run;
    bool in_run[256];
    size_t least, most;
};

#define LINEAR_DEAD 0 // no match any more; the state `classes` is a match whatever follows

// False when memory is out. A pattern that does not fit leaves `classes` 0. Takes what it looked at off
// `*work` and gives up when that, or LINEAR_WORK, is used up.
MUST_CHECK bool jsv_linear_build(struct str pattern, size_t *work, struct jsv_linear *linear);
void jsv_linear_release(struct jsv_linear *linear);

// Whether the pattern matches somewhere in the subject.
bool jsv_linear_search(const struct jsv_linear *linear, struct str subject);
// What makes a search faster; the automaton is made.
void jsv_linear_hasten(struct jsv_linear *linear, uint32_t states);

// What linear_parse.c hands to linear.c.
enum node_kind {
    NODE_PASS,  // to out, and to other if that is not NODE_NONE
    NODE_BYTES, // one byte of low..high, then out
    NODE_BEGIN, // only where the subject begins
    NODE_END,   // only where it ends
    NODE_MATCH
};

#define NODE_NONE    UINT32_MAX
#define LINEAR_PARTS 8

struct node {
    uint8_t kind;
    uint8_t part;
    uint8_t low, high;
    uint32_t out, other;
};

struct nodes {
    struct node *at; // LINEAR_NODES
    uint32_t count;
    // A pattern is the look-aheads that it begins with, each a part of its own, and the rest, part 0. All
    // must match where the subject begins, but those of `never` must not.
    uint32_t start[LINEAR_PARTS];
    unsigned parts;
    unsigned never;
};

// False if the pattern has something that an automaton cannot do, or is too large.
MUST_CHECK bool jsv_linear_parse(struct str pattern, struct nodes *nodes);

#endif
