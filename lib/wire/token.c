// SPDX-License-Identifier: Apache-2.0
// Token text: making it, taking it apart, hashing its secret.
#include "lib/wire/token.h"

#include "lib/wire/crc.h"

#include <sodium.h>

#define PREFIX     "vts_"
#define PREFIX_LEN (sizeof(PREFIX) - 1)
// Where the parts stand.
#define KEY_ID_AT PREFIX_LEN
#define SECRET_AT (KEY_ID_AT + TOKEN_KEY_ID_LEN + 1)
#define CRC_AT    (SECRET_AT + TOKEN_SECRET_LEN + 1)

static const char base62[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

static void put_random(char *at, size_t count)
{
    for (size_t i = 0; i < count; i++)
        at[i] = base62[randombytes_uniform(62)];
}

// The checksum of everything before its underscore, most significant digit first.
static void make_crc(const char text[static CRC_AT], char ret_crc[static TOKEN_CRC_LEN])
{
    uint32_t crc = crc_of(str_slice(text, CRC_AT - 1));
    for (size_t i = TOKEN_CRC_LEN; i-- > 0; crc /= 62)
        ret_crc[i] = base62[crc % 62];
}

void token_generate(char ret_text[static TOKEN_TEXT_LEN + 1])
{
    memcpy(ret_text, PREFIX, PREFIX_LEN);
    put_random(ret_text + KEY_ID_AT, TOKEN_KEY_ID_LEN);
    ret_text[SECRET_AT - 1] = '_';
    put_random(ret_text + SECRET_AT, TOKEN_SECRET_LEN);
    ret_text[CRC_AT - 1] = '_';
    make_crc(ret_text, ret_text + CRC_AT);
    ret_text[TOKEN_TEXT_LEN] = '\0';
}

// Of secrets, too: as many steps whatever the characters are.
static bool is_base62(struct str s)
{
    unsigned others = 0;
    for (size_t i = 0; i < s.len; i++) {
        unsigned c = (unsigned char)s.ptr[i];
        others |= (c - '0' > 9) & ((c | 0x20) - 'a' > 25);
    }
    return others == 0;
}

bool token_parse(struct str text, struct str *ret_key_id, struct str *ret_secret)
{
    if (text.len != TOKEN_TEXT_LEN || !str_starts(text, STR(PREFIX)))
        return false;
    struct str key_id = str_slice(text.ptr + KEY_ID_AT, TOKEN_KEY_ID_LEN);
    struct str secret = str_slice(text.ptr + SECRET_AT, TOKEN_SECRET_LEN);
    if (text.ptr[SECRET_AT - 1] != '_' || text.ptr[CRC_AT - 1] != '_' || !is_base62(key_id) ||
        !is_base62(secret))
        return false;
    char expected[TOKEN_CRC_LEN];
    make_crc(text.ptr, expected);
    bool ok = memcmp(expected, text.ptr + CRC_AT, TOKEN_CRC_LEN) == 0;
    sodium_memzero(expected, sizeof(expected));
    if (!ok)
        return false;
    *ret_key_id = key_id;
    *ret_secret = secret;
    return true;
}

void token_hash(struct str key_id, struct str secret, uint8_t ret_hash[static SHA256_LEN])
{
    char text[TOKEN_KEY_ID_LEN + 1 + TOKEN_SECRET_LEN];
    BUG_ON(key_id.len != TOKEN_KEY_ID_LEN || secret.len != TOKEN_SECRET_LEN);
    memcpy(text, key_id.ptr, TOKEN_KEY_ID_LEN);
    text[TOKEN_KEY_ID_LEN] = '_';
    memcpy(text + TOKEN_KEY_ID_LEN + 1, secret.ptr, TOKEN_SECRET_LEN);
    sha256(str_slice(text, sizeof(text)), ret_hash);
    sodium_memzero(text, sizeof(text));
}
