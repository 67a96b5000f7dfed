// SPDX-License-Identifier: Apache-2.0
// Linear probing; nothing is ever removed but by making the table anew.
#include "server/gate/token_states.h"

#define SIZE_FIRST 64

static struct token_state *find(struct token_state *slots, size_t size, int32_t id)
{
    size_t i = ((uint32_t)id * 2654435769U) & (size - 1);
    while (slots[i].id != 0 && slots[i].id != id)
        i = (i + 1) & (size - 1);
    return &slots[i];
}

static bool is_idle(const struct token_state *state, int64_t now_ns)
{
    return state->tats[0] <= now_ns && state->tats[1] <= now_ns &&
           now_ns - state->noted_at > TOKEN_USE_NOTED_NS && quota_use_is_told(&state->quota, now_ns / 1000);
}

// A table with room for one more. It doubles only where the busy ones need it.
static bool grow(struct token_states *states, int64_t now_ns)
{
    size_t busy = 0, size = SIZE_FIRST;
    for (size_t i = 0; i < states->size; i++)
        busy += states->slots[i].id != 0 && !is_idle(&states->slots[i], now_ns);
    while (size / 2 <= busy)
        size *= 2;
    struct token_state *slots = calloc(size, sizeof(*slots));
    if (!slots)
        return false;
    for (size_t i = 0; i < states->size; i++)
        if (states->slots[i].id != 0 && !is_idle(&states->slots[i], now_ns))
            *find(slots, size, states->slots[i].id) = states->slots[i];
    free(states->slots);
    *states = (struct token_states){slots, size, busy};
    return true;
}

struct token_state *token_states_get(struct token_states *states, int32_t id, int64_t now_ns)
{
    BUG_ON(id <= 0);
    struct token_state *state = states->slots ? find(states->slots, states->size, id) : NULL;
    if (state && state->id == id)
        return state;
    if (states->count >= states->size / 4 * 3) {
        if (!grow(states, now_ns))
            return NULL;
        state = find(states->slots, states->size, id);
    }
    *state = (struct token_state){.id = id, .noted_at = INT64_MIN / 2};
    states->count++;
    return state;
}

void token_states_release(struct token_states *states)
{
    free(states->slots);
    *states = (struct token_states){0};
}
