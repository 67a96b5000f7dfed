// SPDX-License-Identifier: Apache-2.0
// Addresses and networks as 128 bits, and lists of them read from the right.
#include "server/gate/client_address.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#define HOPS_MAX     16 // proxies in a row that are followed
#define V4_BITS      96 // of the prefix under which IPv4 stands in IPv6
#define ADDRESS_TEXT 64

static const uint8_t v4_prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

static bool is_v4(const uint8_t bytes[static 16])
{
    return memcmp(bytes, v4_prefix, sizeof(v4_prefix)) == 0;
}

static void put_v4(uint8_t bytes[static 16], const void *four)
{
    memcpy(bytes, v4_prefix, sizeof(v4_prefix));
    memcpy(bytes + sizeof(v4_prefix), four, 4);
}

// An IPv4 or IPv6 address and nothing else: no port, no brackets, no scope.
static bool parse_ip(struct str text, uint8_t ret_bytes[static 16])
{
    char copy[ADDRESS_TEXT];
    struct in_addr v4;
    if (text.len == 0 || text.len >= sizeof(copy) || memchr(text.ptr, '\0', text.len))
        return false;
    memcpy(copy, text.ptr, text.len);
    copy[text.len] = '\0';
    if (inet_pton(AF_INET, copy, &v4) == 1) {
        put_v4(ret_bytes, &v4);
        return true;
    }
    return inet_pton(AF_INET6, copy, ret_bytes) == 1;
}

static bool is_port(struct str text)
{
    uint64_t port;
    return str_to_u64(text, &port) && port <= UINT16_MAX;
}

// "192.0.2.1", "192.0.2.1:80", "2001:db8::1", "[2001:db8::1]", "[2001:db8::1]:80".
static bool parse_node(struct str text, struct client_address *ret_address)
{
    struct client_address address = {0};
    struct str port = STR_NULL;
    if (str_starts(text, STR("["))) {
        struct str rest = str_skip(text, 1);
        text = str_cut(&rest, ']');
        if (!rest.ptr || (rest.len && rest.ptr[0] != ':') || str_find(text, ':') == text.len)
            return false;
        port = rest.len ? str_skip(rest, 1) : STR_NULL;
    } else if (str_find(text, '.') < str_find(text, ':')) {
        port = text;
        text = str_cut(&port, ':');
    }
    if ((port.ptr && !is_port(port)) || !parse_ip(text, address.bytes))
        return false;
    *ret_address = address;
    return true;
}

static bool parse_network(struct str text, struct trusted_network *ret_network)
{
    struct trusted_network network = {0};
    struct str length = text;
    struct str ip = str_cut(&length, '/');
    uint64_t bits;
    if (!parse_ip(ip, network.bytes))
        return false;
    bool v4 = str_find(ip, ':') == ip.len;
    bits = v4 ? 32 : 128;
    if (length.ptr && (!str_to_u64(length, &bits) || bits > (v4 ? 32 : 128)))
        return false;
    network.bits = (unsigned)bits + (v4 ? V4_BITS : 0);
    *ret_network = network;
    return true;
}

bool trusted_proxies_parse(const char *text, struct trusted_proxies *ret_trusted, struct err *err)
{
    struct trusted_proxies trusted = {0};
    struct str rest = str_trim(str_from(text));
    if (rest.len == 0)
        rest = STR_NULL;
    while (rest.ptr) {
        struct str one = str_trim(str_cut(&rest, ','));
        if (str_eq(one, STR("unix"))) {
            trusted.local = true;
            continue;
        }
        if (trusted.count == TRUSTED_MANY)
            return err_set(err, "trusted_proxies names more than %d networks", TRUSTED_MANY);
        if (!parse_network(one, &trusted.networks[trusted.count]))
            return err_set(err,
                           "trusted_proxies has \"%.*s\", which is no address, network or unix; write it as "
                           "10.0.0.0/8, 2001:db8::1, unix",
                           (int)MIN(one.len, (size_t)60), one.ptr);
        trusted.count++;
    }
    *ret_trusted = trusted;
    return true;
}

static bool in_network(const uint8_t bytes[static 16], const struct trusted_network *network)
{
    unsigned whole = network->bits / 8, rest = network->bits % 8;
    if (memcmp(bytes, network->bytes, whole) != 0)
        return false;
    return rest == 0 || ((bytes[whole] ^ network->bytes[whole]) >> (8 - rest)) == 0;
}

bool client_address_is_trusted(const struct trusted_proxies *trusted, const struct client_address *address)
{
    if (address->is_local)
        return trusted->local;
    for (size_t i = 0; i < trusted->count; i++)
        if (in_network(address->bytes, &trusted->networks[i]))
            return true;
    return false;
}

struct client_address client_address_network(const struct client_address *address)
{
    struct client_address network = *address;
    if (!network.is_local && !is_v4(network.bytes))
        memset(network.bytes + 8, 0, 8);
    return network;
}

static struct client_address address_of_peer(const struct sockaddr *peer)
{
    struct client_address address = {0};
    if (peer && peer->sa_family == AF_INET)
        put_v4(address.bytes, &((const struct sockaddr_in *)(const void *)peer)->sin_addr);
    else if (peer && peer->sa_family == AF_INET6)
        memcpy(address.bytes, &((const struct sockaddr_in6 *)(const void *)peer)->sin6_addr, 16);
    else
        address.is_local = true;
    return address;
}

// What stands before the next `sep` that is in no quoted string; `*rest` goes behind it, absent at the end.
static struct str cut_unquoted(struct str *rest, char sep)
{
    bool quoted = false;
    for (size_t i = 0; i < rest->len; i++) {
        char c = rest->ptr[i];
        if (quoted && c == '\\')
            i++;
        else if (c == '"')
            quoted = !quoted;
        else if (!quoted && c == sep) {
            struct str before = str_slice(rest->ptr, i);
            *rest = str_skip(*rest, i + 1);
            return before;
        }
    }
    struct str all = *rest;
    *rest = STR_NULL;
    return all;
}

// The node of a Forwarded element, `for=192.0.2.1;proto=https`; absent where it has none or two.
static struct str node_of_element(struct str element)
{
    struct str node = STR_NULL;
    unsigned found = 0;
    while (element.ptr) {
        struct str value = str_trim(cut_unquoted(&element, ';'));
        struct str name = str_cut(&value, '=');
        if (!str_eq_nocase(name, STR("for")) || !value.ptr)
            continue;
        found++;
        node = value;
    }
    if (found != 1)
        return STR_NULL;
    if (node.len >= 2 && node.ptr[0] == '"' && node.ptr[node.len - 1] == '"')
        node = str_slice(node.ptr + 1, node.len - 2); // an escape in it makes it no address
    return node;
}

// The elements of all lines, at most the last HOPS_MAX, in order; how many.
static size_t last_elements(enum forwarded_form form, const struct str *lines, size_t line_count,
                            struct str ret_elements[static HOPS_MAX])
{
    size_t count = 0;
    for (size_t i = 0; i < line_count; i++) {
        struct str rest = lines[i];
        while (rest.ptr) {
            struct str one = form == FORWARDED_RFC7239 ? cut_unquoted(&rest, ',') : str_cut(&rest, ',');
            if (count == HOPS_MAX) {
                memmove(ret_elements, ret_elements + 1, (HOPS_MAX - 1) * sizeof(*ret_elements));
                count--;
            }
            ret_elements[count++] = str_trim(one);
        }
    }
    return count;
}

struct client_address client_address_of(const struct trusted_proxies *trusted, const struct sockaddr *peer,
                                        enum forwarded_form form, const struct str *lines, size_t line_count)
{
    struct str elements[HOPS_MAX];
    struct client_address address = address_of_peer(peer);
    if (line_count == 0 || !client_address_is_trusted(trusted, &address))
        return address;
    size_t left = last_elements(form, lines, line_count, elements);
    while (left > 0 && client_address_is_trusted(trusted, &address)) {
        struct str node = elements[--left];
        if (form == FORWARDED_RFC7239)
            node = node_of_element(node);
        if (!parse_node(node, &address))
            break;
    }
    return address;
}
