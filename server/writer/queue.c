// SPDX-License-Identifier: Apache-2.0
// Two intrusive lists of events.
#include "server/writer/queue.h"

static struct event_lane *lane_of(struct event_queue *queue, const struct event *event)
{
    return event->of_batch ? &queue->batch : &queue->alone;
}

bool event_queue_is_empty(const struct event_queue *queue)
{
    return !queue->alone.head && !queue->batch.head;
}

int64_t event_queue_since(const struct event_queue *queue)
{
    int64_t alone = queue->alone.head ? queue->alone.head->queued_at : INT64_MAX;
    int64_t batch = queue->batch.head ? queue->batch.head->queued_at : INT64_MAX;
    return MIN(alone, batch);
}

size_t event_queue_events(const struct event_queue *queue)
{
    return queue->alone.events + queue->batch.events;
}

size_t event_queue_bytes(const struct event_queue *queue)
{
    return queue->alone.bytes + queue->batch.bytes;
}

void event_queue_push(struct event_queue *queue, struct event *event)
{
    struct event_lane *lane = lane_of(queue, event);
    event->next = NULL;
    if (lane->tail)
        lane->tail->next = event;
    else
        lane->head = event;
    lane->tail = event;
    lane->events++;
    lane->bytes += event->text.len;
}

static void append(struct event_lane *lane, const struct event_lane *from)
{
    if (!from->head)
        return;
    if (lane->tail)
        lane->tail->next = from->head;
    else
        lane->head = from->head;
    lane->tail = from->tail;
    lane->events += from->events;
    lane->bytes += from->bytes;
}

void event_queue_append(struct event_queue *queue, struct event_queue *from)
{
    append(&queue->alone, &from->alone);
    append(&queue->batch, &from->batch);
    *from = (struct event_queue){0};
}

void event_queue_push_front(struct event_queue *queue, struct event **events, size_t count)
{
    for (size_t i = count; i-- > 0;) {
        struct event_lane *lane = lane_of(queue, events[i]);
        events[i]->next = lane->head;
        lane->head = events[i];
        if (!lane->tail)
            lane->tail = events[i];
        lane->events++;
        lane->bytes += events[i]->text.len;
    }
}

struct taken {
    struct event **events;
    size_t count;
    size_t bytes;
};

// Adds to what is taken, as far as it fits.
static void take(struct event_lane *lane, struct taken *taken, size_t max_events, size_t max_bytes)
{
    while (lane->head && taken->count < max_events) {
        struct event *event = lane->head;
        if (taken->count && taken->bytes + event->text.len > max_bytes)
            break;
        lane->head = event->next;
        if (!lane->head)
            lane->tail = NULL;
        event->next = NULL;
        lane->events--;
        lane->bytes -= event->text.len;
        taken->bytes += event->text.len;
        taken->events[taken->count++] = event;
    }
}

size_t event_queue_take(struct event_queue *queue, struct event **ret_events, size_t max_events,
                        size_t max_bytes)
{
    struct taken taken = {.events = ret_events};
    if (queue->batch.head)
        take(&queue->alone, &taken, max_events / 2, max_bytes / 2);
    take(&queue->batch, &taken, max_events, max_bytes);
    take(&queue->alone, &taken, max_events, max_bytes);
    return taken.count;
}
