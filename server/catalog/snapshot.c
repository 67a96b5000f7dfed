// SPDX-License-Identifier: Apache-2.0
// A snapshot's life.
#include "server/catalog/snapshot.h"

struct snapshot *snapshot_new(struct contract_set *contracts)
{
    struct snapshot *s = calloc(1, sizeof(*s));
    if (!s)
        return NULL;
    atomic_init(&s->refs, 1);
    s->contracts = contract_set_ref(contracts);
    return s;
}

struct snapshot *snapshot_ref(struct snapshot *s)
{
    atomic_fetch_add_explicit(&s->refs, 1, memory_order_relaxed);
    return s;
}

void snapshot_unref(struct snapshot *s)
{
    if (!s || atomic_fetch_sub_explicit(&s->refs, 1, memory_order_acq_rel) != 1)
        return;
    contract_set_unref(s->contracts);
    token_table_free(s->tokens);
    free(s->contract_ids);
    free(s);
}

const struct contract *snapshot_contract(const struct snapshot *s, int32_t contract_id)
{
    size_t count = contract_set_count(s->contracts);
    for (size_t i = 0; s->contract_ids && i < count; i++)
        if (s->contract_ids[i] == contract_id)
            return contract_set_at(s->contracts, i);
    return NULL;
}
