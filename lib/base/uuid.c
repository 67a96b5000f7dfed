// SPDX-License-Identifier: Apache-2.0
// UUID fields and text.
#include "lib/base/uuid.h"
#include "lib/base/hex.h"

#include <sodium.h>

static void set_version(struct uuid *uuid, unsigned version)
{
    uuid->bytes[6] = (uint8_t)((uuid->bytes[6] & 0x0f) | (version << 4));
    uuid->bytes[8] = (uint8_t)((uuid->bytes[8] & 0x3f) | 0x80);
}

// Random bytes for ids, drawn from the system in one call for many. Ids are public, so bytes that wait here
// are no secret.
static void random_bytes(uint8_t *ptr, size_t len)
{
    static _Thread_local uint8_t pool[512];
    static _Thread_local size_t left;
    if (left < len) {
        randombytes_buf(pool, sizeof(pool));
        left = sizeof(pool);
    }
    left -= len;
    memcpy(ptr, pool + left, len);
}

struct uuid uuid_v7(int64_t wall_us)
{
    struct uuid uuid;
    uint64_t ms = (uint64_t)(wall_us / 1000);
    for (size_t i = 0; i < 6; i++)
        uuid.bytes[i] = (uint8_t)(ms >> (40 - 8 * i));
    random_bytes(uuid.bytes + 6, sizeof(uuid.bytes) - 6);
    set_version(&uuid, 7);
    return uuid;
}

struct uuid uuid_v8(const uint8_t digest[static 16])
{
    struct uuid uuid;
    memcpy(uuid.bytes, digest, sizeof(uuid.bytes));
    set_version(&uuid, 8);
    return uuid;
}

// How many bytes each group of digits stands for; a dash is between two groups.
static const uint8_t groups[] = {4, 2, 2, 2, 6};

bool uuid_parse(struct str text, struct uuid *ret_uuid)
{
    struct uuid uuid;
    const char *at = text.ptr;
    size_t out = 0;
    if (text.len != UUID_TEXT_LEN)
        return false;
    for (size_t i = 0; i < ARRAY_LEN(groups); i++) {
        if ((i && *at++ != '-') || !hex_read(at, groups[i], uuid.bytes + out))
            return false;
        at += 2 * groups[i];
        out += groups[i];
    }
    *ret_uuid = uuid;
    return true;
}

void uuid_format(const struct uuid *uuid, char ret_text[static UUID_TEXT_LEN + 1])
{
    const uint8_t *bytes = uuid->bytes;
    for (size_t i = 0; i < ARRAY_LEN(groups); bytes += groups[i++]) {
        if (i)
            *ret_text++ = '-';
        ret_text = hex_write(bytes, groups[i], ret_text);
    }
    *ret_text = '\0';
}

bool uuid_eq(const struct uuid *a, const struct uuid *b)
{
    return uuid_cmp(a, b) == 0;
}

int uuid_cmp(const struct uuid *a, const struct uuid *b)
{
    return memcmp(a->bytes, b->bytes, sizeof(a->bytes));
}

unsigned uuid_version(const struct uuid *uuid)
{
    return uuid->bytes[6] >> 4;
}

bool uuid_v7_time(const struct uuid *uuid, int64_t *ret_wall_us)
{
    if (uuid_version(uuid) != 7)
        return false;
    int64_t ms = 0;
    for (size_t i = 0; i < 6; i++)
        ms = ms << 8 | uuid->bytes[i];
    *ret_wall_us = ms * 1000;
    return true;
}
