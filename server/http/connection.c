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

struct http_connection *connection_at(struct crowd_place *place)
{
    return (struct http_connection *)((char *)place - offsetof(struct http_connection, crowd));
}

// Who reaches a socket file is on this machine.
bool listener_is_secure(const struct http_server *server, const struct http_listener *listener)
{
    return server->has_tls && !listener->address.is_unix;
}

bool connection_new(struct http_server *server, const struct http_listener *listener, int fd,
                    uint64_t address)
{
    struct http_connection *connection = calloc(1, sizeof(*connection));
    if (!connection)
        return false;
    if (!crowd_enter(&server->crowd, &connection->crowd, address)) {
        free(connection);
        return false;
    }
    connection->server = server;
    connection->address = address;
    connection->place = listener->place;
    connection->secure = listener_is_secure(server, listener);
    connection->fd = fd;
    LIST_INSERT_HEAD(&server->connections, connection, link);
    server->connection_count++;
    connection->ends_at = clock_mono_us(server->config.clock) + server->config.pace.head_sec * USEC_PER_SEC;
    connection->looks = HTTP_REAP_LOOKS;
    return true;
}

static void remove_connection(struct http_connection *connection)
{
    struct http_server *server = connection->server;
    LIST_REMOVE(connection, link);
    server->connection_count--;
    if (connection->closing)
        server->closing_count--;
    bodies_drop(connection);
    crowd_leave(&server->crowd, &connection->crowd);
    if (connection->tls)
        tls_end(connection->tls);
    free(connection);
}

// Near the head of the list: the library takes connections in the order in which they came, at once or in its
// next run.
static struct http_connection *arriving(struct http_server *server, int fd)
{
    for (struct http_connection *connection = LIST_FIRST(&server->connections); connection;
         connection = LIST_NEXT(connection, link))
        if (!connection->mhd && connection->fd == fd)
            return connection;
    return NULL;
}

void connection_forget(struct http_server *server, int fd)
{
    struct http_connection *connection = arriving(server, fd);
    if (connection)
        remove_connection(connection);
}

void connections_forget(struct http_server *server)
{
    for (struct http_connection *connection = LIST_FIRST(&server->connections), *next; connection;
         connection = next) {
        next = LIST_NEXT(connection, link);
        if (!connection->mhd)
            remove_connection(connection);
    }
}

void on_connection(void *cls, struct MHD_Connection *mhd, void **socket_context,
                   enum MHD_ConnectionNotificationCode code)
{
    struct http_server *server = cls;
    struct http_connection *connection = *socket_context;
    server->progress++;
    if (code != MHD_CONNECTION_NOTIFY_STARTED) {
        if (connection)
            remove_connection(connection);
        return;
    }
    connection = arriving(server, fd_of(mhd));
    BUG_ON(!connection);
    connection->mhd = mhd;
    *socket_context = connection;
    if (connection->secure && !tls_begin(&server->tls, mhd, &connection->tls))
        connection_end(connection, "refused");
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
    connection->ends_at =
        MIN(connection->ends_at, connection->line_at + server->config.pace.head_sec * USEC_PER_SEC);
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

// One that is ended gives no second place to a newcomer.
static void wait_for_client(struct http_connection *connection)
{
    if (!connection->closing)
        crowd_wait(&connection->server->crowd, &connection->crowd);
}

static int64_t ends_by_rate(const struct http_connection *connection, int64_t since, uint64_t bytes)
{
    const struct http_pace *pace = &connection->server->config.pace;
    uint64_t sec = MIN(pace->grace_sec + bytes / pace->bytes_per_sec, (uint64_t)pace->transfer_sec);
    return since + (int64_t)sec * USEC_PER_SEC;
}

void connection_await_head(struct http_connection *connection)
{
    const struct http_config *config = &connection->server->config;
    int64_t sec = (int64_t)config->pace.idle_sec + config->pace.head_sec;
    await(connection, HTTP_REAP_LOOKS, clock_mono_us(config->clock) + sec * USEC_PER_SEC);
    wait_for_client(connection);
}

// Its place in the crowd is from the body's beginning, however much of it comes.
void connection_await_body(struct http_connection *connection, int64_t since, uint64_t bytes)
{
    await(connection, HTTP_REAP_LOOKS, ends_by_rate(connection, since, bytes));
    connection->awaits_body = true;
    if (!connection->crowd.waits)
        wait_for_client(connection);
}

void connection_await_us(struct http_connection *connection)
{
    await(connection, 0, INT64_MAX);
    crowd_serve(&connection->server->crowd, &connection->crowd);
}

void connection_await_answer(struct http_connection *connection, int64_t since, uint64_t bytes)
{
    await(connection, 0, ends_by_rate(connection, since, bytes));
    wait_for_client(connection);
}

// 1: there is one, 0: the stream has ended, below 0: nothing to tell.
static ssize_t peek(const struct http_connection *connection)
{
    char byte;
    return recv(connection->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
}

// The library sees the end of the stream and cleans up as for any client that left; if it does not even read,
// its shortest timeout does it.
void connection_end(struct http_connection *connection, const char *reason)
{
    struct http_server *server = connection->server;
    await(connection, 0, INT64_MAX);
    crowd_serve(&server->crowd, &connection->crowd); // nobody is to choose it again
    if (!connection->closing) {
        connection->closing = true;
        server->closing_count++;
        connection_count_cut(server, reason);
    }
    shutdown(connection->fd, SHUT_RDWR);
    if (connection->mhd)
        MHD_set_connection_option(connection->mhd, MHD_CONNECTION_OPTION_TIMEOUT, 1U);
}

void connection_count_cut(struct http_server *server, const char *reason)
{
    metrics_add(server->config.metrics, METRIC_CONNECTIONS_CUT, reason, NULL, 1);
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
    for (struct http_connection *connection = LIST_FIRST(&server->connections); connection;
         connection = LIST_NEXT(connection, link)) {
        if (connection->ends_at <= now)
            connection_end(connection, "deadline");
        else if (has_left(connection))
            connection_end(connection, "left");
    }
}

void connections_unblock(struct http_server *server)
{
    for (struct http_connection *connection = LIST_FIRST(&server->connections); connection;
         connection = LIST_NEXT(connection, link))
        if (connection->awaits_body && peek(connection) > 0 && ++connection->unread >= HTTP_STUCK_MANY)
            connection_end(connection, "stuck");
}
