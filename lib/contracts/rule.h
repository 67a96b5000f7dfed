// SPDX-License-Identifier: Apache-2.0
// One `recognise` rule of the index: what a body of a family looks like.
//
// rule_make() checks what the YAML says and copies it into the set's arena; rule_matches() decides a body.
#ifndef VOX_CONTRACTS_RULE_H
#define VOX_CONTRACTS_RULE_H

#include "lib/base/arena.h"
#include "lib/base/err.h"
#include "lib/json/value.h"

// As cyaml fills it (index.c).
struct rule_condition_source {
    char *pointer;
    char *equals;
    char **any_of;
    unsigned any_of_count;
    int64_t *equals_integer;
};

struct rule_source {
    char *variant;
    char **members;
    unsigned members_count;
    struct rule_condition_source *where;
    unsigned where_count;
};

struct rule_condition {
    struct str pointer;
    const struct str *texts; // the value is one of these; none: it is the integer
    size_t text_count;
    int64_t integer;
};

struct rule {
    struct str variant; // absent for a bare body
    const struct str *members;
    size_t member_count;
    const struct rule_condition *conditions;
    size_t condition_count;
    // The rule in words, members and conditions in order: two rules are the same if their texts are.
    struct str text;
};

// The error is a sentence without a place.
MUST_CHECK bool rule_make(const struct rule_source *source, struct arena *arena, struct rule *ret_rule,
                          struct err *err);
// The members and conditions only; that `event` is an object, and has the variant, is known already.
bool rule_matches(const struct rule *rule, const struct json *event);
// Which of two rules is asked first: variants before bare, more members, then more conditions first; 0 if
// neither.
int rule_precedence(const struct rule *a, const struct rule *b);

#endif
