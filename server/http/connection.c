// SPDX-License-Identifier: Apache-2.0
// Open connections: how many, and by when each must have got on.
#include "server/http/internal.h"

#include <sys/socket.h>

struct http_connection *connection_of(struct MHD_Connection *mhd)
{
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return info ? info->socket_context : NULL;
}

static int fd_of(struct MHD_Connection *mhd)
{
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD);
    BUG_ON(!info);
    return info->connect_fd;
}

// Without memory the connection stays unknown, and its first request closes it.
static void open_connection(struct http_server *server, struct MHD_Connection *mhd, void **socket_context)
{
    struct http_connection *connection = calloc(1, sizeof(*connection));
    *socket_context = connection;
    if (!connection)
        return;
    connection->server = server;
    connection->mhd = mhd;
    connection->fd = fd_of(mhd);
    connection->next = server->connections;
    if (connection->next)
        connection->next->prev = connection;
    server->connections = connection;
    server->connection_count++;
    connection_await_head(connection);
}

static void close_connection(struct http_connection *connection)
{
    struct http_server *server = connection->server;
    if (connection->next)
        connection->next->prev = connection->prev;
    if (connection->prev)
        connection->prev->next = connection->next;
    else
        server->connections = connection->next;
    server->connection_count--;
    server->run_again = true;
    free(connection);
}

void on_connection(void *cls, struct MHD_Connection *mhd, void **socket_context,
                   enum MHD_ConnectionNotificationCode code)
{
    struct http_server *server = cls;
    server->progress++;
    if (code == MHD_CONNECTION_NOTIFY_STARTED)
        open_connection(server, mhd, socket_context);
    else if (*socket_context)
        close_connection(*socket_context);
}

void *on_target(void *cls, const char *uri, struct MHD_Connection *mhd)
{
    struct http_server *server = cls;
    struct http_connection *connection = connection_of(mhd);
    server->progress++;
    if (!connection)
        return NULL;
    struct str target = str_from(uri);
    connection->line_at = clock_mono_us(server->config.clock);
    connection->target = framing_judge_target(target, &connection->target_why);
    connection->target_len = target.len;
    return NULL;
}

static void await(struct http_connection *connection, unsigned looks, int64_t ends_at)
{
    connection->awaits_body = false;
    connection->unread = 0;
    connection->looks = looks;
    connection->ends_at = ends_at;
}

static int64_t ends_by_rate(int64_t since, uint64_t bytes)
{
    return since + HTTP_GRACE_US + (int64_t)(bytes / HTTP_BYTES_PER_SEC) * USEC_PER_SEC;
}

void connection_await_head(struct http_connection *connection)
{
    const struct http_config *config = &connection->server->config;
    int64_t idle_us = (int64_t)config->idle_timeout_sec * USEC_PER_SEC;
    await(connection, HTTP_REAP_LOOKS, clock_mono_us(config->clock) + idle_us + HTTP_GRACE_US);
}

void connection_await_body(struct http_connection *connection, int64_t since, uint64_t bytes)
{
    await(connection, HTTP_REAP_LOOKS, ends_by_rate(since, bytes));
    connection->awaits_body = true;
}

void connection_await_us(struct http_connection *connection)
{
    await(connection, 0, INT64_MAX);
}

void connection_await_answer(struct http_connection *connection, int64_t since, uint64_t bytes)
{
    await(connection, 0, ends_by_rate(since, bytes));
}

// 1: there is one, 0: the stream has ended, below 0: nothing to tell.
static ssize_t peek(const struct http_connection *connection)
{
    char byte;
    return recv(connection->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
}

// The library sees the end of the stream and cleans up as for any client that left; if it does not even read,
// its shortest timeout does it.
static void end_connection(struct http_connection *connection)
{
    await(connection, 0, INT64_MAX);
    shutdown(connection->fd, SHUT_RDWR);
    MHD_set_connection_option(connection->mhd, MHD_CONNECTION_OPTION_TIMEOUT, 1U);
}

// The library watches edges: when the end of the stream is there together with the last bytes, it reads the
// bytes and never learns of the end.
static bool has_left(struct http_connection *connection)
{
    if (connection->looks == 0)
        return false;
    connection->looks--;
    return peek(connection) == 0;
}

void connections_reap(struct http_server *server, int64_t now)
{
    for (struct http_connection *connection = server->connections; connection; connection = connection->next)
        if (connection->ends_at <= now || has_left(connection))
            end_connection(connection);
}

void connections_unblock(struct http_server *server)
{
    for (struct http_connection *connection = server->connections; connection; connection = connection->next)
        if (connection->awaits_body && peek(connection) > 0 && ++connection->unread >= HTTP_STUCK_MANY)
            end_connection(connection);
}
