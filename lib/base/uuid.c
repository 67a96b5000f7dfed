// SPDX-License-Identifier: Apache-2.0
// UUID fields and text.
#include "lib/base/uuid.h"

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

static int hex_value(char c)
{
    if (char_is_digit(c))
        return c - '0';
    c = char_lower(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool dash_at(size_t i)
{
    return i == 8 || i == 13 || i == 18 || i == 23;
}

bool uuid_parse(struct str text, struct uuid *ret_uuid)
{
    struct uuid uuid;
    size_t out = 0;
    if (text.len != UUID_TEXT_LEN)
        return false;
    for (size_t i = 0; i < UUID_TEXT_LEN;) {
        if (dash_at(i)) {
            if (text.ptr[i++] != '-')
                return false;
            continue;
        }
        int high = hex_value(text.ptr[i]), low = hex_value(text.ptr[i + 1]);
        if (high < 0 || low < 0)
            return false;
        uuid.bytes[out++] = (uint8_t)(high << 4 | low);
        i += 2;
    }
    *ret_uuid = uuid;
    return true;
}

void uuid_format(const struct uuid *uuid, char ret_text[static UUID_TEXT_LEN + 1])
{
    static const char hex[] = "0123456789abcdef";
    size_t out = 0;
    for (size_t i = 0; i < sizeof(uuid->bytes); i++) {
        if (dash_at(out))
            ret_text[out++] = '-';
        ret_text[out++] = hex[uuid->bytes[i] >> 4];
        ret_text[out++] = hex[uuid->bytes[i] & 15];
    }
    ret_text[out] = '\0';
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
