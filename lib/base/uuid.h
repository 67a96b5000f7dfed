// SPDX-License-Identifier: Apache-2.0
// UUIDs (RFC 9562): version 7 from time and random bits, version 8 from a digest, and their text form.
#ifndef VOX_BASE_UUID_H
#define VOX_BASE_UUID_H

#include "lib/base/str.h"

#define UUID_TEXT_LEN 36

struct uuid {
    uint8_t bytes[16];
};

// 48 bits of Unix milliseconds, 74 random bits (RFC 9562 section 5.7).
struct uuid uuid_v7(int64_t wall_us);
// The first 122 bits of a digest under version 8 (section 5.8).
struct uuid uuid_v8(const uint8_t digest[static 16]);
// 8-4-4-4-12 hex digits, either case, nothing around them; any version.
MUST_CHECK bool uuid_parse(struct str text, struct uuid *ret_uuid);
// Lower case, NUL-terminated.
void uuid_format(const struct uuid *uuid, char ret_text[static UUID_TEXT_LEN + 1]);
bool uuid_eq(const struct uuid *a, const struct uuid *b);
int uuid_cmp(const struct uuid *a, const struct uuid *b); // byte order
unsigned uuid_version(const struct uuid *uuid);
// The time inside a version 7; false for any other version.
MUST_CHECK bool uuid_v7_time(const struct uuid *uuid, int64_t *ret_wall_us);

#endif
