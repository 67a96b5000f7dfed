// SPDX-License-Identifier: Apache-2.0
// Whom a request is from, behind proxies and without.
#include "server/gate/client_address.h"

#include "check_main.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/un.h>

#define MANY_LINES 4

static struct trusted_proxies trust(const char *text)
{
    struct trusted_proxies trusted;
    struct err err;
    ck_assert_msg(trusted_proxies_parse(text, &trusted, &err), "%s", err.text);
    return trusted;
}

static const struct sockaddr *peer_of(const char *text, struct sockaddr_storage *storage)
{
    *storage = (struct sockaddr_storage){0};
    struct sockaddr_in *v4 = (struct sockaddr_in *)(void *)storage;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)(void *)storage;
    if (inet_pton(AF_INET, text, &v4->sin_addr) == 1)
        storage->ss_family = AF_INET;
    else if (inet_pton(AF_INET6, text, &v6->sin6_addr) == 1)
        storage->ss_family = AF_INET6;
    else
        storage->ss_family = AF_UNIX;
    return (const struct sockaddr *)storage;
}

static const char *text_of(const struct client_address *address)
{
    static char text[INET6_ADDRSTRLEN];
    if (address->is_local)
        return "unix";
    inet_ntop(AF_INET6, address->bytes, text, sizeof(text));
    return strncmp(text, "::ffff:", 7) == 0 ? text + 7 : text;
}

static const struct row {
    const char *trusted, *peer;
    enum forwarded_form form;
    const char *lines[MANY_LINES];
    const char *client;
} rows[] = {
    {NULL, "192.0.2.1", 0, {"203.0.113.9"}, "192.0.2.1"},
    {NULL, "unix", 0, {"203.0.113.9"}, "unix"},
    {"10.0.0.0/8", "192.0.2.1", 0, {"203.0.113.9"}, "192.0.2.1"},
    {"10.0.0.0/8", "10.1.2.3", 0, {NULL}, "10.1.2.3"},
    {"10.0.0.0/8", "10.1.2.3", 0, {"203.0.113.9"}, "203.0.113.9"},
    {"10.0.0.0/8", "::ffff:10.1.2.3", 0, {"203.0.113.9"}, "203.0.113.9"},
    {"unix", "unix", 0, {"203.0.113.9"}, "203.0.113.9"},
    {"unix, 10.0.0.0/8", "unix", 0, {"198.51.100.1, 203.0.113.9, 10.0.0.1"}, "203.0.113.9"},
    // From the right, over all lines; what the client wrote on the left is not believed.
    {"10.0.0.0/8", "10.1.2.3", 0, {"1.1.1.1, 203.0.113.9", "10.0.0.7 , 10.0.0.8"}, "203.0.113.9"},
    {"10.0.0.0/8", "10.1.2.3", 0, {"10.0.0.6", "10.0.0.7"}, "10.0.0.6"},
    // What is no address ends it: the last proxy stands for the client.
    {"10.0.0.0/8", "10.1.2.3", 0, {"203.0.113.9, unknown"}, "10.1.2.3"},
    {"10.0.0.0/8", "10.1.2.3", 0, {"203.0.113.9, , 10.0.0.8"}, "10.0.0.8"},
    {"10.0.0.0/8", "10.1.2.3", 0, {""}, "10.1.2.3"},
    {"10.0.0.0/8", "10.1.2.3", 0, {"203.0.113.9:4711"}, "203.0.113.9"},
    {"10.0.0.0/8", "10.1.2.3", 0, {"203.0.113.9:99999"}, "10.1.2.3"},
    {"10.0.0.0/8", "10.1.2.3", 0, {"203.0.113.9.1"}, "10.1.2.3"},
    {"10.0.0.0/8", "10.1.2.3", 0, {"203.0.113.09"}, "10.1.2.3"},
    {"10.0.0.0/8", "10.1.2.3", 0, {"2001:db8::9"}, "2001:db8::9"},
    {"10.0.0.0/8", "10.1.2.3", 0, {"[2001:db8::9]:443"}, "2001:db8::9"},
    {"10.0.0.0/8", "10.1.2.3", 0, {"[2001:db8::9]"}, "2001:db8::9"},
    {"10.0.0.0/8", "10.1.2.3", 0, {"[2001:db8::9"}, "10.1.2.3"},
    {"10.0.0.0/8", "10.1.2.3", 0, {"[203.0.113.9]"}, "10.1.2.3"},
    {"10.0.0.0/8", "10.1.2.3", 0, {"fe80::1%eth0"}, "10.1.2.3"},
    {"10.0.0.0/8", "10.1.2.3", 0, {"::ffff:203.0.113.9"}, "203.0.113.9"},
    {"2001:db8::/33", "2001:db8:7fff::1", 0, {"203.0.113.9"}, "203.0.113.9"},
    {"2001:db8::/33", "2001:db8:8000::1", 0, {"203.0.113.9"}, "2001:db8:8000::1"},
    {"0.0.0.0/0", "2001:db8::1", 0, {"203.0.113.9"}, "2001:db8::1"},
    {"::/0", "192.0.2.1", 0, {"203.0.113.9"}, "203.0.113.9"},
    {"10.0.0.0/8", "10.1.2.3", FORWARDED_RFC7239, {"for=203.0.113.9"}, "203.0.113.9"},
    {"10.0.0.0/8",
     "10.1.2.3",
     FORWARDED_RFC7239,
     {"for=1.1.1.1, For=203.0.113.9;proto=http;by=10.0.0.1"},
     "203.0.113.9"},
    {"10.0.0.0/8", "10.1.2.3", FORWARDED_RFC7239, {"proto=http;for=\"[2001:db8::9]:4711\""}, "2001:db8::9"},
    {"10.0.0.0/8",
     "10.1.2.3",
     FORWARDED_RFC7239,
     {"for=203.0.113.9;host=\"a,b;for=1.1.1.1\", for=10.0.0.2"},
     "203.0.113.9"},
    {"10.0.0.0/8", "10.1.2.3", FORWARDED_RFC7239, {"for=203.0.113.9, for=_hidden"}, "10.1.2.3"},
    {"10.0.0.0/8", "10.1.2.3", FORWARDED_RFC7239, {"for=203.0.113.9;for=1.1.1.1"}, "10.1.2.3"},
    {"10.0.0.0/8", "10.1.2.3", FORWARDED_RFC7239, {"for=\"203.0.113.9"}, "10.1.2.3"},
    // A quote that a client left open swallows what the proxy appended: nobody is believed.
    {"10.0.0.0/8", "10.1.2.3", FORWARDED_RFC7239, {"for=\"1.1.1.1, for=203.0.113.9"}, "10.1.2.3"},
    {"10.0.0.0/8", "10.1.2.3", FORWARDED_RFC7239, {"203.0.113.9"}, "10.1.2.3"},
    {"10.0.0.0/8", "10.1.2.3", 0, {"for=203.0.113.9"}, "10.1.2.3"},
};

START_TEST(client_address__is_what_trusted_peers_say)
{
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct sockaddr_storage storage;
        struct str lines[MANY_LINES];
        size_t count = 0;
        while (count < MANY_LINES && rows[i].lines[count]) {
            lines[count] = str_from(rows[i].lines[count]);
            count++;
        }
        struct trusted_proxies trusted = trust(rows[i].trusted);
        struct client_address client =
            client_address_of(&trusted, peer_of(rows[i].peer, &storage), rows[i].form, lines, count);
        ck_assert_msg(strcmp(text_of(&client), rows[i].client) == 0, "row %zu: %s", i, text_of(&client));
    }
}
END_TEST

START_TEST(client_address__follows_only_so_many_proxies)
{
    char text[20 * 9 + 32] = "203.0.113.9";
    struct trusted_proxies trusted = trust("10.0.0.0/8");
    struct sockaddr_storage storage;
    for (int i = 0; i < 20; i++)
        snprintf(text + strlen(text), sizeof(text) - strlen(text), ",10.0.0.%d", i);
    const struct str line = str_from(text);
    struct client_address client = client_address_of(&trusted, peer_of("10.1.1.1", &storage), 0, &line, 1);
    ck_assert_str_eq(text_of(&client), "10.0.0.4");
}
END_TEST

START_TEST(client_address__counts_ipv6_by_its_64)
{
    static const char *const pairs[][2] = {
        {"192.0.2.1", "192.0.2.1"}, {"2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"}, {"unix", "unix"}};
    struct trusted_proxies trusted = trust("");
    for (size_t i = 0; i < ARRAY_LEN(pairs); i++) {
        struct sockaddr_storage storage;
        struct client_address client =
            client_address_of(&trusted, peer_of(pairs[i][0], &storage), 0, NULL, 0);
        struct client_address network = client_address_network(&client);
        ck_assert_str_eq(text_of(&network), pairs[i][1]);
    }
    struct client_address nobody = client_address_of(&trusted, NULL, 0, NULL, 0);
    ck_assert(nobody.is_local);
}
END_TEST

START_TEST(trusted_proxies__refuses_what_is_no_network)
{
    static const char *const bad[] = {"everybody", "10.0.0.0/33", "10.0.0/8",  "10.0.0.0/8,",
                                      ",",         "::/129",      "10.0.0.0/", "10.0.0.0/-1",
                                      "[::1]",     "10.0.0.1:80", "unix:/a",   "10.0.0.0/8 192.0.2.1"};
    struct trusted_proxies trusted = {.count = 77};
    struct err err;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        ck_assert_msg(!trusted_proxies_parse(bad[i], &trusted, &err), "%s", bad[i]);
        ck_assert_ptr_nonnull(strstr(err.text, "trusted_proxies"));
    }
    ck_assert_uint_eq(trusted.count, 77);
    char many[TRUSTED_MANY * 8 + 32] = "10.0.0.1";
    for (int i = 0; i < TRUSTED_MANY; i++)
        snprintf(many + strlen(many), sizeof(many) - strlen(many), ",::%d", i);
    ck_assert(!trusted_proxies_parse(many, &trusted, &err));
    ck_assert_ptr_nonnull(strstr(err.text, "more than"));
}
END_TEST

CHECK_MAIN("client_address", client_address__is_what_trusted_peers_say,
           client_address__follows_only_so_many_proxies, client_address__counts_ipv6_by_its_64,
           trusted_proxies__refuses_what_is_no_network)
