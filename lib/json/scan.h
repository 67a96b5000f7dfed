// SPDX-License-Identifier: Apache-2.0
// What the parser's files share (private to lib/json).
//
// White space is taken out lazily: the text from `start` on has not been moved yet and will be by `shift`
// bytes. So a string's final place is known when it is read, and its bytes are there when the text is.
#ifndef VOX_JSON_SCAN_H
#define VOX_JSON_SCAN_H

#include "lib/json/shapes.h"

// For the few functions on the path of every byte.
#define SCAN_INLINE static inline __attribute__((always_inline))

struct json_scan {
    const char *at; // the next byte to look at
    const char *end;
    const char *begin;
    char *out;         // NULL: the text stays as it is
    const char *start; // from here to `at` nothing was moved
    size_t written;    // bytes of the text that were kept, up to `start`
    struct json_doc *doc;
    struct json_parser *parser;
    struct json_shapes *shapes;
    struct json *root; // its place, directly before the values of a container; NULL before it is known
    const struct json_rules *rules;
    uint32_t top; // of the parser's stack
    uint32_t depth;
    uint32_t values;
    uint16_t traits; // of the container that is open
    int64_t expanded;
    enum json_fault fault;
};

SCAN_INLINE bool json_fail(struct json_scan *s, enum json_fault fault)
{
    s->fault = fault;
    return false;
}

// Where a byte of the text will stand in the end.
SCAN_INLINE const char *json_final(const struct json_scan *s, const char *at)
{
    return s->out ? s->out + s->written + (at - s->start) : at;
}

SCAN_INLINE bool json_is_digit(char c)
{
    return (unsigned char)(c - '0') < 10;
}

// Each reads at `at` and moves it behind what it read. A string begins behind its opening quote.
MUST_CHECK bool json_scan_string(struct json_scan *s, struct str *ret_text);
MUST_CHECK bool json_scan_number(struct json_scan *s, struct json *ret_value);

#endif
