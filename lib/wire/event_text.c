// SPDX-License-Identifier: Apache-2.0
// The lexical pass over an event's text, and its hash.
#include "lib/wire/event_text.h"
#include "lib/base/json.h"
#include "lib/wire/limits.h"

#include <endian.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <sodium.h>

// What a byte outside strings begins. Plain bytes (commas, colons, the rest of a literal, rubbish) need
// nothing done.
enum byte_class { PLAIN, SPACE, QUOTE, OPEN, CLOSE, NUMBER, LITERAL };

static const uint8_t classes[256] = {
    [' '] = SPACE,  ['\t'] = SPACE, ['\n'] = SPACE,  ['\r'] = SPACE,  ['"'] = QUOTE,   ['{'] = OPEN,
    ['['] = OPEN,   ['}'] = CLOSE,  [']'] = CLOSE,   ['-'] = NUMBER,  ['0'] = NUMBER,  ['1'] = NUMBER,
    ['2'] = NUMBER, ['3'] = NUMBER, ['4'] = NUMBER,  ['5'] = NUMBER,  ['6'] = NUMBER,  ['7'] = NUMBER,
    ['8'] = NUMBER, ['9'] = NUMBER, ['t'] = LITERAL, ['f'] = LITERAL, ['n'] = LITERAL,
};

struct scan {
    const char *at; // the next byte to look at
    const char *end;
    const char *nul;   // the first NUL of the text, or its end
    const char *start; // the text from here to `at` is not in the output yet
    struct buf *out;   // has room for all of the text
    size_t depth;
    size_t nodes;
    size_t printed; // digits of all numbers, written without exponents
};

static bool is_space(char c)
{
    return classes[(unsigned char)c] == SPACE;
}

static bool is_digit(char c)
{
    return (unsigned char)(c - '0') < 10;
}

static bool is_letter(char c)
{
    return (unsigned char)((c | 0x20) - 'a') < 26;
}

// Marks the highest bit of the bytes of `word` that equal `c`; exact for the lowest marked one.
static uint64_t match_bytes(uint64_t word, char c)
{
    const uint64_t ones = 0x0101010101010101u, highs = ones * 0x80;
    uint64_t rest = word ^ (ones * (unsigned char)c);
    return (rest - ones) & ~rest & highs;
}

// The first quote or backslash at or after `p`, or `end`.
static const char *string_stop(const char *p, const char *end)
{
    for (; end - p >= 8; p += 8) {
        uint64_t word;
        memcpy(&word, p, 8);
        word = le64toh(word);
        uint64_t found = match_bytes(word, '"') | match_bytes(word, '\\');
        if (found)
            return p + (__builtin_ctzll(found) >> 3);
    }
    while (p < end && *p != '"' && *p != '\\')
        p++;
    return p;
}

// From behind the opening quote to behind the closing one. Escapes are the parser's, except the one that no
// text column can hold.
static enum problem scan_string(struct scan *s)
{
    const char *p = s->at + 1;
    for (;; p += 2) {
        p = string_stop(p, s->end);
        if (s->end - p < 1)
            return PROBLEM_json_malformed;
        if (*p == '"')
            break;
        if (s->end - p < 2)
            return PROBLEM_json_malformed;
        if (p[1] == 'u' && s->end - p >= 6 && memcmp(p + 2, "0000", 4) == 0)
            return PROBLEM_json_string_refused;
    }
    if (p > s->nul)
        return PROBLEM_json_string_refused;
    s->at = ++p;
    while (p < s->end && is_space(*p))
        p++;
    if (p == s->end || *p != ':') // a name is no value
        s->nodes++;
    return PROBLEM_NONE;
}

// A number's mantissa and exponent, counted only.
struct number {
    int64_t whole;    // digits before the point, without leading zeros
    int64_t fraction; // digits behind it
    int64_t leading;  // zeros of the fraction before its first other digit, if `whole` is 0
    int64_t exponent; // as written
    bool zero;
};

static const char *count_digits(const char *p, const char *end, bool *zero, int64_t *ret_skipped,
                                int64_t *ret_rest)
{
    const char *begin = p;
    while (*zero && p < end && *p == '0')
        p++;
    *ret_skipped = p - begin;
    begin = p;
    while (p < end && is_digit(*p))
        p++;
    *ret_rest = p - begin;
    *zero = *zero && *ret_rest == 0;
    return p;
}

static const char *read_exponent(const char *p, const char *end, int64_t *ret_exponent)
{
    bool negative = p < end && *p == '-';
    int64_t value = 0;
    if (p < end && (*p == '-' || *p == '+'))
        p++;
    for (; p < end && is_digit(*p); p++)
        value = MIN(value * 10 + (*p - '0'), (int64_t)1 << 40); // far beyond any length of text
    *ret_exponent = negative ? -value : value;
    return p;
}

static const char *read_number(const char *p, const char *end, struct number *ret_number)
{
    struct number n = {.zero = true};
    int64_t zeros;
    if (p < end && *p == '-')
        p++;
    p = count_digits(p, end, &n.zero, &zeros, &n.whole);
    if (p < end && *p == '.') {
        p = count_digits(p + 1, end, &n.zero, &n.leading, &n.fraction);
        n.fraction += n.leading;
    }
    if (p < end && (*p == 'e' || *p == 'E'))
        p = read_exponent(p + 1, end, &n.exponent);
    *ret_number = n;
    return p;
}

// jsonb keeps a number as its decimal digits and prints it without an exponent: too many digits or too far a
// point make a row that cannot be stored or not be read back.
static bool number_allowed(const struct number *n, size_t *printed)
{
    int64_t magnitude = n->exponent + (n->whole ? n->whole - 1 : -n->leading - 1);
    int64_t digits = n->whole + n->fraction - n->leading;
    if (n->zero) {
        magnitude = n->exponent;
        digits = n->fraction;
    }
    if (digits > LIMIT_NUMBER_DIGITS || magnitude > LIMIT_NUMBER_EXPONENT ||
        magnitude < -LIMIT_NUMBER_EXPONENT)
        return false;
    int64_t before = n->zero || magnitude < 0 ? 1 : magnitude + 1;
    int64_t behind = MAX(n->fraction - n->exponent, 0);
    *printed += (size_t)(before + behind);
    return *printed <= LIMIT_EXPANDED_DIGITS;
}

static enum problem scan_number(struct scan *s)
{
    const char *p = s->at, *digits = p + (*p == '-');
    for (p = digits; p < s->end && is_digit(*p); p++)
        ;
    s->nodes++;
    bool whole = p == s->end || (*p != '.' && *p != 'e' && *p != 'E');
    if (whole && p - digits <= LIMIT_NUMBER_DIGITS) {
        s->printed += (size_t)(p - digits);
        s->at = p;
        return s->printed <= LIMIT_EXPANDED_DIGITS ? PROBLEM_NONE : PROBLEM_json_number_refused;
    }
    struct number n;
    s->at = read_number(s->at, s->end, &n);
    return number_allowed(&n, &s->printed) ? PROBLEM_NONE : PROBLEM_json_number_refused;
}

// The output may be the text itself: it never passes what is still to be read, `start[0]` and on.
static void flush(struct scan *s)
{
    size_t len = (size_t)(s->at - s->start);
    char *to = s->out->ptr + s->out->len;
    if (to != s->start)
        memmove(to, s->start, len);
    s->out->len += len;
}

// Bytes between which white space may go without two tokens growing together.
static bool parts_tokens(char c)
{
    return c == ',' || c == ':' || classes[(unsigned char)c] == OPEN || classes[(unsigned char)c] == CLOSE ||
           c == '"';
}

static enum problem scan_space(struct scan *s)
{
    char before = s->at[-1]; // there is one: the text proper begins with a brace
    flush(s);
    while (s->at < s->end && is_space(*s->at))
        s->at++;
    s->start = s->at;
    bool apart = s->at == s->end || parts_tokens(before) || parts_tokens(*s->at);
    return apart ? PROBLEM_NONE : PROBLEM_json_malformed;
}

static enum problem scan_token(struct scan *s)
{
    switch ((enum byte_class)classes[(unsigned char)*s->at]) {
    case SPACE:
        return scan_space(s);
    case QUOTE:
        return scan_string(s);
    case NUMBER:
        return scan_number(s);
    case OPEN:
        s->nodes++;
        s->at++;
        return ++s->depth > LIMIT_JSON_DEPTH ? PROBLEM_json_too_deep : PROBLEM_NONE;
    case CLOSE:
        s->at++;
        return s->depth-- == 0 ? PROBLEM_json_malformed : PROBLEM_NONE;
    case LITERAL:
        s->nodes++;
        do {
            s->at++;
        } while (s->at < s->end && is_letter(*s->at));
        return PROBLEM_NONE;
    case PLAIN:
        s->at++;
        return PROBLEM_NONE;
    default:
        BUG("unknown byte class");
    }
}

// What a text that does not begin with a brace is, as far as its beginning tells.
static enum problem not_an_object(const struct scan *s)
{
    struct str rest = str_trim(str_slice(s->at, (size_t)(s->end - s->at)));
    if (!rest.len)
        return PROBLEM_json_malformed;
    switch ((enum byte_class)classes[(unsigned char)*s->at]) {
    case QUOTE:
    case OPEN:
    case NUMBER:
        return PROBLEM_json_not_object;
    case LITERAL:
        return str_eq(rest, STR("true")) || str_eq(rest, STR("false")) || str_eq(rest, STR("null"))
                   ? PROBLEM_json_not_object
                   : PROBLEM_json_malformed;
    default:
        return PROBLEM_json_malformed;
    }
}

enum problem event_text_scan(struct str text, struct buf *minified)
{
    if (!text.len)
        return PROBLEM_json_malformed;
    struct scan s = {.at = text.ptr, .end = text.ptr + text.len, .out = minified};
    if (!buf_reserve(minified, text.len))
        return text.len > minified->ceiling - minified->len ? PROBLEM_body_too_large : PROBLEM_overloaded;
    while (s.at < s.end && is_space(*s.at))
        s.at++;
    if (s.at == s.end || *s.at != '{')
        return not_an_object(&s);
    s.start = s.at;
    s.nul = memchr(s.at, 0, (size_t)(s.end - s.at));
    if (!s.nul)
        s.nul = s.end;
    while (s.at < s.end) {
        enum problem problem = scan_token(&s);
        if (problem)
            return problem;
        if (s.nodes > LIMIT_JSON_NODES)
            return PROBLEM_json_too_many_nodes;
    }
    flush(&s);
    return s.depth ? PROBLEM_json_malformed : PROBLEM_NONE;
}

enum problem event_text_scan_in_place(char *text, size_t *len)
{
    struct buf minified;
    buf_init_fixed(&minified, text, *len);
    enum problem problem = event_text_scan(str_slice(text, *len), &minified);
    if (!problem)
        *len = minified.len;
    return problem;
}

static EVP_MD *sha256_method;

static void fetch_sha256(void)
{
    sha256_method = EVP_MD_fetch(NULL, "SHA256", NULL);
}

void sha256(struct str bytes, uint8_t ret_digest[static SHA256_LEN])
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, fetch_sha256);
    // OpenSSL uses the processor's instructions but allocates; libsodium is slower and cannot fail.
    if (!sha256_method || EVP_Digest(bytes.ptr, bytes.len, ret_digest, NULL, sha256_method, NULL) != 1)
        crypto_hash_sha256(ret_digest, (const unsigned char *)bytes.ptr, bytes.len);
}

void sha256_setup(void)
{
    uint8_t digest[SHA256_LEN];
    sha256(STR(""), digest);
}

void sha256_hex(const uint8_t digest[static SHA256_LEN], char ret_text[static SHA256_HEX_LEN + 1])
{
    sodium_bin2hex(ret_text, SHA256_HEX_LEN + 1, digest, SHA256_LEN);
}

bool sha256_from_hex(struct str text, uint8_t ret_digest[static SHA256_LEN])
{
    uint8_t digest[SHA256_LEN];
    size_t len;
    if (text.len != SHA256_HEX_LEN ||
        sodium_hex2bin(digest, sizeof(digest), text.ptr, text.len, NULL, &len, NULL) != 0 ||
        len != SHA256_LEN)
        return false;
    memcpy(ret_digest, digest, SHA256_LEN);
    return true;
}

enum problem event_text_fault(int json_fault)
{
    switch ((enum json_fault)json_fault) {
    case JSON_FAULT_NONE:
        return PROBLEM_NONE;
    case JSON_FAULT_SYNTAX:
        return PROBLEM_json_malformed;
    case JSON_FAULT_DUPLICATE:
        return PROBLEM_json_duplicate_member;
    case JSON_FAULT_STRING:
        return PROBLEM_json_string_refused;
    case JSON_FAULT_NUMBER:
        return PROBLEM_json_number_refused;
    case JSON_FAULT_DEPTH:
        return PROBLEM_json_too_deep;
    case JSON_FAULT_MEMORY:
        return PROBLEM_overloaded;
    default:
        BUG("unknown JSON fault");
    }
}
