// SPDX-License-Identifier: Apache-2.0
// Door: JSON text, by a parser that has read all before it. jansson is the oracle.
#include "lib/json/parse.h"
#include "tests/unit/json_peer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct json_parser parser;
    json_peer_check(&parser, str_slice(data, size));
    return 0;
}
