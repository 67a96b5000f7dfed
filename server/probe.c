// SPDX-License-Identifier: Apache-2.0
// Tries to bind an address for a moment; where it is taken, asks who is there.
#include "server/probe.h"

#include "lib/base/file.h"
#include "lib/base/str.h"

#include <errno.h>
#include <netdb.h>
#include <sys/socket.h>
#include <sys/time.h>

struct place {
    struct sockaddr_storage address;
    socklen_t len;
};

static bool resolve(const struct address *address, struct place *ret_place, struct err *err)
{
    struct addrinfo hints = {.ai_flags = AI_PASSIVE | AI_NUMERICSERV, .ai_socktype = SOCK_STREAM}, *found;
    char port[8];
    *ret_place = (struct place){0};
    if (address->is_unix) {
        struct sockaddr_un *unix_address = (struct sockaddr_un *)&ret_place->address;
        unix_address->sun_family = AF_UNIX;
        memcpy(unix_address->sun_path, address->path, strlen(address->path) + 1);
        ret_place->len = sizeof(*unix_address);
        return true;
    }
    snprintf(port, sizeof(port), "%u", (unsigned)address->port);
    int fault = getaddrinfo(address->host, port, &hints, &found);
    if (fault != 0)
        return err_set(err, "%s is not an address of this machine: %s", address->host, gai_strerror(fault));
    memcpy(&ret_place->address, found->ai_addr, found->ai_addrlen);
    ret_place->len = found->ai_addrlen;
    freeaddrinfo(found);
    return true;
}

// A request to whoever listens; true if the answer names a vox-sink.
static bool is_sink(const struct place *place)
{
    static const char request[] = "GET /version HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    char answer[2048];
    size_t used = 0;
    struct timeval patience = {.tv_sec = 1};
    int fd = socket(place->address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return false;
    bool ok = setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) == 0 &&
              setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience)) == 0 &&
              connect(fd, (const struct sockaddr *)&place->address, place->len) == 0 &&
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

// A socket file without a listener is none: `serve` removes it.
static enum probe probe_unix(const struct place *place, const char *path, struct err *err)
{
    enum probe probe = PROBE_TAKEN;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (const struct sockaddr *)&place->address, place->len) != 0) {
        probe = errno == ENOENT || errno == ECONNREFUSED ? PROBE_FREE : PROBE_FAILED;
        err_set_errno(err, "%s cannot be listened on", path);
    } else if (is_sink(place)) {
        probe = PROBE_SINK;
    }
    if (fd >= 0)
        close(fd);
    return probe;
}

static enum probe probe_tcp(const struct place *place, const char *text, struct err *err)
{
    const int on = 1;
    enum probe probe = PROBE_FREE;
    int fd = socket(place->address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    // As the server itself does: connections that have just ended do not count.
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0 ||
        bind(fd, (const struct sockaddr *)&place->address, place->len) != 0) {
        probe = PROBE_FAILED;
        if (errno == EADDRINUSE)
            probe = is_sink(place) ? PROBE_SINK : PROBE_TAKEN;
        else
            err_set_errno(err, "%s cannot be listened on", text);
    }
    if (fd >= 0)
        close(fd);
    return probe;
}

enum probe probe_listen(const struct address *address, struct err *err)
{
    char text[ADDRESS_TEXT_LEN + 1];
    struct place place;
    address_format(address, text);
    if (!resolve(address, &place, err))
        return PROBE_FAILED;
    return address->is_unix ? probe_unix(&place, address->path, err) : probe_tcp(&place, text, err);
}
