// SPDX-License-Identifier: Apache-2.0
// The table of classes, and the search for controls, eight bytes at once.
#include "server/http/classes.h"

#define NAME    HTTP_IN_NAME
#define HOST    HTTP_IN_HOST
#define BOTH    (HTTP_IN_NAME | HTTP_IN_HOST)
#define CONTROL HTTP_IN_CONTROL

const uint8_t http_classes[256] = {
    [0] = CONTROL,  [1] = CONTROL,   [2] = CONTROL,  [3] = CONTROL,  [4] = CONTROL,  [5] = CONTROL,
    [6] = CONTROL,  [7] = CONTROL,   [8] = CONTROL,  [10] = CONTROL, [11] = CONTROL, [12] = CONTROL,
    [13] = CONTROL, [14] = CONTROL,  [15] = CONTROL, [16] = CONTROL, [17] = CONTROL, [18] = CONTROL,
    [19] = CONTROL, [20] = CONTROL,  [21] = CONTROL, [22] = CONTROL, [23] = CONTROL, [24] = CONTROL,
    [25] = CONTROL, [26] = CONTROL,  [27] = CONTROL, [28] = CONTROL, [29] = CONTROL, [30] = CONTROL,
    [31] = CONTROL, [127] = CONTROL, ['0'] = BOTH,   ['1'] = BOTH,   ['2'] = BOTH,   ['3'] = BOTH,
    ['4'] = BOTH,   ['5'] = BOTH,    ['6'] = BOTH,   ['7'] = BOTH,   ['8'] = BOTH,   ['9'] = BOTH,
    ['A'] = BOTH,   ['B'] = BOTH,    ['C'] = BOTH,   ['D'] = BOTH,   ['E'] = BOTH,   ['F'] = BOTH,
    ['G'] = BOTH,   ['H'] = BOTH,    ['I'] = BOTH,   ['J'] = BOTH,   ['K'] = BOTH,   ['L'] = BOTH,
    ['M'] = BOTH,   ['N'] = BOTH,    ['O'] = BOTH,   ['P'] = BOTH,   ['Q'] = BOTH,   ['R'] = BOTH,
    ['S'] = BOTH,   ['T'] = BOTH,    ['U'] = BOTH,   ['V'] = BOTH,   ['W'] = BOTH,   ['X'] = BOTH,
    ['Y'] = BOTH,   ['Z'] = BOTH,    ['a'] = BOTH,   ['b'] = BOTH,   ['c'] = BOTH,   ['d'] = BOTH,
    ['e'] = BOTH,   ['f'] = BOTH,    ['g'] = BOTH,   ['h'] = BOTH,   ['i'] = BOTH,   ['j'] = BOTH,
    ['k'] = BOTH,   ['l'] = BOTH,    ['m'] = BOTH,   ['n'] = BOTH,   ['o'] = BOTH,   ['p'] = BOTH,
    ['q'] = BOTH,   ['r'] = BOTH,    ['s'] = BOTH,   ['t'] = BOTH,   ['u'] = BOTH,   ['v'] = BOTH,
    ['w'] = BOTH,   ['x'] = BOTH,    ['y'] = BOTH,   ['z'] = BOTH,   ['!'] = BOTH,   ['$'] = BOTH,
    ['&'] = BOTH,   ['%'] = BOTH,    ['\''] = BOTH,  ['*'] = BOTH,   ['+'] = BOTH,   ['-'] = BOTH,
    ['.'] = BOTH,   ['_'] = BOTH,    ['~'] = BOTH,   ['#'] = NAME,   ['^'] = NAME,   ['`'] = NAME,
    ['|'] = NAME,   ['('] = HOST,    [')'] = HOST,   [','] = HOST,   [';'] = HOST,   ['='] = HOST,
    [':'] = HOST,   ['['] = HOST,    [']'] = HOST,
};

#define EACH_BYTE(byte) (0x0101010101010101ULL * (byte))

// A bit for each of eight bytes, the first one's the lowest: is it below the blank, or DEL? A borrow may set
// the bits above one that is rightly set, so that only the lowest counts.
static uint64_t control_bits(const char *eight)
{
    uint64_t word;
    memcpy(&word, eight, sizeof(word));
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    word = __builtin_bswap64(word);
#endif
    uint64_t del = word ^ EACH_BYTE(0x7f);
    uint64_t low = (word - EACH_BYTE(' ')) & ~word, zero = (del - EACH_BYTE(1)) & ~del;
    return (low | zero) & EACH_BYTE(0x80);
}

const char *http_text_end(const char *p, const char *end)
{
    while (end - p >= 8) {
        uint64_t bits = control_bits(p);
        if (!bits) {
            p += 8;
            continue;
        }
        p += __builtin_ctzll(bits) / 8;
        if (*p != '\t')
            return p;
        p++;
    }
    while (p < end && !http_is(*p, HTTP_IN_CONTROL))
        p++;
    return p;
}
