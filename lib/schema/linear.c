// SPDX-License-Identifier: Apache-2.0
// From a nondeterministic automaton to a deterministic one (subset construction).
#include "lib/schema/linear.h"

#include "lib/schema/vec.h"

#include <stdlib.h>
#include <string.h>

#define SLOTS (2 * LINEAR_STATES) // of the table that finds a set again
#define MATCH 1                   // the state that is a match

struct state {
    uint32_t first; // in `members`
    uint32_t count;
    uint32_t hash;
};

struct builder {
    struct nodes nodes;
    struct state *states; // LINEAR_STATES; the first two have no members
    uint32_t state_count;
    VEC(uint32_t) members; // nodes, sorted within a state
    VEC(uint32_t) next;
    uint32_t *slots; // state + 1
    // The set being made.
    uint32_t *set, *stack;
    uint32_t set_count;
    uint32_t *seen; // by node: the round in which it was met
    uint32_t round;
    unsigned matched; // parts
    size_t work, most;
    bool failed, no_memory;
    struct jsv_linear *linear;
};

// Adds a node and all that it reaches without a byte.
static void reach(struct builder *b, uint32_t node, bool begin, bool end)
{
    uint32_t depth = 0;
    b->stack[depth++] = node;
    while (depth) {
        uint32_t index = b->stack[--depth];
        const struct node *at = &b->nodes.at[index];
        if (b->seen[index] == b->round)
            continue;
        b->seen[index] = b->round;
        b->work++;
        switch ((enum node_kind)at->kind) {
        case NODE_MATCH:
            b->matched |= 1u << at->part;
            b->set[b->set_count++] = index;
            break;
        case NODE_BYTES:
            b->set[b->set_count++] = index;
            break;
        case NODE_END:
            if (end)
                b->stack[depth++] = at->out;
            else
                b->set[b->set_count++] = index;
            break;
        case NODE_BEGIN:
            if (begin)
                b->stack[depth++] = at->out;
            break;
        case NODE_PASS:
            if (at->other != NODE_NONE)
                b->stack[depth++] = at->other;
            if (at->out != NODE_NONE)
                b->stack[depth++] = at->out;
            break;
        }
    }
}

static void begin_set(struct builder *b)
{
    b->round++;
    b->set_count = 0;
    b->matched = 0;
}

// Parts that must match.
static unsigned wanted(const struct builder *b)
{
    return ((1u << b->nodes.parts) - 1) & ~b->nodes.never;
}

// What the set in hand decides: LINEAR_DEAD, MATCH, or neither. Of a part that has matched only that stays.
static bool is_decided(struct builder *b, uint32_t *ret_state)
{
    uint32_t kept = 0;
    unsigned open = 0; // parts
    for (uint32_t i = 0; i < b->set_count; i++) {
        const struct node *node = &b->nodes.at[b->set[i]];
        bool closed = b->matched >> node->part & 1;
        if (closed && node->kind != NODE_MATCH)
            continue;
        b->set[kept++] = b->set[i];
        open |= closed ? 0 : 1u << node->part;
    }
    b->set_count = kept;
    bool dead = (b->matched & b->nodes.never) || (wanted(b) & ~(b->matched | open));
    *ret_state = dead ? LINEAR_DEAD : MATCH;
    return dead || !(open | (wanted(b) & ~b->matched));
}

static int compare(const void *a, const void *b)
{
    uint32_t x, y;
    memcpy(&x, a, sizeof(x));
    memcpy(&y, b, sizeof(y));
    return (x > y) - (x < y);
}

// The state that is the set in hand.
static uint32_t find_state(struct builder *b)
{
    uint32_t decided;
    if (is_decided(b, &decided))
        return decided;
    qsort(b->set, b->set_count, sizeof(*b->set), compare);
    uint32_t hash = b->set_count;
    for (uint32_t i = 0; i < b->set_count; i++)
        hash = (hash ^ b->set[i]) * 0x9e3779b1u;
    uint32_t slot = hash >> 8 & (SLOTS - 1);
    for (; b->slots[slot]; slot = (slot + 1) & (SLOTS - 1)) {
        const struct state *state = &b->states[b->slots[slot] - 1];
        if (state->hash == hash && state->count == b->set_count &&
            !memcmp(b->members.at + state->first, b->set, b->set_count * sizeof(*b->set)))
            return b->slots[slot] - 1;
    }
    if (b->state_count == LINEAR_STATES || b->work > b->most) {
        b->failed = true;
        return LINEAR_DEAD;
    }
    b->slots[slot] = b->state_count + 1;
    b->states[b->state_count] = (struct state){b->members.count, b->set_count, hash};
    for (uint32_t i = 0; i < b->set_count; i++) {
        uint32_t *member = VEC_PUSH(&b->members);
        if (!member) {
            b->failed = b->no_memory = true;
            return LINEAR_DEAD;
        }
        *member = b->set[i];
    }
    return b->state_count++;
}

// Bytes that no node tells apart are one class.
static void find_classes(struct builder *b)
{
    bool cut[257] = {false};
    unsigned class = 0;
    for (uint32_t i = 0; i < b->nodes.count; i++) {
        if (b->nodes.at[i].kind == NODE_BYTES) {
            cut[b->nodes.at[i].low] = true;
            cut[b->nodes.at[i].high + 1] = true;
        }
    }
    for (unsigned byte = 0; byte < 256; byte++) {
        class += byte && cut[byte];
        b->linear->class_of[byte] = (uint8_t) class;
    }
    b->linear->classes = class + 1;
}

static void follow(struct builder *b, uint32_t state, uint8_t byte)
{
    begin_set(b);
    for (uint32_t i = 0; i < b->states[state].count; i++) {
        const struct node *node = &b->nodes.at[b->members.at[b->states[state].first + i]];
        b->work++;
        if (node->kind == NODE_BYTES && byte >= node->low && byte <= node->high)
            reach(b, node->out, false, false);
        else if (node->kind == NODE_MATCH)
            reach(b, b->members.at[b->states[state].first + i], false, false);
    }
    // A search: a match may begin at any byte, unless there are look-aheads, which want a "^".
    if (!b->matched && b->nodes.parts == 1)
        reach(b, b->nodes.start[0], false, false);
}

static bool ends(struct builder *b, uint32_t state, bool begin)
{
    begin_set(b);
    for (uint32_t i = 0; i < b->states[state].count; i++) {
        uint32_t member = b->members.at[b->states[state].first + i];
        uint8_t kind = b->nodes.at[member].kind;
        if (kind == NODE_END || kind == NODE_MATCH)
            reach(b, member, begin, true);
    }
    return !(wanted(b) & ~b->matched) && !(b->matched & b->nodes.never);
}

static void build_states(struct builder *b)
{
    uint32_t classes = b->linear->classes;
    uint8_t byte_of[256];
    for (unsigned byte = 256; byte--;)
        byte_of[b->linear->class_of[byte]] = (uint8_t)byte;
    begin_set(b);
    b->state_count = 2;
    for (unsigned part = 0; part < b->nodes.parts; part++)
        reach(b, b->nodes.start[part], true, false);
    b->linear->start = find_state(b);
    for (uint32_t state = 0; state < b->state_count && !b->failed; state++) {
        for (uint32_t class = 0; class < classes && !b->failed; class ++) {
            uint32_t to = state, *next;
            b->failed = b->work > b->most;
            if (state > MATCH && !b->failed) {
                follow(b, state, byte_of[class]);
                to = find_state(b);
            }
            next = VEC_PUSH(&b->next);
            if (next)
                *next = to * classes;
            else
                b->failed = b->no_memory = true;
        }
    }
}

// Where all bytes but those of one set lead to LINEAR_DEAD, in every state, and the states are a chain.
static void find_run(struct jsv_linear *linear)
{
    uint32_t classes = linear->classes, state = linear->start;
    size_t length = 0;
    bool good[256] = {false}, ended = false;
    linear->most = SIZE_MAX;
    for (uint32_t class = 0; class < classes; class ++)
        good[class] = linear->next[state + class] != LINEAR_DEAD;
    for (; state != LINEAR_DEAD && linear->most == SIZE_MAX; length++) {
        uint32_t to = LINEAR_DEAD, wanted = 0, found = 0;
        for (uint32_t class = 0; class < classes; class ++) {
            uint32_t next = linear->next[state + class];
            wanted += good[class];
            found += next != LINEAR_DEAD;
            if (next != LINEAR_DEAD && (!good[class] || (to != LINEAR_DEAD && to != next) || next == classes))
                return;
            to = next != LINEAR_DEAD ? next : to;
        }
        bool ends = linear->ends[state];
        if (state <= classes || length > LINEAR_STATES || (found && found != wanted) || (ended && !ends))
            return;
        if (ends && !ended)
            linear->least = length;
        ended = ended || ends;
        if (to == LINEAR_DEAD)
            linear->most = length;
        if (to == state)
            break;
        state = to;
    }
    if (!ended)
        return;
    linear->run = true;
    for (unsigned byte = 0; byte < 256; byte++)
        linear->in_run[byte] = good[linear->class_of[byte]];
}

static void finish(struct builder *b)
{
    struct jsv_linear *linear = b->linear;
    linear->ends = calloc((size_t)b->state_count * linear->classes, 1);
    linear->loops = calloc((size_t)b->state_count * linear->classes, 1);
    if (!linear->ends || !linear->loops) {
        b->failed = b->no_memory = true;
        return;
    }
    for (uint32_t state = MATCH + 1; state < b->state_count; state++)
        linear->ends[(size_t)state * linear->classes] = ends(b, state, false);
    // "^" behind "$" would make the start differ from the same nodes further on.
    uint32_t start = linear->start;
    linear->start *= linear->classes;
    if (start > MATCH && ends(b, start, true) != linear->ends[linear->start])
        b->failed = true;
    linear->next = b->next.at;
    b->next.at = NULL;
    find_run(linear);
    jsv_linear_hasten(linear, b->state_count);
}

static bool builder_init(struct builder *b)
{
    b->nodes.at = malloc(LINEAR_NODES * sizeof(*b->nodes.at));
    b->states = calloc(LINEAR_STATES, sizeof(*b->states));
    b->slots = calloc(SLOTS, sizeof(*b->slots));
    b->set = malloc(LINEAR_NODES * sizeof(*b->set));
    b->stack = malloc(3 * LINEAR_NODES * sizeof(*b->stack));
    b->seen = calloc(LINEAR_NODES, sizeof(*b->seen));
    return b->nodes.at && b->states && b->slots && b->set && b->stack && b->seen;
}

static void builder_release(struct builder *b)
{
    free(b->nodes.at);
    free(b->states);
    free(b->slots);
    free(b->set);
    free(b->stack);
    free(b->seen);
    VEC_FREE(&b->members);
    VEC_FREE(&b->next);
}

bool jsv_linear_build(struct str pattern, size_t *work, struct jsv_linear *linear)
{
    struct builder b = {.linear = linear, .most = MIN(*work, LINEAR_WORK)};
    memset(linear, 0, sizeof(*linear));
    if (!builder_init(&b)) {
        builder_release(&b);
        return false;
    }
    b.failed = !jsv_linear_parse(pattern, &b.nodes);
    if (!b.failed) {
        find_classes(&b);
        build_states(&b);
    }
    if (!b.failed)
        finish(&b);
    if (b.failed) {
        jsv_linear_release(linear);
        memset(linear, 0, sizeof(*linear));
    }
    builder_release(&b);
    *work -= MIN(b.work, *work);
    return !b.no_memory;
}

void jsv_linear_release(struct jsv_linear *linear)
{
    free(linear->next);
    free(linear->ends);
    free(linear->loops);
}
