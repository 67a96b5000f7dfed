// SPDX-License-Identifier: Apache-2.0
// Hexadecimal text: every byte there and back, and every character that is no digit.
#include "lib/base/hex.h"

#include "check_main.h"

#include <ctype.h>

START_TEST(hex__every_byte_comes_back)
{
    for (int byte = 0; byte < 256; byte++) {
        uint8_t in = (uint8_t)byte, out = (uint8_t)~byte;
        char text[3] = "", expected[3];
        ck_assert_ptr_eq(hex_write(&in, 1, text), text + 2);
        snprintf(expected, sizeof(expected), "%02x", (unsigned)byte);
        ck_assert_str_eq(text, expected);
        ck_assert(hex_read(text, 1, &out));
        ck_assert_uint_eq(out, in);
        snprintf(text, sizeof(text), "%02X", (unsigned)byte);
        ck_assert(hex_read(text, 1, &out));
        ck_assert_uint_eq(out, in);
    }
}
END_TEST

START_TEST(hex__nothing_else_is_a_digit)
{
    for (int c = 0; c < 256; c++) {
        const char high[] = {(char)c, '0'}, low[] = {'0', (char)c};
        uint8_t out;
        bool digit = c < 128 && isxdigit(c);
        ck_assert_int_eq(hex_read(high, 1, &out), digit);
        ck_assert_int_eq(hex_read(low, 1, &out), digit);
    }
}
END_TEST

CHECK_MAIN("hex", hex__every_byte_comes_back, hex__nothing_else_is_a_digit)
