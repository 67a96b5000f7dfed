// SPDX-License-Identifier: Apache-2.0
// Character sets as sorted ranges.
#include "lib/schema/linear_set.h"

#define UNICODE_MAX 0x10ffffu

void set_add(struct set *set, uint32_t low, uint32_t high)
{
    if (set->count == SET_RANGES || high > UNICODE_MAX) {
        set->failed = true;
        return;
    }
    set->ranges[set->count].low = low;
    set->ranges[set->count++].high = high;
}

// Sorts the ranges and joins those that touch.
static void normalise(struct set *set)
{
    unsigned kept = 0;
    for (unsigned i = 1; i < set->count; i++) {
        for (unsigned j = i; j && set->ranges[j - 1].low > set->ranges[j].low; j--) {
            __typeof__(set->ranges[0]) swap = set->ranges[j];
            set->ranges[j] = set->ranges[j - 1];
            set->ranges[j - 1] = swap;
        }
    }
    for (unsigned i = 0; i < set->count; i++) {
        if (kept && set->ranges[i].low <= set->ranges[kept - 1].high + 1)
            set->ranges[kept - 1].high = MAX(set->ranges[kept - 1].high, set->ranges[i].high);
        else
            set->ranges[kept++] = set->ranges[i];
    }
    set->count = kept;
}

void set_negate(struct set *set)
{
    struct set other = {.failed = set->failed};
    uint32_t from = 0;
    normalise(set);
    for (unsigned i = 0; i < set->count; i++) {
        if (set->ranges[i].low > from)
            set_add(&other, from, set->ranges[i].low - 1);
        from = set->ranges[i].high + 1;
    }
    if (from <= UNICODE_MAX)
        set_add(&other, from, UNICODE_MAX);
    *set = other;
}

bool set_is_all(struct set *set)
{
    normalise(set);
    return !set->failed && set->count == 1 && !set->ranges[0].low && set->ranges[0].high == UNICODE_MAX;
}

void set_add_named(struct set *set, char name)
{
    static const struct {
        char name;
        uint16_t low, high;
    } ranges[] = {
        {'d', '0', '9'},       {'w', '0', '9'},       {'w', 'A', 'Z'},       {'w', '_', '_'},
        {'w', 'a', 'z'},       {'s', 0x09, 0x0d},     {'s', 0x20, 0x20},     {'s', 0xa0, 0xa0},
        {'s', 0x1680, 0x1680}, {'s', 0x2000, 0x200a}, {'s', 0x2028, 0x2029}, {'s', 0x202f, 0x202f},
        {'s', 0x205f, 0x205f}, {'s', 0x3000, 0x3000}, {'s', 0xfeff, 0xfeff}, {'L', '\n', '\n'},
        {'L', '\r', '\r'},     {'L', 0x2028, 0x2029},
    };
    bool negated = name == 'D' || name == 'W' || name == 'S';
    char wanted = negated ? char_lower(name) : name;
    struct set named = {.count = 0};
    for (size_t i = 0; i < ARRAY_LEN(ranges); i++)
        if (ranges[i].name == wanted)
            set_add(&named, ranges[i].low, ranges[i].high);
    if (negated)
        set_negate(&named);
    for (unsigned i = 0; i < named.count; i++)
        set_add(set, named.ranges[i].low, named.ranges[i].high);
}

static unsigned encode(uint32_t code, uint8_t out[static 4])
{
    static const uint8_t heads[] = {0, 0, 0xc0, 0xe0, 0xf0};
    unsigned count = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    for (unsigned i = count - 1; i; i--, code >>= 6)
        out[i] = (uint8_t)(0x80 | (code & 0x3f));
    out[0] = (uint8_t)(heads[count] | code);
    return count;
}

struct utf8 {
    void (*each)(void *arg, const uint8_t *low, const uint8_t *high, unsigned count);
    void *arg;
};

// Splits until all characters of a range have their bytes in a product of ranges.
static void put_range(const struct utf8 *utf8, uint32_t low, uint32_t high)
{
    static const uint32_t cuts[] = {0x7f, 0x7ff, 0xd7ff, 0xdfff, 0xffff};
    uint8_t from[4], to[4];
    for (size_t i = 0; i < ARRAY_LEN(cuts); i++) {
        if (low <= cuts[i] && high > cuts[i]) {
            put_range(utf8, low, cuts[i]);
            put_range(utf8, cuts[i] + 1, high);
            return;
        }
    }
    if (low >= 0xd800 && high <= 0xdfff)
        return;
    for (unsigned i = 1; i < 4 && low >= 0x80; i++) {
        uint32_t mask = (1u << (6 * i)) - 1;
        if ((low & ~mask) == (high & ~mask))
            continue;
        if (low & mask) {
            put_range(utf8, low, low | mask);
            put_range(utf8, (low | mask) + 1, high);
            return;
        }
        if ((high & mask) != mask) {
            put_range(utf8, low, (high & ~mask) - 1);
            put_range(utf8, high & ~mask, high);
            return;
        }
    }
    unsigned count = encode(low, from);
    encode(high, to);
    utf8->each(utf8->arg, from, to, count);
}

void set_each_utf8(struct set *set,
                   void (*each)(void *arg, const uint8_t *low, const uint8_t *high, unsigned count),
                   void *arg)
{
    struct utf8 utf8 = {each, arg};
    normalise(set);
    for (unsigned i = 0; i < set->count; i++)
        put_range(&utf8, set->ranges[i].low, set->ranges[i].high);
}
