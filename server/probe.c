// SPDX-License-Identifier: Apache-2.0
// Tries to bind an address for a moment; where it is taken, asks who is there.
#include "server/probe.h"

#include "lib/base/file.h"
#include "lib/base/str.h"

#include <errno.h>
#include <netdb.h>
#include <sys/socket.h>
#include <sys/time.h>

static bool resolve(const char *listen, struct addrinfo **ret_found, struct err *err)
{
    char host[256];
    const char *colon = strrchr(listen, ':');
    struct str name = str_slice(listen, (size_t)(colon - listen));
    if (name.len > 2 && name.ptr[0] == '[')
        name = str_slice(name.ptr + 1, name.len - 2);
    if (name.len >= sizeof(host))
        return err_set(err, "the address is too long");
    snprintf(host, sizeof(host), "%.*s", STR_FMT(name));
    struct addrinfo hints = {.ai_flags = AI_PASSIVE | AI_NUMERICSERV, .ai_socktype = SOCK_STREAM};
    int fault = getaddrinfo(host, colon + 1, &hints, ret_found);
    return fault == 0 || err_set(err, "%s is not an address of this machine: %s", host, gai_strerror(fault));
}

// A request to whoever listens; true if the answer names a vox-sink.
static bool is_sink(const struct addrinfo *address)
{
    static const char request[] = "GET /version HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    char answer[2048];
    size_t used = 0;
    struct timeval patience = {.tv_sec = 1};
    int fd = socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return false;
    bool ok = setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) == 0 &&
              setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience)) == 0 &&
              connect(fd, address->ai_addr, address->ai_addrlen) == 0 &&
              fd_write_all(fd, request, sizeof(request) - 1);
    while (ok && used < sizeof(answer)) {
        ssize_t n = read(fd, answer + used, sizeof(answer) - used);
        if (n <= 0)
            break;
        used += (size_t)n;
    }
    close(fd);
    return memmem(answer, used, "vox-sink", strlen("vox-sink")) != NULL;
}

enum probe probe_listen(const char *listen, struct err *err)
{
    struct addrinfo *address;
    if (!resolve(listen, &address, err))
        return PROBE_FAILED;
    int on = 1;
    enum probe probe = PROBE_FREE;
    int fd = socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    // As the server itself does: connections that have just ended do not count.
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0 ||
        bind(fd, address->ai_addr, address->ai_addrlen) != 0) {
        probe = PROBE_FAILED;
        if (errno == EADDRINUSE)
            probe = is_sink(address) ? PROBE_SINK : PROBE_TAKEN;
        else
            err_set_errno(err, "%s cannot be listened on", listen);
    }
    if (fd >= 0)
        close(fd);
    freeaddrinfo(address);
    return probe;
}
