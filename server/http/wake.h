// SPDX-License-Identifier: Apache-2.0
// The queue by which other threads reach the loop: requests to go on with, and commands.
//
// Any thread pushes, the loop takes; the eventfd becomes readable when there is something to take.
#ifndef VOX_HTTP_WAKE_H
#define VOX_HTTP_WAKE_H

#include "lib/base/err.h"

#include <pthread.h>

struct http_request;

enum wake_command { WAKE_QUIESCE = 1 << 0, WAKE_STOP = 1 << 1, WAKE_REPORT_IDLE = 1 << 2 };

struct wake_queue {
    pthread_mutex_t lock; // guards all but fd
    struct http_request *head, *tail;
    unsigned commands;
    int fd; // eventfd, written only when the queue stops being empty
};

MUST_CHECK bool wake_init(struct wake_queue *queue, struct err *err);
void wake_release(struct wake_queue *queue);
void wake_push(struct wake_queue *queue, struct http_request *request);
void wake_command(struct wake_queue *queue, enum wake_command command);
// Returns the commands; `*ret_head` is the list, oldest first.
unsigned wake_take(struct wake_queue *queue, struct http_request **ret_head);

#endif
