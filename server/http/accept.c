// SPDX-License-Identifier: Apache-2.0
// Takes connections from the listening sockets, as long as there is room or somebody who has to make it.
#include "server/http/internal.h"

#include "lib/base/log.h"

#include <errno.h>
#include <netinet/in.h>
#include <sodium.h>
#include <sys/socket.h>
#include <unistd.h>

// A keyed hash of the host, IPv6 by /64: enough to count by, and nothing that could be read back.
static uint64_t number_of(const struct http_server *server, const struct sockaddr_storage *address)
{
    unsigned char bytes[10] = {(unsigned char)address->ss_family};
    unsigned char hash[crypto_shorthash_BYTES];
    uint64_t number;
    if (address->ss_family == AF_INET) {
        memcpy(bytes + 1, &((const struct sockaddr_in *)address)->sin_addr, 4);
    } else if (address->ss_family == AF_INET6) {
        const struct in6_addr *v6 = &((const struct sockaddr_in6 *)address)->sin6_addr;
        bool mapped = IN6_IS_ADDR_V4MAPPED(v6);
        bytes[0] = mapped ? AF_INET : AF_INET6;
        memcpy(bytes + 1, v6->s6_addr + (mapped ? 12 : 0), mapped ? 4 : 8);
    }
    crypto_shorthash(hash, bytes, sizeof(bytes), server->address_key);
    memcpy(&number, hash, sizeof(number));
    return number;
}

// Who reaches a socket file is on this machine.
bool listener_is_secure(const struct http_server *server, const struct http_listener *listener)
{
    return server->has_tls && !listener->address.is_unix;
}

static bool has_room(const struct http_server *server)
{
    return server->connection_count < server->config.max_connections;
}

static bool may_accept(struct http_server *server)
{
    return has_room(server) || crowd_has_waiting(&server->crowd);
}

static void watch_listeners(struct http_server *server, bool on)
{
    server->paused = !on;
    for (size_t i = 0; i < server->listeners->count; i++) {
        struct http_listener *listener = &server->listeners->list[i];
        struct epoll_event event = {.events = on ? EPOLLIN : 0, .data.ptr = &listener->watched};
        if (epoll_ctl(server->epoll_fd, EPOLL_CTL_MOD, listener->fd, &event) != 0)
            BUG("cannot watch a listening socket");
    }
}

// By closing another if there is none.
static bool make_room(struct http_server *server, uint64_t address)
{
    if (has_room(server))
        return true;
    struct crowd_place *place = crowd_victim(&server->crowd, address);
    if (!place) {
        connection_count_cut(server, "refused");
        return false;
    }
    connection_cut(connection_at(place), "room");
    return true;
}

static void admit(struct http_server *server, struct http_listener *listener, int fd,
                  const struct sockaddr_storage *address)
{
    uint64_t number = number_of(server, address);
    if (!make_room(server, number) ||
        !connection_open(server, listener, fd, (const struct sockaddr *)address, number))
        close(fd);
}

void accept_ready(struct http_server *server, struct http_watched *watched, uint32_t events)
{
    (void)events;
    struct http_listener *listener = (struct http_listener *)watched;
    for (unsigned i = 0; i < HTTP_ACCEPT_MANY && !server->paused && !server->quiesced; i++) {
        struct sockaddr_storage address = {0};
        socklen_t len = sizeof(address);
        if (!may_accept(server)) {
            watch_listeners(server, false);
            return;
        }
        int fd = accept4(listener->fd, (struct sockaddr *)&address, &len, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd >= 0) {
            admit(server, listener, fd, &address);
            continue;
        }
        if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
            int64_t now = clock_mono_us(server->config.clock);
            report_accept(server, errno, now);
            server->accept_at = now + HTTP_REAP_US;
            watch_listeners(server, false);
        }
        if (errno != ECONNABORTED && errno != EINTR)
            return;
    }
}

void accept_again(struct http_server *server, int64_t now)
{
    if (server->paused && !server->quiesced && now >= server->accept_at && may_accept(server))
        watch_listeners(server, true);
}
