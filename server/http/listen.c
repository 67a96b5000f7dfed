// SPDX-License-Identifier: Apache-2.0
// Makes the listening sockets ourselves: backlog and flags are ours to say, ":0" tells its port, and a socket
// file that a dead process left does not keep us from starting.
#include "server/http/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define LISTEN_BACKLOG 4096

static int close_saving_errno(int fd)
{
    int saved = errno;
    close(fd);
    errno = saved;
    return -1;
}

// Whom it accepts has it from the listener: an answer that is made as it goes is not to wait for the client's
// acknowledgement of what went before.
static bool sends_at_once(int fd)
{
    const int on = 1;
    return setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) == 0;
}

static int open_tcp(const struct addrinfo *info)
{
    int fd = socket(info->ai_family, info->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, info->ai_protocol);
    if (fd < 0)
        return -1;
    const int on = 1;
    // So that 0.0.0.0 and [::] can stand side by side, whatever the system's default.
    bool only_v6 =
        info->ai_family != AF_INET6 || setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) == 0;
    if (only_v6 && sends_at_once(fd) && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0 &&
        bind(fd, info->ai_addr, info->ai_addrlen) == 0 && listen(fd, LISTEN_BACKLOG) == 0)
        return fd;
    return close_saving_errno(fd);
}

static uint16_t port_of(const struct sockaddr_storage *address)
{
    return address->ss_family == AF_INET6 ? ntohs(((const struct sockaddr_in6 *)address)->sin6_port)
                                          : ntohs(((const struct sockaddr_in *)address)->sin_port);
}

static bool listen_tcp(struct http_listener *listener, struct err *err)
{
    struct address *address = &listener->address;
    char port[8], text[ADDRESS_TEXT_LEN + 1];
    snprintf(port, sizeof(port), "%u", (unsigned)address->port);
    const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    int code = getaddrinfo(address->host, port, &hints, &found);
    if (code != 0)
        return err_set(err, "cannot resolve \"%s\" to listen on: %s", address->host, gai_strerror(code));
    for (const struct addrinfo *info = found; info && listener->fd < 0; info = info->ai_next)
        listener->fd = open_tcp(info);
    address_format(address, text);
    if (listener->fd < 0)
        err_set_errno(err, "cannot listen on %s", text);
    freeaddrinfo(found);
    if (listener->fd < 0)
        return false;
    struct sockaddr_storage bound = {0};
    socklen_t len = sizeof(bound);
    if (getsockname(listener->fd, (struct sockaddr *)&bound, &len) == 0)
        address->port = port_of(&bound);
    return true;
}

// A socket file is in the way of bind() even when nobody listens on it any more; only then it is removed.
static bool remove_stale(const char *path, const struct sockaddr_un *address, struct err *err)
{
    struct stat status;
    if (lstat(path, &status) != 0)
        return errno == ENOENT || err_set_errno(err, "cannot look at %s", path);
    if (!S_ISSOCK(status.st_mode))
        return err_set(err, "%s is there and is no socket; choose another path", path);
    int probe = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (probe < 0)
        return err_set_errno(err, "cannot open a socket");
    bool dead =
        connect(probe, (const struct sockaddr *)address, sizeof(*address)) != 0 && errno == ECONNREFUSED;
    close(probe);
    if (!dead)
        return err_set(err, "cannot listen on unix:%s: another process listens there", path);
    return unlink(path) == 0 || errno == ENOENT ||
           err_set_errno(err, "cannot remove the dead socket %s", path);
}

static bool listen_unix(struct http_listener *listener, struct err *err)
{
    const char *path = listener->address.path;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct stat status;
    memcpy(address.sun_path, path, strlen(path) + 1);
    if (!remove_stale(path, &address, err))
        return false;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    // The file is born without permissions and gets them before anybody can be waiting in the backlog.
    if (fd < 0 || fchmod(fd, 0) != 0 || bind(fd, (const struct sockaddr *)&address, sizeof(address)) != 0) {
        err_set_errno(err, "cannot listen on unix:%s", path);
        if (fd >= 0)
            close(fd);
        return false;
    }
    listener->fd = fd;
    if (lstat(path, &status) == 0) {
        listener->device = status.st_dev;
        listener->inode = status.st_ino;
    }
    if (chmod(path, listener->address.mode) != 0 || listen(fd, LISTEN_BACKLOG) != 0)
        return err_set_errno(err, "cannot listen on unix:%s", path);
    return true;
}

static struct http_listener *add_listener(struct http_listeners *listeners, enum http_place place)
{
    BUG_ON(listeners->count == ARRAY_LEN(listeners->list));
    struct http_listener *listener = &listeners->list[listeners->count++];
    *listener = (struct http_listener){.watched.ready = accept_ready, .fd = -1, .place = place};
    return listener;
}

static bool listen_on(struct http_listeners *listeners, const char *text, enum http_place place,
                      struct err *err)
{
    struct address list[ADDRESS_MANY];
    size_t count;
    if (!address_parse_list(str_from(text), list, &count, err))
        return false;
    for (size_t i = 0; i < count; i++) {
        struct http_listener *listener = add_listener(listeners, place);
        listener->address = list[i];
        if (!(list[i].is_unix ? listen_unix(listener, err) : listen_tcp(listener, err)))
            return false;
    }
    return true;
}

// A socket that listens already. Its file, if it has one, is its maker's to remove.
static bool take_socket(struct http_listeners *listeners, const struct http_socket *given, struct err *err)
{
    struct http_listener *listener = add_listener(listeners, given->place);
    struct sockaddr_storage bound = {0};
    socklen_t len = sizeof(bound), option_len = sizeof(int);
    int listens = 0, type = 0;
    listener->fd = given->fd;
    if (getsockopt(given->fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &option_len) != 0 || !listens ||
        getsockopt(given->fd, SOL_SOCKET, SO_TYPE, &type, &option_len) != 0 || type != SOCK_STREAM ||
        getsockname(given->fd, (struct sockaddr *)&bound, &len) != 0)
        return err_set(err, "descriptor %d from the service manager is no listening stream socket",
                       given->fd);
    int flags = fcntl(given->fd, F_GETFL);
    if (flags < 0 || fcntl(given->fd, F_SETFL, flags | O_NONBLOCK) != 0 ||
        fcntl(given->fd, F_SETFD, FD_CLOEXEC) != 0)
        return err_set_errno(err, "cannot prepare descriptor %d", given->fd);
    struct address *address = &listener->address;
    address->is_unix = bound.ss_family == AF_UNIX;
    address->mode = ADDRESS_UNIX_MODE;
    if (address->is_unix) {
        snprintf(address->path, sizeof(address->path), "%.*s", (int)ADDRESS_PATH_MAX,
                 ((struct sockaddr_un *)&bound)->sun_path);
        return true;
    }
    address->port = port_of(&bound);
    if (!sends_at_once(given->fd))
        return err_set_errno(err, "cannot prepare descriptor %d", given->fd);
    if (getnameinfo((struct sockaddr *)&bound, len, address->host, sizeof(address->host), NULL, 0,
                    NI_NUMERICHOST) != 0)
        return err_set(err, "descriptor %d from the service manager is of no address family known here",
                       given->fd);
    return true;
}

static bool open_place(struct http_listeners *listeners, const struct http_where *where,
                       enum http_place place, const char *text, struct err *err)
{
    bool given = false;
    for (size_t i = 0; i < where->socket_count; i++) {
        if (where->sockets[i].place != place)
            continue;
        given = true;
        if (!take_socket(listeners, &where->sockets[i], err))
            return false;
    }
    if (place == HTTP_ADMIN)
        listeners->has_admin = given || text;
    return given || !text || listen_on(listeners, text, place, err);
}

// Those that no listener has become.
static void close_others(const struct http_listeners *listeners, const struct http_where *where)
{
    for (size_t i = 0; i < where->socket_count; i++) {
        bool taken = false;
        for (size_t k = 0; listeners && k < listeners->count; k++)
            taken = taken || listeners->list[k].fd == where->sockets[i].fd;
        if (!taken)
            close(where->sockets[i].fd);
    }
}

bool http_listen(const struct http_where *where, struct http_listeners **ret_listeners, struct err *err)
{
    struct http_listeners *listeners = NULL;
    bool ok = where->socket_count <= HTTP_SOCKETS_MANY;
    if (!ok)
        err_set(err, "more than %d sockets from the service manager", HTTP_SOCKETS_MANY);
    else if (!(listeners = calloc(1, sizeof(*listeners))))
        ok = err_set(err, "no memory for listeners");
    ok = ok && open_place(listeners, where, HTTP_PUBLIC, where->listen, err) &&
         open_place(listeners, where, HTTP_ADMIN, where->admin_listen, err);
    if (!ok) {
        close_others(listeners, where);
        http_listeners_free(listeners);
        return false;
    }
    *ret_listeners = listeners;
    return true;
}

void http_listeners_free(struct http_listeners *listeners)
{
    if (listeners)
        listeners_close(listeners);
    free(listeners);
}

void listeners_close(struct http_listeners *listeners)
{
    for (size_t i = 0; i < listeners->count; i++) {
        struct http_listener *listener = &listeners->list[i];
        struct stat status;
        const char *path = listener->address.path;
        if (listener->fd < 0)
            continue;
        // Not if another process has taken the path over.
        if (listener->inode && lstat(path, &status) == 0 && status.st_dev == listener->device &&
            status.st_ino == listener->inode)
            unlink(path);
        close(listener->fd);
        listener->fd = -1;
    }
}
