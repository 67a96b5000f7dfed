// SPDX-License-Identifier: Apache-2.0
// Patterns without backtracking: a deterministic automaton over UTF-8 bytes (private to lib/schema).
//
// jsv_linear_build() makes one of most patterns: no backreferences, lookarounds, word boundaries or Unicode
// properties, and not too many states. A search then reads each byte at most once. The pattern is one that
// PCRE2 and regex_translate.c have accepted. Immutable, any thread.
#ifndef VOX_SCHEMA_LINEAR_H
#define VOX_SCHEMA_LINEAR_H

#include "lib/schema/keys.h" // HOT_INLINE

#define LINEAR_NODES  20000   // of the nondeterministic automaton
#define LINEAR_STATES 4096    // of the deterministic one
#define LINEAR_WORK   3000000 // nodes looked at while building one

struct jsv_linear {
    uint32_t *next; // by state + class of the byte; states are multiples of `classes`
    uint8_t *ends;  // by state: a match if the subject ends here
    uint32_t start;
    uint32_t classes; // 0: no automaton
    uint8_t class_of[256];
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

HOT_INLINE bool jsv_linear_run(const struct jsv_linear *linear, const unsigned char *at, size_t len)
{
    const bool *in = linear->in_run;
    bool all = len >= linear->least && len <= linear->most;
    for (; all && len >= 8; at += 8, len -= 8)
        all = in[at[0]] & in[at[1]] & in[at[2]] & in[at[3]] & in[at[4]] & in[at[5]] & in[at[6]] & in[at[7]];
    for (; all && len; len--)
        all = in[*at++];
    return all;
}

HOT_INLINE bool jsv_linear_search(const struct jsv_linear *linear, struct str subject)
{
    const unsigned char *at = (const unsigned char *)(subject.ptr ? subject.ptr : ""),
                        *end = at + subject.len;
    uint32_t state = linear->start;
    if (linear->run)
        return jsv_linear_run(linear, at, subject.len);
    while (at < end && state > linear->classes)
        state = linear->next[state + linear->class_of[*at++]];
    return state > linear->classes ? linear->ends[state] : state != LINEAR_DEAD;
}

// What linear_parse.c hands to linear.c.
enum node_kind {
    NODE_PASS,  // to out, and to other if that is not NODE_NONE
    NODE_BYTES, // one byte of low..high, then out
    NODE_BEGIN, // only where the subject begins
    NODE_END,   // only where it ends
    NODE_MATCH
};

#define NODE_NONE UINT32_MAX

struct node {
    uint8_t kind;
    uint8_t low, high;
    uint32_t out, other;
};

struct nodes {
    struct node *at; // LINEAR_NODES
    uint32_t count;
    uint32_t start;
};

// False if the pattern has something that an automaton cannot do, or is too large.
MUST_CHECK bool jsv_linear_parse(struct str pattern, struct nodes *nodes);

#endif
