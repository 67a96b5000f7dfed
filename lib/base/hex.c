// SPDX-License-Identifier: Apache-2.0
// By table.
#include "lib/base/hex.h"

#define DIGIT(c, value)  [c] = (value) + 1
#define LETTER(c, value) DIGIT(c, value), DIGIT((c) + ('a' - 'A'), value)

// One more than what the digit stands for; 0 for what is none.
static const uint8_t values[256] = {DIGIT('0', 0),   DIGIT('1', 1),   DIGIT('2', 2),   DIGIT('3', 3),
                                    DIGIT('4', 4),   DIGIT('5', 5),   DIGIT('6', 6),   DIGIT('7', 7),
                                    DIGIT('8', 8),   DIGIT('9', 9),   LETTER('A', 10), LETTER('B', 11),
                                    LETTER('C', 12), LETTER('D', 13), LETTER('E', 14), LETTER('F', 15)};

bool hex_read(const char *text, size_t len, uint8_t *ret_bytes)
{
    const unsigned char *p = (const unsigned char *)text;
    for (size_t i = 0; i < len; i++) {
        unsigned high = values[p[2 * i]], low = values[p[2 * i + 1]];
        if (!high || !low)
            return false;
        ret_bytes[i] = (uint8_t)((high - 1) << 4 | (low - 1));
    }
    return true;
}

char *hex_write(const uint8_t *bytes, size_t len, char *ret_text)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < len; i++) {
        *ret_text++ = digits[bytes[i] >> 4];
        *ret_text++ = digits[bytes[i] & 15];
    }
    return ret_text;
}
