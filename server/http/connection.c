// SPDX-License-Identifier: Apache-2.0
// The life of a connection: from being accepted, by whatever can be done without waiting, to its end.
#include "server/http/internal.h"

#include <sys/socket.h>
#include <unistd.h>

struct http_connection *connection_at(struct crowd_place *place)
{
    return (struct http_connection *)((char *)place - offsetof(struct http_connection, crowd));
}

void connection_count_cut(struct http_server *server, const char *reason)
{
    metrics_add(server->config.metrics, METRIC_CONNECTIONS_CUT, reason, NULL, 1);
}

static void on_ready(struct http_server *server, struct http_watched *watched, uint32_t events)
{
    struct http_connection *connection = (struct http_connection *)watched;
    (void)server;
    if (connection->fd < 0)
        return; // ended in this turn
    if (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR))
        connection->readable = true;
    if (events & (EPOLLOUT | EPOLLHUP))
        connection->writable = true;
    connection->half_closed |= (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0;
    // Who merely closed a socket file hangs up, too: what it sent before is still to be read.
    connection->gone |= (events & EPOLLERR) != 0;
    connection_go_on(connection);
}

static void set_peer(union http_peer *peer, const struct sockaddr *address)
{
    if (address->sa_family == AF_INET)
        memcpy(&peer->v4, address, sizeof(peer->v4));
    else if (address->sa_family == AF_INET6)
        memcpy(&peer->v6, address, sizeof(peer->v6));
    else
        peer->any.sa_family = address->sa_family;
}

// Watched for edges, once and for all: nothing is told to epoll while requests come and go.
static bool watch(struct http_connection *connection)
{
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
                                .data.ptr = &connection->watched};
    return epoll_ctl(connection->server->epoll_fd, EPOLL_CTL_ADD, connection->fd, &event) == 0;
}

bool connection_open(struct http_server *server, const struct http_listener *listener, int fd,
                     const struct sockaddr *peer, uint64_t address)
{
    struct http_connection *connection = calloc(1, sizeof(*connection));
    if (!connection)
        return false;
    *connection = (struct http_connection){
        .watched.ready = on_ready,
        .server = server,
        .address = address,
        .place = listener->place,
        .fd = fd,
        .is_shaking = listener_is_secure(server, listener),
    };
    set_peer(&connection->peer, peer);
    buf_init(&connection->input, HTTP_INPUT_CEILING);
    buf_init(&connection->output, HTTP_OUTPUT_CEILING);
    bool entered = crowd_enter(&server->crowd, &connection->crowd, address);
    if (entered && (!connection->is_shaking || tls_begin(&server->tls, fd, &connection->tls)) &&
        watch(connection)) {
        LIST_INSERT_HEAD(&server->connections, connection, link);
        server->connection_count++;
        connection_await_head(connection);
        return true;
    }
    tls_end(&connection->tls, false);
    if (entered)
        crowd_leave(&server->crowd, &connection->crowd);
    free(connection);
    return false;
}

static void call_off(struct http_connection *connection)
{
    if (!connection->is_due)
        return;
    connection->is_due = false;
    connection->server->due_count--;
    TAILQ_REMOVE(&connection->server->due, connection, due);
}

// Its pointer may still be among the events of this turn: it is freed after them.
static void end(struct http_connection *connection, bool polite, bool lingers)
{
    struct http_server *server = connection->server;
    int fd = connection->fd;
    if (connection->request) {
        request_free(connection->request);
        connection->request = NULL;
    }
    bodies_drop(connection);
    crowd_leave(&server->crowd, &connection->crowd);
    buf_release(&connection->input);
    buf_release(&connection->output);
    tls_end(&connection->tls, polite);
    call_off(connection);
    LIST_REMOVE(connection, link);
    LIST_INSERT_HEAD(&server->ended, connection, link);
    server->connection_count--;
    connection->fd = -1;
    if (!lingers || shutdown(fd, SHUT_WR) != 0 || !linger_begin(server, fd))
        close(fd);
}

// The client left, or must go; a request that it leaves behind is over, unless somebody works for it.
static void abandon(struct http_connection *connection)
{
    struct http_request *request = connection->request;
    connection->gone = true;
    if (request && request->state == REQUEST_PARKED)
        return;
    if (request)
        report_aborted(request);
    end(connection, false, false);
}

void connection_cut(struct http_connection *connection, const char *reason)
{
    connection_count_cut(connection->server, reason);
    abandon(connection);
}

static struct str waiting_input(const struct http_connection *connection)
{
    return str_skip(buf_str(&connection->input), connection->input_taken);
}

static bool has_news(const struct http_connection *connection)
{
    return waiting_input(connection).len > (connection->request ? 0 : connection->head_seen);
}

static void put_off(struct http_connection *connection)
{
    if (connection->is_due)
        return;
    connection->is_due = true;
    connection->server->due_count++;
    TAILQ_INSERT_TAIL(&connection->server->due, connection, due);
}

// Behind the part of a head that is there already.
static ssize_t receive_more(struct http_connection *connection)
{
    struct buf *input = &connection->input;
    memmove(input->ptr, input->ptr + connection->input_taken, input->len - connection->input_taken);
    input->len -= connection->input_taken;
    connection->input_taken = 0;
    if (!buf_reserve(input, HTTP_HEAD_RAW))
        return -1;
    ssize_t len = io_receive(connection, input->ptr + input->len, HTTP_HEAD_RAW);
    input->len += len > 0 ? (size_t)len : 0;
    return len;
}

// What comes behind a request is held until its turn: little of it is taken, be it in front of a head or with
// the end of a body whose length is known.
static size_t receive_at_most(const struct http_connection *connection)
{
    const struct http_request *request = connection->request;
    if (!request)
        return HTTP_READ_AHEAD_BYTES;
    if (request->framing.chunked)
        return HTTP_READ_BYTES;
    uint64_t left = request->framing.length - request->received;
    return (size_t)MIN(left + HTTP_READ_AHEAD_BYTES, (uint64_t)HTTP_READ_BYTES);
}

// What is to be looked at next, at least a byte that was not yet; absent: nothing for now.
static struct str next_bytes(struct http_connection *connection, unsigned *reads)
{
    if (has_news(connection))
        return waiting_input(connection);
    if (!connection->readable)
        return STR_NULL;
    if (*reads == 0) {
        put_off(connection);
        return STR_NULL;
    }
    --*reads;
    bool more = connection->input.len > 0;
    char *scratch = connection->server->scratch;
    ssize_t len =
        more ? receive_more(connection) : io_receive(connection, scratch, receive_at_most(connection));
    if (len < 0)
        abandon(connection);
    if (len <= 0)
        return STR_NULL;
    return more ? waiting_input(connection) : str_slice(scratch, (size_t)len);
}

// Of these bytes so many were taken; the rest waits.
static void keep_rest(struct http_connection *connection, struct str bytes, size_t taken)
{
    if (connection->input.len == 0) {
        buf_put_str(&connection->input, str_skip(bytes, taken));
    } else {
        connection->input_taken += taken;
        if (waiting_input(connection).len == 0) {
            buf_recycle(&connection->input, 0);
            connection->input_taken = 0;
        }
    }
    if (!buf_ok(&connection->input))
        abandon(connection);
}

static bool take_bytes(struct http_connection *connection, unsigned *reads)
{
    struct str bytes = next_bytes(connection, reads);
    if (bytes.len == 0)
        return false;
    size_t taken =
        connection->request ? serve_body(connection->request, bytes) : serve_head(connection, bytes);
    if (connection->fd < 0)
        return false;
    keep_rest(connection, bytes, taken);
    return true;
}

// The answer is out. What the client may still be sending is heard for a moment, where it is not read.
static bool finish_request(struct http_connection *connection, unsigned *requests)
{
    struct http_request *request = connection->request;
    bool last = request->last, early = request->early;
    connection->request = NULL;
    bodies_drop(connection);
    request_free(request);
    if (last) {
        end(connection, true, early || connection->readable || waiting_input(connection).len > 0);
        return false;
    }
    connection_await_next(connection);
    if (--*requests > 0)
        return true;
    put_off(connection);
    return false;
}

static bool shake(struct http_connection *connection)
{
    enum tls_state state = tls_shake(&connection->tls);
    connection->is_shaking = state != TLS_DONE;
    if (state == TLS_TIRED)
        put_off(connection);
    if (state == TLS_FAILED)
        abandon(connection);
    return state == TLS_DONE;
}

// Between flushed output and the next bytes.
static bool go_on_with(struct http_request *request, unsigned *reads, unsigned *requests)
{
    struct http_connection *connection = request->connection;
    if (request->failed) {
        abandon(connection);
        return false;
    }
    switch (request->state) {
    case REQUEST_PARKED:
        return false;
    case REQUEST_STREAM:
        request_produce(request);
        return true;
    case REQUEST_ANSWERED:
        return finish_request(connection, requests);
    case REQUEST_BODY:
        (void)serve_body(request, STR("")); // the handler may have parked at the last piece
        return request->state != REQUEST_BODY || take_bytes(connection, reads);
    case REQUEST_HEAD:
    case REQUEST_TURN:
    default:
        BUG("a request stands still");
    }
}

static bool go_a_step(struct http_connection *connection, unsigned *reads, unsigned *requests)
{
    if (connection->fd < 0)
        return false;
    if (connection->is_shaking)
        return shake(connection);
    enum io_state out = io_flush(connection);
    if (out == IO_BROKEN)
        abandon(connection);
    if (out != IO_DONE)
        return false;
    return connection->request ? go_on_with(connection->request, reads, requests)
                               : take_bytes(connection, reads);
}

void connection_go_on(struct http_connection *connection)
{
    unsigned reads = HTTP_TURN_READS, requests = HTTP_TURN_REQUESTS;
    while (go_a_step(connection, &reads, &requests))
        ;
}

void connections_go_on(struct http_server *server)
{
    // Who is put off again waits for the next turn.
    for (unsigned many = server->due_count; many > 0 && !TAILQ_EMPTY(&server->due); many--) {
        struct http_connection *connection = TAILQ_FIRST(&server->due);
        call_off(connection);
        connection_go_on(connection);
    }
}

void connections_free_ended(struct http_server *server)
{
    while (!LIST_EMPTY(&server->ended)) {
        struct http_connection *connection = LIST_FIRST(&server->ended);
        LIST_REMOVE(connection, link);
        free(connection);
    }
}

void connections_reap(struct http_server *server, int64_t now)
{
    for (struct http_connection *connection = LIST_FIRST(&server->connections), *next; connection;
         connection = next) {
        next = LIST_NEXT(connection, link);
        if (now == INT64_MAX)
            abandon(connection);
        else if (connection->ends_at <= now)
            connection_cut(connection, "deadline");
    }
}
