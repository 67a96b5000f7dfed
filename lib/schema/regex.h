// SPDX-License-Identifier: Apache-2.0
// `pattern`: ECMA-262 expressions (with the u flag), searched in bounded time.
//
// Most patterns become an automaton of our own that reads each byte once (linear.h). The others are PCRE2's:
// jsv_regex_compile() translates what the two languages disagree on (regex_translate.c) and refuses what
// ECMA-262 does not have. PCRE2's match limit holds for one start of a search and does not count what a JIT
// repeats character by character. So what a search can cost is estimated from the subject's length: a cheap
// one runs under JIT; a dear one in the interpreter, which counts all, with the limit divided by the starts;
// the dearest not at all. A regex is immutable and may be shared; a matcher belongs to one thread at a time
// and holds all memory that matching needs.
#ifndef VOX_SCHEMA_REGEX_H
#define VOX_SCHEMA_REGEX_H

#include "lib/base/buf.h"
#include "lib/schema/schema.h"

#define REGEX_PATTERN_MAX (64 * 1024) // bytes of a pattern
#define REGEX_WORK        50000000
#define REGEX_STEPS       20000    // PCRE2's match limit for one start
#define REGEX_ALL_STEPS   200000   // for all starts of a search
#define REGEX_CHEAP       1000000  // characters that JIT may look at
#define REGEX_DEAREST     67108864 // more than this is given up at once

struct jsv_regex;
struct jsv_matcher;

MUST_CHECK struct jsv_matcher *jsv_matcher_new(void); // NULL when memory is out
void jsv_matcher_free(struct jsv_matcher *matcher);

// The sentence in `err` says what is wrong and where, without naming the schema.
// `work` bounds what all patterns of a program may take to become automata, REGEX_WORK at first.
MUST_CHECK bool jsv_regex_compile(struct str pattern, size_t *work, struct jsv_regex **ret_regex,
                                  struct err *err);
void jsv_regex_free(struct jsv_regex *regex);
// `subject` is valid UTF-8. JSV_LIMIT when the search was given up.
MUST_CHECK enum jsv_verdict jsv_regex_search(const struct jsv_regex *regex, struct jsv_matcher *matcher,
                                             struct str subject);
// What a search in a subject of that length counts for, in steps of a run.
size_t jsv_regex_steps(const struct jsv_regex *regex, size_t len);
struct jsv_linear;
// Its automaton, if it is one.
const struct jsv_linear *jsv_regex_linear(const struct jsv_regex *regex);
bool jsv_regex_is_linear(const struct jsv_regex *regex);
// The same search by PCRE2, linear or not: for tests.
MUST_CHECK enum jsv_verdict jsv_regex_backtrack(const struct jsv_regex *regex, struct jsv_matcher *matcher,
                                                struct str subject);
struct str jsv_regex_text(const struct jsv_regex *regex); // as the schema has it

// Whether the text is a pattern to ECMA-262 with the u flag, which jsv_regex_compile() is more lenient than:
// an escaped mark that needs none, a brace or bracket by itself and a set at the end of a range are refused
// here. Names of Unicode properties are not looked up; at most 256 groups have names, all different.
bool jsv_regex_is_ecma(struct str pattern);

// Appends the expression in PCRE2's language; false with a sentence on a syntax that ECMA-262 has not.
MUST_CHECK bool jsv_regex_translate(struct str pattern, struct buf *translated, struct err *err);

#endif
