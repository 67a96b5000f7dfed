// SPDX-License-Identifier: Apache-2.0
// Events in order of arrival, in two lanes: those posted alone, and those of batches, so that neither kind
// waits behind all of the other. Not locked: the writer's mutex guards it.
#ifndef VOX_WRITER_QUEUE_H
#define VOX_WRITER_QUEUE_H

#include "server/core/event.h"

struct event_lane {
    struct event *head;
    struct event *tail;
    size_t events;
    size_t bytes;
};

struct event_queue {
    struct event_lane alone;
    struct event_lane batch;
};

bool event_queue_is_empty(const struct event_queue *queue);
size_t event_queue_events(const struct event_queue *queue);
size_t event_queue_bytes(const struct event_queue *queue);
// When the first of either lane was submitted, monotonic microseconds; INT64_MAX: there is none.
int64_t event_queue_since(const struct event_queue *queue);
void event_queue_push(struct event_queue *queue, struct event *event);
// Moves all of `from` behind the last of `queue`.
void event_queue_append(struct event_queue *queue, struct event_queue *from);
// Puts events[0..count) back before all others, in their order.
void event_queue_push_front(struct event_queue *queue, struct event **events, size_t count);
// Takes events off the front into `ret_events` until `max_events`, or until another would pass `max_bytes`
// (the first always fits). Where both lanes have some, each has half of the room, and what
// the other leaves. Returns how many.
size_t event_queue_take(struct event_queue *queue, struct event **ret_events, size_t max_events,
                        size_t max_bytes);

#endif
