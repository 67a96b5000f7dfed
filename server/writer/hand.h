// SPDX-License-Identifier: Apache-2.0
// A batch in a writer thread's hand.
#ifndef VOX_WRITER_HAND_H
#define VOX_WRITER_HAND_H

#include "server/writer/writer.h"

struct hand {
    size_t count;
    int64_t deadline; // of its transaction, where that is under way already; else 0
    struct event *events[WRITER_BATCH_EVENTS];
};

// Both answer; the events are no longer the writer's.
void writer_refuse(struct event *event, enum problem problem);
void writer_refuse_all(struct event **events, size_t count, enum problem problem);
// Refuses those due before `at`. Returns the earliest deadline kept, INT64_MAX if none is.
int64_t hand_drop_due(struct hand *hand, int64_t at);

#endif
