// SPDX-License-Identifier: Apache-2.0
// The service manager's variables over any bytes: process, count and names, a line each.
#include "server/core/service.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct service_sockets sockets;
    struct err err = {""};
    struct str rest = str_slice(data, size);
    struct str process = str_cut(&rest, '\n');
    struct str count = str_cut(&rest, '\n');
    if (!service_parse_sockets(process, count, rest, 7, &sockets, &err)) {
        BUG_ON(!err.text[0]);
        return 0;
    }
    BUG_ON(sockets.count > SERVICE_SOCKETS_MANY);
    size_t names = 1;
    for (size_t i = 0; i < rest.len; i++)
        names += rest.ptr[i] == ':';
    BUG_ON(sockets.count > 0 && names != sockets.count);
    return 0;
}
