// SPDX-License-Identifier: Apache-2.0
// Who is at the other end: the peer of the connection, or, behind proxies that the operator trusts, whom they
// name.
//
// A proxy appends the address that it sees to the request's list; only what a trusted peer appended can be
// believed. So the list is read from its right end: as long as an address is a trusted proxy's, the next one
// to the left is what that proxy saw; the first that is not trusted is the client. Where the list ends or
// holds something that is no address, the last one that was believed stands for the client. Which header is
// read is the operator's choice: a proxy that appends to one passes the other as a client made it up.
//
// Addresses are compared as limits need it: IPv4 in IPv6 as IPv4, IPv6 by its /64. Pure functions.
#ifndef VOX_GATE_CLIENT_ADDRESS_H
#define VOX_GATE_CLIENT_ADDRESS_H

#include "lib/base/err.h"
#include "lib/base/str.h"

#include <sys/socket.h>

struct client_address {
    bool is_local;     // a Unix socket's peer: no address, all alike
    uint8_t bytes[16]; // IPv6, or IPv4 as ::ffff:a.b.c.d
};

#define TRUSTED_MANY 64

// The operator's list: networks, and whether peers of Unix sockets are proxies.
struct trusted_proxies {
    bool local;
    size_t count;
    struct trusted_network {
        uint8_t bytes[16];
        unsigned bits; // of 128
    } networks[TRUSTED_MANY];
};

enum forwarded_form { FORWARDED_X_FORWARDED_FOR, FORWARDED_RFC7239 };

// "10.0.0.0/8, 2001:db8::/32, 192.0.2.1, unix"; NULL or empty: nobody is trusted.
MUST_CHECK bool trusted_proxies_parse(const char *text, struct trusted_proxies *ret_trusted, struct err *err);

// `peer` NULL or of an unknown family counts as local. `lines` are the values of the header in the order they
// stand in the request.
struct client_address client_address_of(const struct trusted_proxies *trusted, const struct sockaddr *peer,
                                        enum forwarded_form form, const struct str *lines, size_t line_count);
// Without its last 64 bits where it is IPv6: what limits count by.
struct client_address client_address_network(const struct client_address *address);
bool client_address_is_trusted(const struct trusted_proxies *trusted, const struct client_address *address);

#endif
