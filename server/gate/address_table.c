// SPDX-License-Identifier: Apache-2.0
// One set is looked at, never more.
#include "server/gate/address_table.h"

struct gcra_verdict address_table_take(struct address_table *table, uint64_t key,
                                       const struct gcra_rate *rate, int64_t n, int64_t now_ns,
                                       int64_t patience_ns, int64_t patient_many)
{
    // The key's low bits choose the set; all of it is compared.
    struct address_slot *set = table->slots[key % ADDRESS_TABLE_SETS], *slot = set;
    for (size_t i = 0; i < ADDRESS_TABLE_WAYS; i++) {
        if (set[i].key == key) {
            slot = &set[i];
            break;
        }
        if (set[i].tat < slot->tat)
            slot = &set[i];
    }
    int64_t tat = slot->tat;
    struct gcra_verdict verdict = gcra_take(rate, &tat, n, now_ns, patience_ns, patient_many);
    if (verdict.limited && verdict.admitted && n > 0)
        *slot = (struct address_slot){key, tat};
    return verdict;
}
