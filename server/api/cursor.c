// SPDX-License-Identifier: Apache-2.0
// Hex there and back.
#include "server/api/cursor.h"

#include "lib/base/clock.h"

#include <endian.h>
#include <sodium.h>

#define END_OF_TIME_US (253402300800LL * USEC_PER_SEC) // 10000-01-01T00:00:00Z

struct cursor_bytes {
    uint64_t received_at;
    uint8_t id[16];
    uint64_t horizon;
};

void cursor_format(const struct cursor *cursor, char ret_text[static CURSOR_TEXT_LEN + 1])
{
    struct cursor_bytes bytes = {
        htobe64((uint64_t)cursor->received_at), {0}, htobe64((uint64_t)cursor->horizon)};
    memcpy(bytes.id, cursor->id.bytes, sizeof(bytes.id));
    sodium_bin2hex(ret_text, CURSOR_TEXT_LEN + 1, (const unsigned char *)&bytes, sizeof(bytes));
}

static bool is_time(uint64_t us)
{
    return us < END_OF_TIME_US;
}

bool cursor_parse(struct str text, struct cursor *ret_cursor)
{
    struct cursor_bytes bytes;
    size_t len;
    if (text.len != CURSOR_TEXT_LEN ||
        sodium_hex2bin((unsigned char *)&bytes, sizeof(bytes), text.ptr, text.len, NULL, &len, NULL) != 0 ||
        len != sizeof(bytes))
        return false;
    uint64_t received_at = be64toh(bytes.received_at), horizon = be64toh(bytes.horizon);
    if (!is_time(received_at) || !is_time(horizon))
        return false;
    ret_cursor->received_at = (int64_t)received_at;
    ret_cursor->horizon = (int64_t)horizon;
    memcpy(ret_cursor->id.bytes, bytes.id, sizeof(bytes.id));
    return true;
}
