// SPDX-License-Identifier: Apache-2.0
// Makes the listening socket ourselves: backlog and flags are ours to say, and ":0" tells its port.
#include "server/http/internal.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>

#define LISTEN_BACKLOG 4096

// "host:port" or "[v6]:port" into two C strings.
static bool split_address(const char *address, char host[static NI_MAXHOST], char port[static NI_MAXSERV],
                          struct err *err)
{
    struct str rest = str_from(address);
    struct str left, right;
    if (str_starts(rest, STR("["))) {
        rest = str_skip(rest, 1);
        left = str_cut(&rest, ']');
        right = str_starts(rest, STR(":")) ? str_skip(rest, 1) : STR_NULL;
    } else {
        left = str_cut(&rest, ':');
        right = rest;
    }
    uint64_t number;
    if (left.len == 0 || left.len >= NI_MAXHOST || !str_to_u64(right, &number) || number > 65535)
        return err_set(err, "\"%s\" is no address to listen on; write it as 127.0.0.1:8787 or [::1]:8787",
                       address);
    snprintf(host, NI_MAXHOST, "%.*s", STR_FMT(left));
    snprintf(port, NI_MAXSERV, "%u", (unsigned)number);
    return true;
}

static int open_socket(const struct addrinfo *info)
{
    int fd = socket(info->ai_family, info->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, info->ai_protocol);
    if (fd < 0)
        return -1;
    const int on = 1;
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0 &&
        bind(fd, info->ai_addr, info->ai_addrlen) == 0 && listen(fd, LISTEN_BACKLOG) == 0)
        return fd;
    int saved = errno;
    close(fd);
    errno = saved;
    return -1;
}

static unsigned port_of(int fd)
{
    struct sockaddr_storage address = {0};
    socklen_t len = sizeof(address);
    if (getsockname(fd, (struct sockaddr *)&address, &len) != 0)
        return 0;
    return address.ss_family == AF_INET6 ? ntohs(((struct sockaddr_in6 *)&address)->sin6_port)
                                         : ntohs(((struct sockaddr_in *)&address)->sin_port);
}

bool http_listen(const char *address, struct http_listener *ret_listener, struct err *err)
{
    char host[NI_MAXHOST], port[NI_MAXSERV];
    if (!split_address(address, host, port, err))
        return false;
    const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    int code = getaddrinfo(host, port, &hints, &found);
    if (code != 0)
        return err_set(err, "cannot resolve \"%s\" to listen on: %s", host, gai_strerror(code));
    int fd = -1;
    for (const struct addrinfo *info = found; info && fd < 0; info = info->ai_next)
        fd = open_socket(info);
    if (fd < 0)
        err_set_errno(err, "cannot listen on %s", address);
    freeaddrinfo(found);
    if (fd < 0)
        return false;
    *ret_listener = (struct http_listener){fd, port_of(fd)};
    return true;
}
