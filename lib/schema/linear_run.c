// SPDX-License-Identifier: Apache-2.0
// Searching by an automaton. A step for each byte waits for the one before, five cycles or more; so most
// bytes are passed without a step: where many of them stay in a state, and where only a pair leads out.
#include "lib/schema/keys.h"
#include "lib/schema/linear.h"

#include <string.h>

#define LOOP_STATES 64 // looked at
#define LOOP_BYTES  8  // that a loop is worth it for

static bool run_holds(const struct jsv_linear *linear, const uint8_t *at, size_t len)
{
    const bool *in = linear->in_run;
    bool all = len >= linear->least && len <= linear->most;
    for (; all && len >= 8; at += 8, len -= 8)
        all = in[at[0]] & in[at[1]] & in[at[2]] & in[at[3]] & in[at[4]] & in[at[5]] & in[at[6]] & in[at[7]];
    for (; all && len; len--)
        all = in[*at++];
    return all;
}

// The first byte that leaves a loop.
HOT_INLINE const uint8_t *loop_end(const struct jsv_linear *linear, unsigned loop, const uint8_t *at,
                                   const uint8_t *end)
{
    const uint8_t *in = linear->looped;
    while (end - at >= 8 && (in[at[0]] & in[at[1]] & in[at[2]] & in[at[3]] & in[at[4]] & in[at[5]] &
                             in[at[6]] & in[at[7]] & loop))
        at += 8;
    while (at < end && in[*at] & loop)
        at++;
    return at;
}

// Twice eight bytes.
HOT_INLINE bytes16 load_two(const uint8_t *a, const uint8_t *b)
{
    uint64_t words[2] = {jsv_load64((const char *)a), jsv_load64((const char *)b)};
    bytes16 bytes;
    memcpy(&bytes, words, sizeof(bytes));
    return bytes;
}

// Whether a pair begins in one of the eight bytes from `a` on, or from `b` on.
HOT_INLINE bool has_pair(const struct jsv_linear *linear, const uint8_t *a, const uint8_t *b)
{
    bytes16 here = load_two(a, b), next = load_two(a + 1, b + 1);
    bytes16 pairs = (bytes16)((here == linear->first[0]) | (here == linear->first[1])) &
                    (bytes16)((next == linear->second[0]) | (next == linear->second[1]));
    uint64_t words[2];
    memcpy(words, &pairs, sizeof(pairs));
    return words[0] | words[1];
}

// The first pair; `end` if there is none.
HOT_INLINE const uint8_t *find_pair(const struct jsv_linear *linear, const uint8_t *at, const uint8_t *end)
{
    for (; end - at >= 17 && !has_pair(linear, at, at + 8); at += 16)
        ;
    if (end - at >= 9 && end - at < 17 && !has_pair(linear, at, end - 9))
        return end;
    for (; end - at >= 2; at++)
        if (linear->looped[at[0]] & LINEAR_FIRST && linear->looped[at[1]] & LINEAR_SECOND)
            return at;
    return end;
}

bool jsv_linear_search(const struct jsv_linear *linear, struct str subject)
{
    const uint8_t *at = (const uint8_t *)(subject.ptr ? subject.ptr : ""), *end = at + subject.len;
    uint32_t state = linear->start;
    if (linear->run)
        return run_holds(linear, at, subject.len);
    while (at < end && state > linear->classes) {
        if (state == linear->home) {
            at = find_pair(linear, at, end);
            if (at == end) {
                state = linear->looped[end[-1]] & LINEAR_FIRST ? linear->after : state;
                break;
            }
            at++;
            state = linear->after;
        } else if (linear->loops[state]) {
            at = loop_end(linear, linear->loops[state], at, end);
            if (at == end)
                break;
        }
        state = linear->next[state + linear->class_of[*at++]];
    }
    return state > linear->classes ? linear->ends[state] : state != LINEAR_DEAD;
}

static uint32_t step(const struct jsv_linear *linear, uint32_t state, unsigned with)
{
    return linear->next[state + linear->class_of[with]];
}

// Up to two bytes that do not lead from a state to `to`; false if there are none, or more.
static bool find_exits(const struct jsv_linear *linear, uint32_t state, uint32_t to,
                       uint8_t ret_exits[static 2])
{
    unsigned count = 0;
    for (unsigned i = 0; i < 256; i++) {
        if (step(linear, state, i) == to)
            continue;
        if (count == 2)
            return false;
        ret_exits[count++] = (uint8_t)i;
    }
    if (count == 1)
        ret_exits[1] = ret_exits[0];
    return count;
}

// Whether `home` is a state that only a pair leads out of.
static bool find_pairs(struct jsv_linear *linear, uint32_t home)
{
    uint8_t first[2], second[2];
    unsigned count = 0;
    if (!find_exits(linear, home, home, first))
        return false;
    uint32_t after = step(linear, home, first[0]);
    if (after <= linear->classes || after == home || step(linear, home, first[1]) != after)
        return false;
    for (unsigned i = 0; i < 256; i++) {
        uint32_t to = step(linear, after, i), stays = i == first[0] || i == first[1] ? after : home;
        if (to == stays)
            continue;
        if (count == 2)
            return false;
        second[count++] = (uint8_t)i;
    }
    if (!count)
        return false;
    second[1] = second[count - 1];
    linear->home = home;
    linear->after = after;
    for (unsigned i = 0; i < 2; i++) {
        linear->looped[first[i]] |= LINEAR_FIRST;
        linear->looped[second[i]] |= LINEAR_SECOND;
        memset(&linear->first[i], first[i], sizeof(linear->first[i]));
        memset(&linear->second[i], second[i], sizeof(linear->second[i]));
    }
    return true;
}

// The bit of the bytes that stay in a state, of those given away or, if there is one left, a new one.
static uint8_t find_loop(struct jsv_linear *linear, uint32_t state, unsigned *given)
{
    unsigned count = 0, fits = ((1u << *given) - 1) << 2;
    for (unsigned i = 0; i < 256; i++) {
        bool stays = step(linear, state, i) == state;
        count += stays;
        fits &= stays ? linear->looped[i] : ~(unsigned)linear->looped[i];
    }
    if (count < LOOP_BYTES || fits || *given == LINEAR_LOOPS)
        return (uint8_t)(count < LOOP_BYTES ? 0 : fits);
    uint8_t bit = (uint8_t)(4u << (*given)++);
    for (unsigned i = 0; i < 256; i++)
        linear->looped[i] |= step(linear, state, i) == state ? bit : 0;
    return bit;
}

void jsv_linear_hasten(struct jsv_linear *linear, uint32_t states)
{
    unsigned given = 0;
    for (uint32_t i = 2; i < MIN(states, LOOP_STATES) && !linear->run; i++) {
        uint32_t state = i * linear->classes;
        if (linear->home || !find_pairs(linear, state))
            linear->loops[state] = find_loop(linear, state, &given);
    }
}
