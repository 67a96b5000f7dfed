// SPDX-License-Identifier: Apache-2.0
// Forwarding headers and the list of trusted proxies: whoever is not trusted changes nothing, and what is
// believed does not depend on what stands further left.
#include "server/gate/client_address.h"

#include <netinet/in.h>

#define LINES_MAX 8

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_list(const uint8_t *data, size_t size)
{
    char text[512];
    struct trusted_proxies trusted;
    struct err err;
    if (size >= sizeof(text))
        return;
    memcpy(text, data, size);
    text[size] = '\0';
    if (trusted_proxies_parse(text, &trusted, &err))
        for (size_t i = 0; i < trusted.count; i++)
            BUG_ON(trusted.networks[i].bits > 128);
}

static bool same(const struct client_address *a, const struct client_address *b)
{
    return a->is_local == b->is_local && memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

static void check_lines(enum forwarded_form form, struct str rest)
{
    struct trusted_proxies some, none;
    struct err err;
    struct sockaddr_in peer = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(0x0a000001)};
    struct str lines[LINES_MAX + 1];
    size_t count = 0;
    lines[0] = STR("for=1.2.3.4, 1.2.3.4");
    while (rest.ptr && count < LINES_MAX)
        lines[1 + count++] = str_cut(&rest, '\n');
    BUG_ON(!trusted_proxies_parse("10.0.0.0/8, ::1, unix", &some, &err));
    BUG_ON(!trusted_proxies_parse(NULL, &none, &err));
    const struct sockaddr *from = (const struct sockaddr *)(const void *)&peer;
    struct client_address plain = client_address_of(&none, from, form, lines, 0);
    struct client_address distrusted = client_address_of(&none, from, form, lines + 1, count);
    struct client_address found = client_address_of(&some, from, form, lines + 1, count);
    struct client_address longer = client_address_of(&some, from, form, lines, count + 1);
    BUG_ON(!same(&plain, &distrusted));
    BUG_ON(found.is_local);
    // A line in front is seen only where all behind it was trusted proxies.
    BUG_ON(!client_address_is_trusted(&some, &found) && !same(&found, &longer));
    struct client_address network = client_address_network(&found);
    struct client_address again = client_address_network(&network);
    BUG_ON(!same(&network, &again));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1)
        return 0;
    switch (data[0] % 3) {
    case 0:
        check_list(data + 1, size - 1);
        break;
    case 1:
        check_lines(FORWARDED_X_FORWARDED_FOR, str_slice(data + 1, size - 1));
        break;
    default:
        check_lines(FORWARDED_RFC7239, str_slice(data + 1, size - 1));
        break;
    }
    return 0;
}
