// SPDX-License-Identifier: Apache-2.0
// One parse by jansson.
#include "bench/jansson.h"

#include <jansson.h>

bool jansson_reads(const char *text, size_t len)
{
    json_t *json = json_loadb(text, len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, NULL);
    bool read = json != NULL;
    json_decref(json);
    return read;
}
