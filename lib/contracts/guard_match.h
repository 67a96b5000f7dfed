// SPDX-License-Identifier: Apache-2.0
// The content guard's rules as they run: one pass over a text, by hand-written matchers.
//
// guard_scan() looks at every byte once, in tables of the rules that may begin there; a matcher then looks
// around that byte. No matcher looks further than GUARD_REACH bytes, or over what another start of it will
// look at again, so the work is linear in the text. Nothing is allocated.
#ifndef VOX_CONTRACTS_GUARD_MATCH_H
#define VOX_CONTRACTS_GUARD_MATCH_H

#include "lib/contracts/contracts.h"

#define GUARD_RULES_MAX 64
#define GUARD_REACH     255
#define GUARD_NONE      UINT32_MAX

enum guard_matcher {
    GUARD_PREFIX,      // a text of `prefixes`, then at least `min` characters of `follows`
    GUARD_WORD_PREFIX, // the same, where a word begins
    GUARD_URL,         // a URL whose host and path begin with one of `prefixes`, and go on
    GUARD_POSIX_PATH,
    GUARD_WINDOWS_PATH,
    GUARD_UNC_PATH,
    GUARD_FILE_URI,
    GUARD_HOME,
    GUARD_GIT_REMOTE,
    GUARD_EMAIL,
    GUARD_URL_CREDENTIALS,
    GUARD_PEM_KEY,
    GUARD_JWT,
    GUARD_MATCHERS
};

struct guard_rule {
    struct contract_guard_rule public;
    struct str told; // the message of the refusal: the name, and `help`
    enum guard_matcher matcher;
    const struct str *prefixes;
    size_t prefix_count;
    unsigned follows; // bits of classes, guard_follows_from()
    size_t min;
};

struct guard {
    struct guard_rule *rules;
    size_t count;
    uint64_t at[256];           // which rules may match around a byte: 1 << index
    uint64_t before[256];       // and which of them where this is the byte behind that one
    uint8_t sha256[SHA256_LEN]; // of the file
};

MUST_CHECK bool guard_matcher_from(struct str name, enum guard_matcher *ret_matcher);
// A set of characters by its name: "alnum", "upper", "word", "base64", "base64url", "token".
MUST_CHECK bool guard_follows_from(struct str name, unsigned *ret_follows);
// Whether the matcher needs `prefixes`; whether `follows` and `min`.
bool guard_matcher_has_prefixes(enum guard_matcher matcher);
bool guard_matcher_has_follows(enum guard_matcher matcher);
// Fills the tables from the rules.
void guard_prepare(struct guard *guard);
// The first rule of `mask` that the text breaks, or GUARD_NONE.
uint32_t guard_scan(const struct guard *guard, uint64_t mask, struct str text);

#endif
