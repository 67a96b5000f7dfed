// SPDX-License-Identifier: Apache-2.0
// Cursors from clients: what is accepted lies in times that have a text, and reads back as it was written.
#include "lib/base/clock.h"
#include "server/api/cursor.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_time(int64_t us)
{
    char text[RFC3339_LEN + 1];
    BUG_ON(us < 0);
    rfc3339_format(us, text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct cursor cursor, again;
    char text[CURSOR_TEXT_LEN + 1];
    if (!cursor_parse(str_slice(data, size), &cursor))
        return 0;
    check_time(cursor.received_at);
    check_time(cursor.horizon);
    cursor_format(&cursor, text);
    BUG_ON(!str_eq_nocase(str_from(text), str_slice(data, size)));
    BUG_ON(!cursor_parse(str_from(text), &again));
    BUG_ON(again.received_at != cursor.received_at || again.horizon != cursor.horizon ||
           !uuid_eq(&again.id, &cursor.id));
    return 0;
}
