// SPDX-License-Identifier: Apache-2.0
// Running patterns, on an automaton or on PCRE2, without allocating.
#include "lib/schema/regex.h"

#include "lib/schema/linear.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#define JIT_STACK_MIN (32 * 1024)
#define JIT_STACK_MAX (256 * 1024)
#define HEAP_KIB      256 // of backtracking points, where there is no JIT
#define SLOT_BYTES    (HEAP_KIB * 1024 + 4096)

struct jsv_regex {
    pcre2_code *code;
    bool jit;
    bool anchored;    // can match at the start only
    unsigned repeats; // of no fixed count
    struct jsv_linear linear;
    struct str text;
};

// PCRE2's interpreter grows its backtracking memory by taking a bigger piece and then giving the old one
// back. Two fixed slots that are used in turn serve that without malloc().
struct jsv_matcher {
    pcre2_general_context *general;
    pcre2_match_context *limits;
    pcre2_match_data *data;
    pcre2_jit_stack *stack;
    bool sealed; // the slots only
    bool busy[2];
    char *slots[2];
};

static void *matcher_malloc(size_t size, void *context)
{
    struct jsv_matcher *matcher = context;
    if (!matcher->sealed)
        return malloc(size);
    for (unsigned i = 0; i < 2; i++) {
        if (matcher->busy[i] || size > SLOT_BYTES)
            continue;
        matcher->busy[i] = true;
        return matcher->slots[i];
    }
    return NULL;
}

static void matcher_release(void *ptr, void *context)
{
    struct jsv_matcher *matcher = context;
    for (unsigned i = 0; i < 2; i++) {
        if (ptr && ptr == matcher->slots[i]) {
            matcher->busy[i] = false;
            return;
        }
    }
    free(ptr);
}

struct jsv_matcher *jsv_matcher_new(void)
{
    struct jsv_matcher *matcher = calloc(1, sizeof(*matcher));
    if (!matcher)
        return NULL;
    matcher->slots[0] = malloc(SLOT_BYTES);
    matcher->slots[1] = malloc(SLOT_BYTES);
    matcher->general = pcre2_general_context_create(matcher_malloc, matcher_release, matcher);
    if (!matcher->slots[0] || !matcher->slots[1] || !matcher->general)
        goto fail;
    matcher->limits = pcre2_match_context_create(matcher->general);
    matcher->data = pcre2_match_data_create(1, matcher->general);
    matcher->stack = pcre2_jit_stack_create(JIT_STACK_MIN, JIT_STACK_MAX, matcher->general);
    if (!matcher->limits || !matcher->data)
        goto fail;
    pcre2_set_match_limit(matcher->limits, REGEX_STEPS);
    pcre2_set_depth_limit(matcher->limits, REGEX_STEPS);
    pcre2_set_heap_limit(matcher->limits, HEAP_KIB);
    if (matcher->stack) // absent where no executable memory is allowed
        pcre2_jit_stack_assign(matcher->limits, NULL, matcher->stack);
    matcher->sealed = true;
    return matcher;
fail:
    jsv_matcher_free(matcher);
    return NULL;
}

void jsv_matcher_free(struct jsv_matcher *matcher)
{
    if (!matcher)
        return;
    pcre2_jit_stack_free(matcher->stack);
    pcre2_match_data_free(matcher->data);
    pcre2_match_context_free(matcher->limits);
    pcre2_general_context_free(matcher->general);
    free(matcher->slots[0]);
    free(matcher->slots[1]);
    free(matcher);
}

static pcre2_code *compile_translated(struct str translated, struct err *err)
{
    uint32_t flags = PCRE2_UTF | PCRE2_DOLLAR_ENDONLY | PCRE2_ALLOW_EMPTY_CLASS | PCRE2_MATCH_UNSET_BACKREF |
                     PCRE2_NEVER_BACKSLASH_C;
    int code;
    PCRE2_SIZE offset;
    pcre2_code *compiled =
        pcre2_compile((PCRE2_SPTR)translated.ptr, translated.len, flags, &code, &offset, NULL);
    if (compiled)
        return compiled;
    PCRE2_UCHAR message[128] = "";
    pcre2_get_error_message(code, message, sizeof(message));
    err_set(err, "the pattern does not compile: %s", (const char *)message);
    return NULL;
}

// What the cost of a search is estimated from.
static void measure(struct jsv_regex *regex)
{
    struct str text = regex->text;
    bool class = false, alternatives = false;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (c == '\\')
            i++;
        else if (c == '[')
            class = true;
        else if (c == ']')
            class = false;
        else if (!class && (c == '*' || c == '+' || c == '{'))
            regex->repeats++;
        else if (!class && c == '|')
            alternatives = true;
    }
    regex->anchored = text.len && text.ptr[0] == '^' && !alternatives;
}

bool jsv_regex_compile(struct str pattern, size_t *work, struct jsv_regex **ret_regex, struct err *err)
{
    if (pattern.len > REGEX_PATTERN_MAX)
        return err_set(err, "the pattern is longer than %d bytes", REGEX_PATTERN_MAX);
    struct buf translated;
    buf_init(&translated, 16 * REGEX_PATTERN_MAX);
    struct jsv_regex *regex = calloc(1, sizeof(*regex));
    bool ok = false;
    if (!regex || !(regex->text.ptr = str_dup_cstr(pattern))) {
        err_set(err, "memory is out");
        goto out;
    }
    regex->text.len = pattern.len;
    if (!jsv_regex_translate(pattern, &translated, err))
        goto out;
    if (!buf_ok(&translated)) {
        err_set(err, "the pattern is too long, or memory is out");
        goto out;
    }
    regex->code = compile_translated(buf_str(&translated), err);
    if (!regex->code)
        goto out;
    regex->jit = pcre2_jit_compile(regex->code, PCRE2_JIT_COMPLETE) == 0;
    measure(regex);
    if (!jsv_linear_build(pattern, work, &regex->linear)) {
        err_set(err, "memory is out");
        goto out;
    }
    ok = true;
    *ret_regex = regex;
out:
    buf_release(&translated);
    if (!ok)
        jsv_regex_free(regex);
    return ok;
}

void jsv_regex_free(struct jsv_regex *regex)
{
    if (!regex)
        return;
    pcre2_code_free(regex->code);
    jsv_linear_release(&regex->linear);
    free((char *)regex->text.ptr);
    free(regex);
}

// Characters looked at, were every repeat to try every length from every start; up to REGEX_DEAREST + 1.
static uint64_t cost(const struct jsv_regex *regex, size_t len)
{
    uint64_t all = 1, factor = len + 1;
    for (unsigned i = regex->anchored; i <= regex->repeats && all <= REGEX_DEAREST; i++)
        all = factor > REGEX_DEAREST ? factor : all * factor;
    return MIN(all, REGEX_DEAREST + 1);
}

size_t jsv_regex_steps(const struct jsv_regex *regex, size_t len)
{
    size_t steps = 1 + len / 64;
    return regex->linear.classes ? steps : steps + cost(regex, len) / 4096;
}

const struct jsv_linear *jsv_regex_linear(const struct jsv_regex *regex)
{
    return &regex->linear;
}

bool jsv_regex_is_linear(const struct jsv_regex *regex)
{
    return regex->linear.classes;
}

// One walk for each start is what the interpreter's limit does not see.
static bool is_hopeless(const struct jsv_regex *regex, size_t len)
{
    return regex->repeats && len > (regex->anchored ? REGEX_DEAREST : 8192);
}

enum jsv_verdict jsv_regex_backtrack(const struct jsv_regex *regex, struct jsv_matcher *matcher,
                                     struct str subject)
{
    PCRE2_SPTR ptr = (PCRE2_SPTR)(subject.ptr ? subject.ptr : "");
    uint32_t starts = regex->anchored ? 1 : (uint32_t)MIN(subject.len + 1, REGEX_ALL_STEPS);
    bool dear = cost(regex, subject.len) > REGEX_CHEAP;
    int rc;
    if (is_hopeless(regex, subject.len))
        return JSV_LIMIT;
    pcre2_set_match_limit(matcher->limits, MIN(REGEX_STEPS, REGEX_ALL_STEPS / starts));
    if (regex->jit && !dear)
        rc = pcre2_jit_match(regex->code, ptr, subject.len, 0, 0, matcher->data, matcher->limits);
    else
        rc = pcre2_match(regex->code, ptr, subject.len, 0, PCRE2_NO_UTF_CHECK | PCRE2_NO_JIT, matcher->data,
                         matcher->limits);
    if (rc >= 0)
        return JSV_VALID;
    return rc == PCRE2_ERROR_NOMATCH ? JSV_INVALID : JSV_LIMIT;
}

enum jsv_verdict jsv_regex_search(const struct jsv_regex *regex, struct jsv_matcher *matcher,
                                  struct str subject)
{
    if (regex->linear.classes)
        return jsv_linear_search(&regex->linear, subject) ? JSV_VALID : JSV_INVALID;
    return jsv_regex_backtrack(regex, matcher, subject);
}

struct str jsv_regex_text(const struct jsv_regex *regex)
{
    return regex->text;
}
