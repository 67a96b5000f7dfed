// SPDX-License-Identifier: Apache-2.0
// A scan of the table: a few dozen routes, the exact ones before those with a name.
#include "server/http/route.h"

static const char *const method_names[HTTP_METHOD_COUNT] = {"GET", "HEAD", "POST", "DELETE"};

bool route_method(struct str name, enum http_method *ret_method)
{
    for (size_t i = 0; i < HTTP_METHOD_COUNT; i++) {
        if (str_eq(name, str_from(method_names[i]))) {
            *ret_method = (enum http_method)i;
            return true;
        }
    }
    return false;
}

static bool path_matches(struct str pattern, struct str path, struct str *ret_arg)
{
    size_t fixed = str_find(pattern, '{');
    if (fixed == pattern.len)
        return str_eq(pattern, path);
    if (path.len <= fixed || !str_starts(path, str_slice(pattern.ptr, fixed)))
        return false;
    struct str rest = str_skip(path, fixed);
    if (str_find(rest, '/') < rest.len)
        return false;
    *ret_arg = rest;
    return true;
}

static bool has_name(const struct http_route *route)
{
    return strchr(route->path, '{') != NULL;
}

static bool is_served(const struct http_route *route, enum http_place place)
{
    return place == HTTP_EVERYWHERE || route->place == HTTP_EVERYWHERE || route->place == place;
}

struct route_match route_find(const struct http_route *routes, size_t count, enum http_place place,
                              enum http_method method, struct str path)
{
    struct route_match match = {0};
    enum http_method wanted = method == HTTP_HEAD ? HTTP_GET : method;
    for (size_t i = 0; i < count; i++) {
        struct str arg = STR_NULL;
        if (!is_served(&routes[i], place) || !path_matches(str_from(routes[i].path), path, &arg))
            continue;
        match.allowed |= 1U << routes[i].method;
        if (routes[i].method == HTTP_GET)
            match.allowed |= 1U << HTTP_HEAD;
        if (routes[i].method == wanted && (!match.route || has_name(match.route))) {
            match.route = &routes[i];
            match.arg = arg;
        }
    }
    return match;
}

void route_allow(unsigned allowed, char ret_text[static ROUTE_ALLOW_LEN])
{
    size_t len = 0;
    for (size_t i = 0; i < HTTP_METHOD_COUNT; i++) {
        if (allowed && !(allowed & (1U << i)))
            continue;
        int n = snprintf(ret_text + len, ROUTE_ALLOW_LEN - len, "%s%s", len ? ", " : "", method_names[i]);
        BUG_ON(n < 0 || (size_t)n >= ROUTE_ALLOW_LEN - len);
        len += (size_t)n;
    }
}
