// SPDX-License-Identifier: Apache-2.0
// `pattern`: ECMA-262 expressions (with the u flag), searched by PCRE2 within limits.
//
// jsv_regex_compile() translates what the two languages disagree on (regex_translate.c) and refuses what
// ECMA-262 does not have. A regex is immutable and may be shared; a matcher belongs to one thread at a time
// and holds all memory that matching needs.
#ifndef VOX_SCHEMA_REGEX_H
#define VOX_SCHEMA_REGEX_H

#include "lib/base/buf.h"
#include "lib/schema/schema.h"

#define REGEX_PATTERN_MAX (64 * 1024) // bytes of a pattern
#define REGEX_STEPS       20000       // PCRE2's match limit

struct jsv_regex;
struct jsv_matcher;

MUST_CHECK struct jsv_matcher *jsv_matcher_new(void); // NULL when memory is out
void jsv_matcher_free(struct jsv_matcher *matcher);

// The sentence in `err` says what is wrong and where, without naming the schema.
MUST_CHECK bool jsv_regex_compile(struct str pattern, struct jsv_regex **ret_regex, struct err *err);
void jsv_regex_free(struct jsv_regex *regex);
// `subject` is valid UTF-8. JSV_LIMIT when the search was given up.
MUST_CHECK enum jsv_verdict jsv_regex_search(const struct jsv_regex *regex, struct jsv_matcher *matcher,
                                             struct str subject);
struct str jsv_regex_text(const struct jsv_regex *regex); // as the schema has it

// Appends the expression in PCRE2's language; false with a sentence on a syntax that ECMA-262 has not.
MUST_CHECK bool jsv_regex_translate(struct str pattern, struct buf *translated, struct err *err);

#endif
