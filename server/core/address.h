// SPDX-License-Identifier: Apache-2.0
// Addresses to listen on, as text: "127.0.0.1:8787", "localhost:8787", "[::1]:8787",
// "unix:/run/vox/sink.sock", the last also with permissions, "unix:/run/vox/sink.sock:0666"; several in a
// list, separated by commas.
//
// Pure functions. Whether an address can be bound is for whoever binds it.
#ifndef VOX_CORE_ADDRESS_H
#define VOX_CORE_ADDRESS_H

#include "lib/base/err.h"
#include "lib/base/str.h"

#include <sys/un.h>

#define ADDRESS_HOST_MAX  255
#define ADDRESS_PATH_MAX  (sizeof(((struct sockaddr_un *)0)->sun_path) - 1)
#define ADDRESS_TEXT_LEN  (ADDRESS_HOST_MAX + 16)
#define ADDRESS_MANY      16
#define ADDRESS_UNIX_MODE 0660 // unless the text says another

struct address {
    bool is_unix;
    char host[ADDRESS_HOST_MAX + 1]; // without brackets
    uint16_t port;
    char path[ADDRESS_PATH_MAX + 1]; // absolute
    unsigned mode;                   // permissions of the socket file
};

MUST_CHECK bool address_parse(struct str text, struct address *ret_address, struct err *err);
// At least one, at most ADDRESS_MANY, none twice but for port 0.
MUST_CHECK bool address_parse_list(struct str text, struct address ret_list[static ADDRESS_MANY],
                                   size_t *ret_count, struct err *err);
// Text that parses to the same address.
void address_format(const struct address *address, char ret_text[static ADDRESS_TEXT_LEN + 1]);

#endif
