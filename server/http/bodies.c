// SPDX-License-Identifier: Apache-2.0
// The memory of bodies that are being received: a ceiling for all of them together, shared out by address.
//
// Connections alone do not bound it: whoever may send can hold thousands of bodies open that lack their last
// byte. At the ceiling one gives way as connections do at theirs (crowd.h): of the address that holds most
// bodies, the one that began first.
#include "server/http/internal.h"

static struct http_connection *connection_with(struct crowd_place *body)
{
    return (struct http_connection *)((char *)body - offsetof(struct http_connection, body));
}

bool bodies_init(struct http_server *server)
{
    return crowd_init(&server->bodies, server->config.max_connections);
}

void bodies_drop(struct http_connection *connection)
{
    struct http_server *server = connection->server;
    if (connection->held == 0)
        return;
    server->held -= connection->held;
    connection->held = 0;
    crowd_leave(&server->bodies, &connection->body);
}

bool bodies_hold(struct http_connection *connection, size_t bytes)
{
    struct http_server *server = connection->server;
    size_t ceiling = server->config.body_bytes;
    if (ceiling == 0 || bytes <= MAX((size_t)HTTP_SMALL_BODY, connection->held))
        return true;
    if (connection->held == 0 && !crowd_enter(&server->bodies, &connection->body, connection->address))
        return false;
    server->held += bytes - connection->held;
    connection->held = bytes;
    while (server->held > ceiling) {
        struct http_connection *victim = connection_with(crowd_victim(&server->bodies, connection->address));
        bodies_drop(victim);
        if (victim == connection)
            return false;
        connection_cut(victim, "memory");
    }
    return true;
}
