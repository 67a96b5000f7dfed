// SPDX-License-Identifier: Apache-2.0
// The only door by which other threads reach the loop.
#include "server/http/wake.h"
#include "server/http/internal.h"

#include <errno.h>
#include <sys/eventfd.h>

bool wake_init(struct wake_queue *queue, struct err *err)
{
    *queue = (struct wake_queue){.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
    if (queue->fd < 0)
        return err_set_errno(err, "cannot make an eventfd");
    pthread_mutex_init(&queue->lock, NULL);
    return true;
}

void wake_release(struct wake_queue *queue)
{
    close(queue->fd);
    pthread_mutex_destroy(&queue->lock);
}

static void signal_loop(struct wake_queue *queue)
{
    const uint64_t one = 1;
    while (write(queue->fd, &one, sizeof(one)) < 0)
        BUG_ON(errno != EINTR);
}

void wake_push(struct wake_queue *queue, struct http_request *request)
{
    request->next = NULL;
    pthread_mutex_lock(&queue->lock);
    bool was_empty = !queue->head && !queue->commands;
    if (queue->head)
        queue->tail->next = request;
    else
        queue->head = request;
    queue->tail = request;
    pthread_mutex_unlock(&queue->lock);
    if (was_empty)
        signal_loop(queue);
}

void wake_command(struct wake_queue *queue, enum wake_command command)
{
    pthread_mutex_lock(&queue->lock);
    bool was_empty = !queue->head && !queue->commands;
    queue->commands |= command;
    pthread_mutex_unlock(&queue->lock);
    if (was_empty)
        signal_loop(queue);
}

unsigned wake_take(struct wake_queue *queue, struct http_request **ret_head)
{
    // The eventfd first: whoever pushes after the list is taken finds it empty and signals anew.
    uint64_t count;
    while (read(queue->fd, &count, sizeof(count)) < 0 && errno == EINTR)
        ;
    pthread_mutex_lock(&queue->lock);
    *ret_head = queue->head;
    unsigned commands = queue->commands;
    queue->head = queue->tail = NULL;
    queue->commands = 0;
    pthread_mutex_unlock(&queue->lock);
    return commands;
}
