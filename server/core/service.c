// SPDX-License-Identifier: Apache-2.0
// Environment variables in, datagrams out; no library needed.
#include "server/core/service.h"

#include <sys/socket.h>
#include <sys/un.h>

static bool parse_names(struct str names, struct service_sockets *sockets, struct err *err)
{
    for (size_t i = 0; i < sockets->count; i++) {
        struct str name = str_cut(&names, ':');
        sockets->is_admin[i] = str_eq(name, STR("admin"));
        if (!sockets->is_admin[i] && !str_eq(name, STR("ingest")))
            return err_set(
                err,
                "the service manager's socket number %zu is named \"%.*s\"; name it ingest or admin "
                "(FileDescriptorName= of its unit)",
                i + 1, (int)MIN(name.len, (size_t)60), name.ptr ? name.ptr : "");
    }
    return !names.ptr || err_set(err, "LISTEN_FDNAMES has more names than LISTEN_FDS says");
}

bool service_parse_sockets(struct str process, struct str count, struct str names, int64_t own,
                           struct service_sockets *ret_sockets, struct err *err)
{
    struct service_sockets sockets = {0};
    uint64_t pid, many;
    if (process.ptr && count.ptr && str_to_u64(process, &pid) && pid == (uint64_t)own) {
        if (!str_to_u64(count, &many) || many > SERVICE_SOCKETS_MANY)
            return err_set(err, "LISTEN_FDS is no number up to %d", SERVICE_SOCKETS_MANY);
        sockets.count = (size_t)many;
        if (many > 0 && !parse_names(names, &sockets, err))
            return false;
    }
    *ret_sockets = sockets;
    return true;
}

bool service_take_sockets(struct service_sockets *ret_sockets, struct err *err)
{
    bool ok = service_parse_sockets(str_from(getenv("LISTEN_PID")), str_from(getenv("LISTEN_FDS")),
                                    str_from(getenv("LISTEN_FDNAMES")), getpid(), ret_sockets, err);
    // So that no child takes them for its own.
    unsetenv("LISTEN_PID");
    unsetenv("LISTEN_FDS");
    unsetenv("LISTEN_FDNAMES");
    return ok;
}

void service_notify(const char *state)
{
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t len = path ? strlen(path) : 0;
    if (len < 2 || len >= sizeof(address.sun_path) || (path[0] != '/' && path[0] != '@'))
        return;
    memcpy(address.sun_path, path, len);
    if (path[0] == '@')
        address.sun_path[0] = '\0'; // without a file
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return;
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
    (void)sendto(fd, state, strlen(state), MSG_NOSIGNAL, (const struct sockaddr *)&address, size);
    close(fd);
}
