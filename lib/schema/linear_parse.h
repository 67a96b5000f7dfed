// SPDX-License-Identifier: Apache-2.0
// What linear_parse.c and linear_char.c share.
#ifndef VOX_SCHEMA_LINEAR_PARSE_H
#define VOX_SCHEMA_LINEAR_PARSE_H

#include "lib/schema/linear.h"
#include "lib/schema/linear_set.h"

struct parser {
    struct str pattern;
    size_t at;
    struct nodes *nodes;
    unsigned depth;
    uint8_t part;
    bool any; // the atom read last was one character, whichever
    bool failed;
};

static inline int peek(const struct parser *p, size_t ahead)
{
    return p->at + ahead < p->pattern.len ? (unsigned char)p->pattern.ptr[p->at + ahead] : -1;
}

// A character that stands for itself, as a code point.
int32_t linear_plain_char(struct parser *p);
// An escape that means one character, at the letter; -1 if it is none.
int32_t linear_escaped_char(struct parser *p);
// "\d" and its like, at the letter.
bool linear_class_escape(struct parser *p, struct set *set);
// One end of a range in a class; -1 if it is a set, which was added, or if the parser failed.
int32_t linear_class_char(struct parser *p, struct set *set);

#endif
