// SPDX-License-Identifier: Apache-2.0
// Finds the route of a method and a decoded path.
#ifndef VOX_HTTP_ROUTE_H
#define VOX_HTTP_ROUTE_H

#include "server/http/http.h"

struct route_match {
    const struct http_route *route; // NULL: none for this method
    struct str arg;                 // what "{name}" matched, within the path
    unsigned allowed;               // methods that the path has, bit 1 << enum http_method; 0: no such path
};

// Exact spelling; false if it is none of ours.
MUST_CHECK bool route_method(struct str name, enum http_method *ret_method);
// Of the routes that are served at `place`; HTTP_EVERYWHERE for a server that has only one.
struct route_match route_find(const struct http_route *routes, size_t count, enum http_place place,
                              enum http_method method, struct str path);
// For the Allow header, "GET, HEAD"; all of ours for 0.
#define ROUTE_ALLOW_LEN 32
void route_allow(unsigned allowed, char ret_text[static ROUTE_ALLOW_LEN]);

#endif
