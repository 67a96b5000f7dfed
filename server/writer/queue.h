// SPDX-License-Identifier: Apache-2.0
// Events in order of arrival, bounded by count and bytes. Not locked: the writer's mutex guards it.
#ifndef VOX_WRITER_QUEUE_H
#define VOX_WRITER_QUEUE_H

#include "server/core/event.h"

struct event_queue {
    struct event *head;
    struct event *tail;
    size_t events;
    size_t bytes;
};

void event_queue_push(struct event_queue *queue, struct event *event);
// Moves all of `from` behind the last of `queue`.
void event_queue_append(struct event_queue *queue, struct event_queue *from);
// Puts events[0..count) back before all others, in their order.
void event_queue_push_front(struct event_queue *queue, struct event **events, size_t count);
// Takes events off the front into `ret_events` until `max_events`, or until another would pass `max_bytes`
// (the first always fits). Returns how many.
size_t event_queue_take(struct event_queue *queue, struct event **ret_events, size_t max_events,
                        size_t max_bytes);

#endif
