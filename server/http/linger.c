// SPDX-License-Identifier: Apache-2.0
// Reads a connection to its end after it was answered for the last time.
#include "server/http/internal.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

static void end_linger(struct http_server *server, struct http_linger *linger)
{
    close(linger->fd);
    *linger = (struct http_linger){0};
    server->linger_count--;
}

static struct http_linger *free_slot(struct http_server *server)
{
    for (size_t i = 0; i < HTTP_LINGER_MANY; i++)
        if (server->lingers[i].fd == 0)
            return &server->lingers[i];
    return NULL;
}

static void read_on(struct http_server *server, struct http_watched *watched, uint32_t events)
{
    struct http_linger *linger = (struct http_linger *)watched;
    (void)events;
    if (linger->fd == 0)
        return; // ended meanwhile
    ssize_t n = recv(linger->fd, server->scratch, HTTP_READ_BYTES, 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n > 0)
        linger->bytes += (uint64_t)n;
    if (n <= 0 || linger->bytes > HTTP_LINGER_BYTES)
        end_linger(server, linger);
}

bool linger_begin(struct http_server *server, int fd)
{
    struct http_linger *linger = free_slot(server);
    if (!linger || fd == 0)
        return false;
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = &linger->watched};
    if (epoll_ctl(server->epoll_fd, EPOLL_CTL_MOD, fd, &event) != 0)
        return false;
    *linger = (struct http_linger){
        .watched.ready = read_on,
        .fd = fd,
        .ends_at = clock_mono_us(server->config.clock) + HTTP_LINGER_US,
    };
    server->linger_count++;
    return true;
}

void linger_reap(struct http_server *server, int64_t now)
{
    for (size_t i = 0; i < HTTP_LINGER_MANY; i++)
        if (server->lingers[i].fd != 0 && server->lingers[i].ends_at <= now)
            end_linger(server, &server->lingers[i]);
}
