// SPDX-License-Identifier: Apache-2.0
// Times from peers: what is accepted has a text that reads back as the same microsecond.
#include "lib/base/clock.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = str_slice(data, size);
    int64_t us, again, days;
    if (rfc3339_parse(text, &us)) {
        char out[RFC3339_LEN + 1];
        rfc3339_format(us, out);
        BUG_ON(strlen(out) != RFC3339_LEN || !rfc3339_parse(str_from(out), &again) || again != us);
    }
    if (date_parse(text, &days)) {
        int64_t year;
        unsigned month, day;
        char out[32];
        civil_from_days(days, &year, &month, &day);
        snprintf(out, sizeof(out), "%04d-%02u-%02u", (int)year, month, day);
        BUG_ON(!str_eq(str_from(out), text));
    }
    return 0;
}
