// SPDX-License-Identifier: Apache-2.0
// Sorting by token and choosing the cut.
#include "server/writer/isolate.h"

static int by_token(const void *a, const void *b)
{
    const struct event *x = *(struct event *const *)a, *y = *(struct event *const *)b;
    if (x->token_id != y->token_id)
        return x->token_id < y->token_id ? -1 : 1;
    return uuid_cmp(&x->id, &y->id);
}

size_t isolate_cut(struct event **events, size_t count)
{
    BUG_ON(count < 2);
    size_t middle = count / 2;
    qsort(events, count, sizeof(*events), by_token);
    for (size_t away = 0; away < count; away++) {
        size_t below = middle - MIN(away, middle), above = middle + away;
        if (below > 0 && events[below - 1]->token_id != events[below]->token_id)
            return below;
        if (above < count && events[above - 1]->token_id != events[above]->token_id)
            return above;
    }
    return middle;
}
