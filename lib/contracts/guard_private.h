// SPDX-License-Identifier: Apache-2.0
// What guard_match.c and guard_places.c share.
#ifndef VOX_CONTRACTS_GUARD_PRIVATE_H
#define VOX_CONTRACTS_GUARD_PRIVATE_H

#include "lib/contracts/guard_match.h"

enum {
    CH_LOWER = 1,
    CH_UPPER = 2,
    CH_DIGIT = 4,
    CH_UNDER = 8,
    CH_DASH = 16,
    CH_DOT = 32,
    CH_TILDE = 64,
    CH_BASE64 = 128, // + / =
    CH_HIGH = 256,   // a byte of a character beyond ASCII
    CH_BREAK = 512,  // white space, quotes, brackets and other marks between words
    CH_ALPHA = CH_LOWER | CH_UPPER,
    CH_ALNUM = CH_ALPHA | CH_DIGIT,
    CH_NAME = CH_ALNUM | CH_UNDER | CH_DASH | CH_DOT | CH_HIGH
};

extern const uint16_t guard_class[256];

static inline bool guard_is(struct str text, size_t at, unsigned classes)
{
    return guard_class[(uint8_t)text.ptr[at]] & classes;
}

// How many characters of these classes stand at `at`, at most `max`.
size_t guard_run(struct str text, size_t at, unsigned classes, size_t max);
bool guard_has(struct str text, size_t at, struct str wanted);
bool guard_has_nocase(struct str text, size_t at, struct str wanted);

// Each is asked at one of its anchors (the table in guard_match.c).
bool guard_match_url(const struct guard_rule *rule, struct str text, size_t at);
bool guard_match_posix_path(const struct guard_rule *rule, struct str text, size_t at);
bool guard_match_windows_path(const struct guard_rule *rule, struct str text, size_t at);
bool guard_match_unc_path(const struct guard_rule *rule, struct str text, size_t at);
bool guard_match_file_uri(const struct guard_rule *rule, struct str text, size_t at);
bool guard_match_home(const struct guard_rule *rule, struct str text, size_t at);
bool guard_match_git_remote(const struct guard_rule *rule, struct str text, size_t at);
bool guard_match_email(const struct guard_rule *rule, struct str text, size_t at);
bool guard_match_url_credentials(const struct guard_rule *rule, struct str text, size_t at);

#endif
