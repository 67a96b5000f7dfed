// SPDX-License-Identifier: Apache-2.0
// Orders a batch, folds repeats of an id within it, and tells each event what became of its key.
#include "server/store/batch.h"

static int key_cmp(const struct event *a, const struct event *b)
{
    if (a->project_id != b->project_id)
        return a->project_id < b->project_id ? -1 : 1;
    return uuid_cmp(&a->id, &b->id);
}

struct slot {
    struct event *event;
    size_t place;
};

static int slot_cmp(const void *left, const void *right)
{
    const struct slot *a = left, *b = right;
    int order = key_cmp(a->event, b->event);
    if (order)
        return order;
    return a->place < b->place ? -1 : a->place > b->place;
}

static bool sort_events(struct event **events, size_t count)
{
    struct slot *slots = malloc(count * sizeof(*slots));
    if (!slots)
        return false;
    for (size_t i = 0; i < count; i++)
        slots[i] = (struct slot){events[i], i};
    qsort(slots, count, sizeof(*slots), slot_cmp);
    for (size_t i = 0; i < count; i++)
        events[i] = slots[i].event;
    free(slots);
    return true;
}

static void find_firsts(struct batch *batch)
{
    for (size_t i = 0; i < batch->count; i++) {
        struct event *event = batch->events[i];
        if (i == 0 || key_cmp(batch->events[i - 1], event) != 0)
            batch->firsts[batch->key_count++] = event;
        else if (batch->firsts[batch->key_count - 1]->unless_known && !event->unless_known)
            batch->firsts[batch->key_count - 1] = event;
    }
    for (size_t k = 0; k < batch->key_count; k++)
        if (!batch->firsts[k]->unless_known)
            batch->rows[batch->row_count++] = batch->firsts[k];
}

bool batch_init(struct batch *batch, struct event **events, size_t count)
{
    *batch = (struct batch){.events = events, .count = count};
    batch->firsts = calloc(count, sizeof(struct event *));
    batch->rows = calloc(count, sizeof(struct event *));
    batch->open = calloc(count, sizeof(struct event *));
    batch->keys = calloc(count, sizeof(*batch->keys));
    if (!batch->firsts || !batch->rows || !batch->open || !batch->keys || !sort_events(events, count)) {
        batch_release(batch);
        return false;
    }
    find_firsts(batch);
    return true;
}

void batch_release(struct batch *batch)
{
    free(batch->firsts);
    free(batch->rows);
    free(batch->open);
    free(batch->keys);
    *batch = (struct batch){0};
}

struct batch_key *batch_find(struct batch *batch, int32_t project_id, const struct uuid *id)
{
    const struct event wanted = {.project_id = project_id, .id = *id};
    size_t low = 0, high = batch->key_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = key_cmp(batch->firsts[middle], &wanted);
        if (order == 0)
            return &batch->keys[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

void batch_collect_open(struct batch *batch)
{
    batch->open_count = 0;
    for (size_t k = 0; k < batch->key_count; k++)
        if (batch->keys[k].state == KEY_UNKNOWN)
            batch->open[batch->open_count++] = batch->firsts[k];
}

void batch_close(struct batch *batch)
{
    for (size_t k = 0; k < batch->key_count; k++)
        if (batch->keys[k].state == KEY_UNKNOWN)
            batch->keys[k].state = KEY_ABSENT;
}

static void refuse(struct event *event, enum problem problem)
{
    event->outcome = EVENT_REFUSED;
    event->problem = problem;
}

static void conclude_one(struct event *event, const struct batch_key *key, bool first)
{
    event->problem = PROBLEM_NONE;
    if (key->state == KEY_ABSENT && event->unless_known) {
        refuse(event, event->unless_known);
    } else if (key->state == KEY_UNKNOWN || key->state == KEY_ABSENT) {
        refuse(event, PROBLEM_database_unavailable);
    } else if (key->state == KEY_ERASED) {
        refuse(event, PROBLEM_event_erased);
    } else if (memcmp(event->sha256, key->sha256, SHA256_LEN) != 0) {
        refuse(event, PROBLEM_event_id_reused);
    } else {
        event->outcome = key->state == KEY_STORED && first ? EVENT_STORED : EVENT_DUPLICATE;
        event->received_at = key->received_at;
        event->quarantined = key->quarantined;
        event->stored_contract_id = key->contract_id;
    }
}

void batch_conclude(struct batch *batch)
{
    size_t k = 0;
    for (size_t i = 0; i < batch->count; i++) {
        if (i > 0 && key_cmp(batch->events[i - 1], batch->events[i]) != 0)
            k++;
        conclude_one(batch->events[i], &batch->keys[k], batch->events[i] == batch->firsts[k]);
    }
}
