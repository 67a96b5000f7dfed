// SPDX-License-Identifier: Apache-2.0
// By when a connection must have got on, and whom it waits for meanwhile.
#include "server/http/internal.h"

static int64_t now_of(const struct http_connection *connection)
{
    return clock_mono_us(connection->server->config.clock);
}

static void wait_for_client(struct http_connection *connection)
{
    crowd_wait(&connection->server->crowd, &connection->crowd);
}

static int64_t ends_by_rate(const struct http_connection *connection, int64_t since, uint64_t bytes)
{
    const struct http_pace *pace = &connection->server->config.pace;
    uint64_t sec = MIN(pace->grace_sec + bytes / pace->bytes_per_sec, (uint64_t)pace->transfer_sec);
    return since + (int64_t)sec * USEC_PER_SEC;
}

void connection_await_next(struct http_connection *connection)
{
    connection->ends_at = now_of(connection) + connection->server->config.pace.idle_sec * USEC_PER_SEC;
    wait_for_client(connection);
}

// Once for a head: what trickles gains nothing.
void connection_await_head(struct http_connection *connection)
{
    connection->ends_at = now_of(connection) + connection->server->config.pace.head_sec * USEC_PER_SEC;
}

// Its place in the crowd is from the body's beginning, however much of it comes.
void connection_await_body(struct http_connection *connection, int64_t since, uint64_t bytes)
{
    connection->ends_at = ends_by_rate(connection, since, bytes);
    if (!connection->crowd.waits)
        wait_for_client(connection);
}

void connection_await_us(struct http_connection *connection)
{
    connection->ends_at = INT64_MAX;
    crowd_serve(&connection->server->crowd, &connection->crowd);
}

void connection_await_answer(struct http_connection *connection, int64_t since, uint64_t bytes)
{
    connection->ends_at = ends_by_rate(connection, since, bytes);
    wait_for_client(connection);
}
