// SPDX-License-Identifier: Apache-2.0
// The guard's one pass, and the matchers for secrets; those for places are in guard_places.c.
#include "lib/contracts/guard_private.h"

const uint16_t guard_class[256] = {
    ['a' ... 'z'] = CH_LOWER,  ['A' ... 'Z'] = CH_UPPER,
    ['0' ... '9'] = CH_DIGIT,  ['_'] = CH_UNDER,
    ['-'] = CH_DASH,           ['.'] = CH_DOT,
    ['~'] = CH_TILDE,          ['+'] = CH_BASE64,
    ['/'] = CH_BASE64,         ['='] = CH_BASE64 | CH_BREAK,
    [0 ... ' '] = CH_BREAK,    ['"'] = CH_BREAK,
    ['\''] = CH_BREAK,         ['`'] = CH_BREAK,
    ['('] = CH_BREAK,          [')'] = CH_BREAK,
    ['['] = CH_BREAK,          [']'] = CH_BREAK,
    ['{'] = CH_BREAK,          ['}'] = CH_BREAK,
    ['<'] = CH_BREAK,          ['>'] = CH_BREAK,
    [','] = CH_BREAK,          [';'] = CH_BREAK,
    [':'] = CH_BREAK,          ['|'] = CH_BREAK,
    ['&'] = CH_BREAK,          [0x7f] = CH_BREAK,
    [0x80 ... 0xff] = CH_HIGH,
};

static const struct {
    const char *name;
    unsigned follows;
} sets[] = {
    {"alnum", CH_ALNUM},
    {"upper", CH_UPPER | CH_DIGIT},
    {"word", CH_ALNUM | CH_UNDER},
    {"base64", CH_ALNUM | CH_BASE64},
    {"base64url", CH_ALNUM | CH_UNDER | CH_DASH},
    {"token", CH_ALNUM | CH_UNDER | CH_DASH | CH_DOT | CH_TILDE | CH_BASE64},
};

bool guard_follows_from(struct str name, unsigned *ret_follows)
{
    for (size_t i = 0; i < ARRAY_LEN(sets); i++)
        if (str_eq(name, str_from(sets[i].name))) {
            *ret_follows = sets[i].follows;
            return true;
        }
    return false;
}

size_t guard_run(struct str text, size_t at, unsigned classes, size_t max)
{
    size_t end = MIN(text.len, at + max), i = at;
    while (i < end && guard_is(text, i, classes))
        i++;
    return i - at;
}

bool guard_has(struct str text, size_t at, struct str wanted)
{
    return at <= text.len && text.len - at >= wanted.len &&
           memcmp(text.ptr + at, wanted.ptr, wanted.len) == 0;
}

bool guard_has_nocase(struct str text, size_t at, struct str wanted)
{
    return at <= text.len && text.len - at >= wanted.len &&
           str_eq_nocase(str_slice(text.ptr + at, wanted.len), wanted);
}

static bool match_prefix(const struct guard_rule *rule, struct str text, size_t at)
{
    if (at > 0 && guard_is(text, at - 1, CH_ALNUM))
        return false;
    for (size_t i = 0; i < rule->prefix_count; i++) {
        struct str prefix = rule->prefixes[i];
        if (guard_has(text, at, prefix) &&
            guard_run(text, at + prefix.len, rule->follows, rule->min) == rule->min)
            return true;
    }
    return false;
}

// As match_prefix(), where a word begins: no part of a URL or of a longer name.
static bool match_word_prefix(const struct guard_rule *rule, struct str text, size_t at)
{
    return (at == 0 || guard_is(text, at - 1, CH_BREAK)) && match_prefix(rule, text, at);
}

static bool match_pem_key(const struct guard_rule *rule UNUSED, struct str text, size_t at)
{
    static const struct str begin = {"-----BEGIN ", 11}, key = {"PRIVATE KEY", 11};
    if ((at > 0 && text.ptr[at - 1] == '-') || !guard_has(text, at, begin))
        return false;
    struct str label = str_skip(text, at + begin.len);
    label.len = MIN(label.len, (size_t)48);
    return memmem(label.ptr, label.len, key.ptr, key.len) != NULL;
}

// Header and payload are JSON objects in base64url, so both begin with "ey"; the signature may be empty.
static bool match_jwt(const struct guard_rule *rule UNUSED, struct str text, size_t at)
{
    const unsigned base64url = CH_ALNUM | CH_UNDER | CH_DASH;
    // Only where a run of these begins, so that no run is looked at from its middle.
    if ((at > 0 && guard_is(text, at - 1, base64url)) || !guard_has(text, at, STR("eyJ")))
        return false;
    size_t dot = at + guard_run(text, at, base64url, text.len);
    if (dot - at < 12 || !guard_has(text, dot, STR(".ey")))
        return false;
    size_t payload = guard_run(text, dot + 1, base64url, text.len);
    return payload >= 8 && guard_has(text, dot + 1 + payload, STR("."));
}

typedef bool matcher_fn(const struct guard_rule *rule, struct str text, size_t at);

// `anchors` are the bytes around which a matcher looks, `next` those that may follow one (NULL: any); for
// those that take `follows` both come from their prefixes.
static const struct {
    const char *name;
    matcher_fn *match;
    const char *anchors;
    const char *next;
    bool prefixes;
} matchers[GUARD_MATCHERS] = {
    [GUARD_PREFIX] = {"prefix", match_prefix, "", "", true},
    [GUARD_WORD_PREFIX] = {"word_prefix", match_word_prefix, "", "", true},
    [GUARD_URL] = {"url", guard_match_url, ":", "/", true},
    [GUARD_POSIX_PATH] = {"posix_path", guard_match_posix_path, "/", NULL, false},
    [GUARD_WINDOWS_PATH] = {"windows_path", guard_match_windows_path, ":\\", "\\/UuWwPpDd", false},
    [GUARD_UNC_PATH] = {"unc_path", guard_match_unc_path, "\\/", "\\/", false},
    [GUARD_FILE_URI] = {"file_uri", guard_match_file_uri, ":", "\\/", false},
    [GUARD_HOME] = {"home", guard_match_home, "~$%", NULL, false},
    [GUARD_GIT_REMOTE] = {"git_remote", guard_match_git_remote, ":@", NULL, false},
    [GUARD_EMAIL] = {"email", guard_match_email, "@", NULL, false},
    [GUARD_URL_CREDENTIALS] = {"url_credentials", guard_match_url_credentials, ":", "/", false},
    [GUARD_PEM_KEY] = {"pem_key", match_pem_key, "-", "-", false},
    [GUARD_JWT] = {"jwt", match_jwt, "e", "y", false},
};

bool guard_matcher_from(struct str name, enum guard_matcher *ret_matcher)
{
    for (size_t i = 0; i < ARRAY_LEN(matchers); i++)
        if (str_eq(name, str_from(matchers[i].name))) {
            *ret_matcher = (enum guard_matcher)i;
            return true;
        }
    return false;
}

bool guard_matcher_has_prefixes(enum guard_matcher matcher)
{
    return matchers[matcher].prefixes;
}

bool guard_matcher_has_follows(enum guard_matcher matcher)
{
    return matcher == GUARD_PREFIX || matcher == GUARD_WORD_PREFIX;
}

static void prepare_rule(struct guard *guard, size_t index)
{
    const struct guard_rule *rule = &guard->rules[index];
    uint64_t bit = UINT64_C(1) << index;
    const char *next = matchers[rule->matcher].next;
    for (const char *c = matchers[rule->matcher].anchors; *c; c++)
        guard->at[(uint8_t)*c] |= bit;
    for (size_t i = 0; !next && i < ARRAY_LEN(guard->before); i++)
        guard->before[i] |= bit;
    for (; next && *next; next++)
        guard->before[(uint8_t)*next] |= bit;
    for (size_t i = 0; guard_matcher_has_follows(rule->matcher) && i < rule->prefix_count; i++) {
        guard->at[(uint8_t)rule->prefixes[i].ptr[0]] |= bit;
        guard->before[(uint8_t)rule->prefixes[i].ptr[1]] |= bit;
    }
}

void guard_prepare(struct guard *guard)
{
    memset(guard->at, 0, sizeof(guard->at));
    memset(guard->before, 0, sizeof(guard->before));
    for (size_t i = 0; i < guard->count; i++)
        prepare_rule(guard, i);
}

uint32_t guard_scan(const struct guard *guard, uint64_t mask, struct str text)
{
    const uint8_t *bytes = (const uint8_t *)text.ptr;
    // No rule is a match at the last byte alone.
    for (size_t i = 0; i + 1 < text.len; i++) {
        uint64_t rules = guard->at[bytes[i]] & guard->before[bytes[i + 1]] & mask;
        if (!rules)
            continue;
        // Whatever begins with a letter or a digit begins a word.
        if (i > 0 && guard_is(text, i, CH_ALNUM) && guard_is(text, i - 1, CH_ALNUM))
            continue;
        for (; rules; rules &= rules - 1) {
            uint32_t index = (uint32_t)__builtin_ctzll(rules);
            const struct guard_rule *rule = &guard->rules[index];
            if (matchers[rule->matcher].match(rule, text, i))
                return index;
        }
    }
    return GUARD_NONE;
}
