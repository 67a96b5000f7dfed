// SPDX-License-Identifier: Apache-2.0
// Reads a connection to its end after the library has answered and closed it.
#include "server/http/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>

static void end_linger(struct http_server *server, struct http_linger *linger)
{
    close(linger->fd); // the only descriptor left: this takes it out of the epoll set, too
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

static void read_on(struct http_server *server, struct http_watched *watched);

void linger_begin(struct http_server *server, int fd)
{
    struct http_linger *linger = free_slot(server);
    int copy = linger ? fcntl(fd, F_DUPFD_CLOEXEC, 3) : -1;
    if (copy < 0)
        return; // closes at once, then
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = &linger->watched};
    if (epoll_ctl(server->epoll_fd, EPOLL_CTL_ADD, copy, &event) != 0) {
        close(copy);
        return;
    }
    *linger = (struct http_linger){
        .watched.ready = read_on,
        .fd = copy,
        .ends_at = clock_mono_us(server->config.clock) + HTTP_LINGER_US,
    };
    server->linger_count++;
}

static void read_on(struct http_server *server, struct http_watched *watched)
{
    struct http_linger *linger = (struct http_linger *)watched;
    if (linger->fd == 0)
        return; // ended meanwhile
    char bytes[16384];
    ssize_t n = recv(linger->fd, bytes, sizeof(bytes), MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n > 0)
        linger->bytes += (uint64_t)n;
    if (n <= 0 || linger->bytes > HTTP_LINGER_BYTES)
        end_linger(server, linger);
}

void linger_reap(struct http_server *server, int64_t now)
{
    for (size_t i = 0; i < HTTP_LINGER_MANY; i++)
        if (server->lingers[i].fd != 0 && server->lingers[i].ends_at <= now)
            end_linger(server, &server->lingers[i]);
}
