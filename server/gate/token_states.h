// SPDX-License-Identifier: Apache-2.0
// What this process remembers of each token that was used: an entry by token number, made when asked for.
//
// Their number is bounded by that of the tokens in the database, which operators make. When the table must
// grow, entries that would tell nothing (idle, and used a while ago) are left out. One thread at a time.
#ifndef VOX_GATE_TOKEN_STATES_H
#define VOX_GATE_TOKEN_STATES_H

#include "server/gate/quota_use.h"

#define TOKEN_USE_NOTED_NS (60 * 1000000000LL) // a use is written down at most this often

struct token_state {
    int32_t id;      // 0: free
    int64_t tats[2]; // by enum limit_kind
    int64_t noted_at;
    struct quota_use quota;
};

struct token_states {
    struct token_state *slots; // open addressing, a power of two; NULL: none yet
    size_t size;
    size_t count;
};

// The entry of a token number above 0, zeroed if it is new; NULL when memory is out. Good until the next
// call.
struct token_state *token_states_get(struct token_states *states, int32_t id, int64_t now_ns);
void token_states_release(struct token_states *states);

#endif
