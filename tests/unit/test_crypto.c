// SPDX-License-Identifier: Apache-2.0
// lib/wire/crypto and the hash upon it: the vectors of FIPS 180-4 and RFC 4231, whole and in pieces.
#include "lib/wire/crypto.h"
#include "lib/wire/event_text.h"
#include "tests/unit/check_main.h"

#include <sodium.h>

static void assert_hex(const uint8_t digest[static SHA256_DIGEST_LENGTH], const char *want)
{
    char text[SHA256_HEX_LEN + 1];
    sha256_hex(digest, text);
    ck_assert_str_eq(text, want);
}

// In pieces of `piece` bytes, so that every way over the edge of a block is gone.
static void put_in_pieces(struct sha256_state *state, struct str text, size_t piece)
{
    for (size_t at = 0; at < text.len; at += piece)
        sha256_put(state, str_slice(text.ptr + at, MIN(piece, text.len - at)));
}

START_TEST(sha256__is_that_of_fips_180)
{
    static const struct {
        const char *text, *want;
    } rows[] = {
        {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
        {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
        {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
         "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        uint8_t digest[SHA256_DIGEST_LENGTH];
        sha256(str_from(rows[i].text), digest);
        assert_hex(digest, rows[i].want);
        for (size_t piece = 1; piece < 70; piece++) {
            struct sha256_state state;
            sha256_begin(&state);
            put_in_pieces(&state, str_from(rows[i].text), piece);
            sha256_end(&state, digest);
            assert_hex(digest, rows[i].want);
        }
    }
}
END_TEST

// Cases 1 to 4; the others have keys longer than ours can be.
START_TEST(hmac__is_that_of_rfc_4231)
{
    static const char counted[] =
        "\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f\x10\x11\x12\x13\x14"
        "\x15\x16\x17\x18\x19";
    char filled[4][50];
    memset(filled[0], 0x0b, sizeof(filled[0]));
    memset(filled[1], 0xaa, sizeof(filled[1]));
    memset(filled[2], 0xdd, sizeof(filled[2]));
    memset(filled[3], 0xcd, sizeof(filled[3]));
    const struct {
        struct str key, text;
        const char *want;
    } rows[] = {
        {str_slice(filled[0], 20), STR("Hi There"),
         "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"},
        {STR("Jefe"), STR("what do ya want for nothing?"),
         "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
        {str_slice(filled[1], 20), str_slice(filled[2], 50),
         "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"},
        {str_slice(counted, sizeof(counted) - 1), str_slice(filled[3], 50),
         "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        for (size_t piece = 1; piece < 70; piece++) {
            const uint8_t *key = (const uint8_t *)rows[i].key.ptr;
            struct sha256_state state;
            uint8_t mac[SHA256_DIGEST_LENGTH];
            hmac_begin(key, rows[i].key.len, &state);
            put_in_pieces(&state, rows[i].text, piece);
            hmac_end(&state, key, rows[i].key.len, mac);
            assert_hex(mac, rows[i].want);
            ck_assert(sodium_is_zero((const uint8_t *)&state, sizeof(state)));
        }
    }
}
END_TEST

CHECK_MAIN("crypto", sha256__is_that_of_fips_180, hmac__is_that_of_rfc_4231)
