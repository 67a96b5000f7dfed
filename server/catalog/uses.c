// SPDX-License-Identifier: Apache-2.0
// A list that grows by doubling, up to a bound.
#include "server/catalog/uses.h"

void uses_add(struct uses *uses, int32_t token_id, int64_t at)
{
    if (uses->count == uses->room) {
        size_t room = MAX(uses->room * 2, (size_t)64);
        struct token_use *list = room <= USES_MANY ? realloc(uses->list, room * sizeof(*list)) : NULL;
        if (!list)
            return;
        uses->list = list;
        uses->room = room;
    }
    uses->list[uses->count++] = (struct token_use){token_id, at};
}

void uses_release(struct uses *uses)
{
    free(uses->list);
    *uses = (struct uses){0};
}
