// SPDX-License-Identifier: Apache-2.0
// An intrusive list of events.
#include "server/writer/queue.h"

void event_queue_push(struct event_queue *queue, struct event *event)
{
    event->next = NULL;
    if (queue->tail)
        queue->tail->next = event;
    else
        queue->head = event;
    queue->tail = event;
    queue->events++;
    queue->bytes += event->text.len;
}

void event_queue_append(struct event_queue *queue, struct event_queue *from)
{
    if (!from->head)
        return;
    if (queue->tail)
        queue->tail->next = from->head;
    else
        queue->head = from->head;
    queue->tail = from->tail;
    queue->events += from->events;
    queue->bytes += from->bytes;
    *from = (struct event_queue){0};
}

void event_queue_push_front(struct event_queue *queue, struct event **events, size_t count)
{
    for (size_t i = count; i-- > 0;) {
        events[i]->next = queue->head;
        queue->head = events[i];
        if (!queue->tail)
            queue->tail = events[i];
        queue->events++;
        queue->bytes += events[i]->text.len;
    }
}

size_t event_queue_take(struct event_queue *queue, struct event **ret_events, size_t max_events,
                        size_t max_bytes)
{
    size_t count = 0, bytes = 0;
    while (queue->head && count < max_events) {
        struct event *event = queue->head;
        if (count && bytes + event->text.len > max_bytes)
            break;
        queue->head = event->next;
        if (!queue->head)
            queue->tail = NULL;
        event->next = NULL;
        bytes += event->text.len;
        ret_events[count++] = event;
    }
    queue->events -= count;
    queue->bytes -= bytes;
    return count;
}
