// SPDX-License-Identifier: Apache-2.0
// A list of addresses over any bytes: what is taken writes back as text that reads as the same.
#include "server/core/address.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct address list[ADDRESS_MANY], again;
    struct err err;
    size_t count;
    if (!address_parse_list(str_slice(data, size), list, &count, &err))
        return 0;
    BUG_ON(count == 0 || count > ADDRESS_MANY);
    for (size_t i = 0; i < count; i++) {
        char text[ADDRESS_TEXT_LEN + 1];
        address_format(&list[i], text);
        BUG_ON(!address_parse(str_from(text), &again, &err));
        BUG_ON(again.is_unix != list[i].is_unix || again.port != list[i].port || again.mode != list[i].mode);
        BUG_ON(strcmp(again.host, list[i].host) != 0 || strcmp(again.path, list[i].path) != 0);
        BUG_ON(list[i].is_unix && list[i].path[0] != '/');
    }
    return 0;
}
