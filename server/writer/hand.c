// SPDX-License-Identifier: Apache-2.0
// Refusing what is in hand.
#include "server/writer/hand.h"

void writer_refuse(struct event *event, enum problem problem)
{
    event->outcome = EVENT_REFUSED;
    event->problem = problem;
    event->done(event);
}

void writer_refuse_all(struct event **events, size_t count, enum problem problem)
{
    for (size_t i = 0; i < count; i++)
        writer_refuse(events[i], problem);
}

int64_t hand_drop_due(struct hand *hand, int64_t at)
{
    int64_t earliest = INT64_MAX;
    size_t kept = 0;
    for (size_t i = 0; i < hand->count; i++) {
        struct event *event = hand->events[i];
        if (event->deadline < at) {
            writer_refuse(event, PROBLEM_deadline_exceeded);
            continue;
        }
        earliest = MIN(earliest, event->deadline);
        hand->events[kept++] = event;
    }
    hand->count = kept;
    return earliest;
}
