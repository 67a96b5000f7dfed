// SPDX-License-Identifier: Apache-2.0
// Bytes from and to a connection, plain or by TLS, without ever waiting.
#include "server/http/internal.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/uio.h>

// A socket that gave less than was asked for is empty, unless its end is there, too.
static ssize_t receive_plain(struct http_connection *connection, char *ret_bytes, size_t cap)
{
    ssize_t len;
    do
        len = recv(connection->fd, ret_bytes, cap, 0);
    while (len < 0 && errno == EINTR);
    if (len > 0) {
        connection->readable = (size_t)len == cap || connection->half_closed;
        return len;
    }
    return len < 0 && (errno == EAGAIN || errno == EWOULDBLOCK) ? 0 : -1;
}

ssize_t io_receive(struct http_connection *connection, char *ret_bytes, size_t cap)
{
    ssize_t len = connection->tls.session ? tls_receive(&connection->tls, ret_bytes, cap)
                                          : receive_plain(connection, ret_bytes, cap);
    if (len == 0)
        connection->readable = false;
    return len;
}

// How many bytes went; 0: none now, below 0: none will.
static ssize_t send_some(struct http_connection *connection, struct str head, struct str body)
{
    if (connection->tls.session)
        return tls_send(&connection->tls, head.len > 0 ? head : body);
    struct iovec parts[2] = {{(void *)(uintptr_t)head.ptr, head.len},
                             {(void *)(uintptr_t)body.ptr, body.len}};
    struct msghdr message = {.msg_iov = head.len > 0 ? parts : parts + 1,
                             .msg_iovlen = head.len > 0 && body.len > 0 ? 2 : 1};
    ssize_t len;
    do
        len = sendmsg(connection->fd, &message, MSG_NOSIGNAL);
    while (len < 0 && errno == EINTR);
    return len < 0 && (errno == EAGAIN || errno == EWOULDBLOCK) ? 0 : len;
}

static struct str waiting_output(const struct http_connection *connection)
{
    return str_skip(buf_str(&connection->output), connection->output_sent);
}

static void forget_output(struct http_connection *connection)
{
    buf_recycle(&connection->output, 0);
    connection->output_sent = 0;
}

// Of what waits, `len` bytes went.
static void advance(struct http_connection *connection, size_t len)
{
    size_t front = MIN(len, waiting_output(connection).len);
    connection->output_sent += front;
    connection->output_body = str_skip(connection->output_body, len - front);
    if (connection->output.len > 0 && waiting_output(connection).len == 0)
        forget_output(connection);
}

enum io_state io_flush(struct http_connection *connection)
{
    for (;;) {
        struct str front = waiting_output(connection);
        if (connection->gone)
            return IO_BROKEN;
        if (front.len == 0 && connection->output_body.len == 0)
            return IO_DONE;
        if (!connection->writable)
            return IO_BLOCKED;
        ssize_t len = send_some(connection, front, connection->output_body);
        if (len < 0)
            connection->gone = true;
        else if (len == 0)
            connection->writable = false;
        else
            advance(connection, (size_t)len);
    }
}

void io_send(struct http_connection *connection, struct str head, struct str body)
{
    BUG_ON(waiting_output(connection).len > 0 || connection->output_body.len > 0);
    size_t sent = 0;
    // By TLS head and body are to be one record, and what was tried once must be tried again as it was.
    bool copies = connection->tls.session && body.len <= HTTP_TLS_COPY;
    if (!connection->tls.session && connection->writable && !connection->gone) {
        ssize_t len = send_some(connection, head, body);
        connection->gone = len < 0;
        connection->writable = len != 0;
        sent = len > 0 ? (size_t)len : 0;
    }
    if (sent == head.len + body.len || connection->gone)
        return;
    size_t of_head = MIN(sent, head.len);
    body = str_skip(body, sent - of_head);
    buf_put_str(&connection->output, str_skip(head, of_head));
    if (copies)
        buf_put_str(&connection->output, body);
    else
        connection->output_body = body;
    if (!buf_ok(&connection->output))
        connection->gone = true;
}
