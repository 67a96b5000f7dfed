// SPDX-License-Identifier: Apache-2.0
// The checks of RFC 9110 and 9112 that the library leaves to us.
#include "server/http/framing.h"

static enum problem refuse(struct str *ret_reason, struct str reason)
{
    *ret_reason = reason;
    return PROBLEM_http_malformed;
}

#define IN_NAME 1 // RFC 9110 section 5.6.2
#define IN_HOST 2

#define BOTH (IN_NAME | IN_HOST)
static const uint8_t classes[256] = {
    ['0'] = BOTH,    ['1'] = BOTH,    ['2'] = BOTH,    ['3'] = BOTH,    ['4'] = BOTH,    ['5'] = BOTH,
    ['6'] = BOTH,    ['7'] = BOTH,    ['8'] = BOTH,    ['9'] = BOTH,    ['A'] = BOTH,    ['B'] = BOTH,
    ['C'] = BOTH,    ['D'] = BOTH,    ['E'] = BOTH,    ['F'] = BOTH,    ['G'] = BOTH,    ['H'] = BOTH,
    ['I'] = BOTH,    ['J'] = BOTH,    ['K'] = BOTH,    ['L'] = BOTH,    ['M'] = BOTH,    ['N'] = BOTH,
    ['O'] = BOTH,    ['P'] = BOTH,    ['Q'] = BOTH,    ['R'] = BOTH,    ['S'] = BOTH,    ['T'] = BOTH,
    ['U'] = BOTH,    ['V'] = BOTH,    ['W'] = BOTH,    ['X'] = BOTH,    ['Y'] = BOTH,    ['Z'] = BOTH,
    ['a'] = BOTH,    ['b'] = BOTH,    ['c'] = BOTH,    ['d'] = BOTH,    ['e'] = BOTH,    ['f'] = BOTH,
    ['g'] = BOTH,    ['h'] = BOTH,    ['i'] = BOTH,    ['j'] = BOTH,    ['k'] = BOTH,    ['l'] = BOTH,
    ['m'] = BOTH,    ['n'] = BOTH,    ['o'] = BOTH,    ['p'] = BOTH,    ['q'] = BOTH,    ['r'] = BOTH,
    ['s'] = BOTH,    ['t'] = BOTH,    ['u'] = BOTH,    ['v'] = BOTH,    ['w'] = BOTH,    ['x'] = BOTH,
    ['y'] = BOTH,    ['z'] = BOTH,    ['!'] = BOTH,    ['$'] = BOTH,    ['&'] = BOTH,    ['%'] = BOTH,
    ['\''] = BOTH,   ['*'] = BOTH,    ['+'] = BOTH,    ['-'] = BOTH,    ['.'] = BOTH,    ['_'] = BOTH,
    ['~'] = BOTH,    ['#'] = IN_NAME, ['^'] = IN_NAME, ['`'] = IN_NAME, ['|'] = IN_NAME, ['('] = IN_HOST,
    [')'] = IN_HOST, [','] = IN_HOST, [';'] = IN_HOST, ['='] = IN_HOST, [':'] = IN_HOST, ['['] = IN_HOST,
    [']'] = IN_HOST,
};

// One character or more, and all of the class.
static bool is_all(struct str s, uint8_t class)
{
    uint8_t common = class;
    for (size_t i = 0; i < s.len; i++)
        common &= classes[(unsigned char)s.ptr[i]];
    return s.len > 0 && common;
}

static bool is_control(unsigned char c)
{
    return (c < ' ' && c != '\t') || c == 0x7f;
}

#define EACH_BYTE(byte) (0x0101010101010101ULL * (byte))

// Is one of eight bytes below the blank, or DEL? A tab counts.
static bool may_have_control(const char *eight)
{
    uint64_t word;
    memcpy(&word, eight, sizeof(word));
    uint64_t del = word ^ EACH_BYTE(0x7f);
    uint64_t low = (word - EACH_BYTE(' ')) & ~word, zero = (del - EACH_BYTE(1)) & ~del;
    return ((low | zero) & EACH_BYTE(0x80)) != 0;
}

static bool has_control(struct str s)
{
    size_t i = 0;
    while (i < s.len) {
        size_t end = MIN(i + 8, s.len);
        if (end - i == 8 && !may_have_control(s.ptr + i)) {
            i = end;
            continue;
        }
        for (; i < end; i++)
            if (is_control((unsigned char)s.ptr[i]))
                return true;
    }
    return false;
}

static bool goes_on(struct str name, struct str guarded)
{
    return name.len > guarded.len && bytes_eq_nocase(name.ptr, guarded.ptr, guarded.len);
}

// The library glues a folded line to the name before it. Where the name decides about framing or access, a
// longer name is taken for such glue.
static bool is_glued(struct str name)
{
    switch (char_lower(name.ptr[0])) {
    case 'c':
        return goes_on(name, STR("content-length"));
    case 't':
        return goes_on(name, STR("transfer-encoding"));
    case 'a':
        return goes_on(name, STR("authorization"));
    case 'h':
        return goes_on(name, STR("host"));
    default:
        return false;
    }
}

struct counts {
    unsigned host;
    unsigned length;
    unsigned coding;
};

static enum problem judge_header(const struct framing_header *header, struct framing *framing,
                                 struct counts *counts, struct str *ret_reason)
{
    if (header->folded)
        return refuse(ret_reason, STR("A header line is folded. Send each header on one line."));
    // For others the next line may be a part of this one's value, and a length in it be none.
    if (header->bare)
        return refuse(ret_reason, STR("A header line ends with LF alone. End each line with CR LF."));
    if (!is_all(header->name, IN_NAME))
        return refuse(ret_reason, STR("A header name holds a blank or another character that names cannot "
                                      "have. Send no blank before the colon."));
    if (is_glued(header->name))
        return refuse(ret_reason, STR("A header name begins like Content-Length, Transfer-Encoding, "
                                      "Authorization or Host and goes on. Remove that header."));
    if (has_control(header->value))
        return refuse(ret_reason, STR("A header value holds a control character. Remove it."));
    if (str_eq_nocase(header->name, STR("host"))) {
        counts->host++;
        if (!is_all(header->value, IN_HOST))
            return refuse(ret_reason, STR("The Host header is not a host."));
    } else if (str_eq_nocase(header->name, STR("content-length"))) {
        counts->length++;
        framing->has_length = true;
        if (!str_to_u64(header->value, &framing->length))
            return refuse(ret_reason, STR("Content-Length is not a decimal number."));
    } else if (str_eq_nocase(header->name, STR("transfer-encoding"))) {
        counts->coding++;
        framing->chunked = true;
        if (!str_eq_nocase(header->value, STR("chunked")))
            return refuse(ret_reason, STR("Transfer-Encoding is not exactly chunked."));
    } else if (str_eq_nocase(header->name, STR("expect"))) {
        framing->expects_continue |= str_eq_nocase(header->value, STR("100-continue"));
    }
    return PROBLEM_NONE;
}

static enum problem judge_counts(const struct counts *counts, bool is_1_0, struct str *ret_reason)
{
    if (counts->host > 1 || (counts->host == 0 && !is_1_0))
        return refuse(ret_reason, STR("Send exactly one Host header."));
    if (counts->length > 1)
        return refuse(ret_reason, STR("Content-Length is there more than once."));
    if (counts->coding > 1)
        return refuse(ret_reason, STR("Transfer-Encoding is there more than once."));
    if (counts->coding && counts->length)
        return refuse(ret_reason, STR("Send Content-Length or Transfer-Encoding, not both."));
    if (counts->coding && is_1_0)
        return refuse(ret_reason, STR("HTTP/1.0 has no Transfer-Encoding."));
    return PROBLEM_NONE;
}

static enum problem judge_body(struct str method, const struct framing *framing, struct str *ret_reason)
{
    if (str_eq(method, STR("POST"))) {
        if (framing->has_length || framing->chunked)
            return PROBLEM_NONE;
        *ret_reason = STR_NULL; // the table's text says it
        return PROBLEM_length_required;
    }
    // A method that no route has is refused as such, with a body or without.
    bool served = str_eq(method, STR("GET")) || str_eq(method, STR("HEAD")) || str_eq(method, STR("DELETE"));
    if (served && (framing->length > 0 || framing->chunked))
        return refuse(ret_reason, STR("Only POST may carry a body here."));
    return PROBLEM_NONE;
}

enum problem framing_judge(const struct framing_head *head, struct framing *ret_framing,
                           struct str *ret_reason)
{
    struct framing framing = {0};
    struct counts counts = {0};
    bool is_1_0 = str_eq(head->version, STR("HTTP/1.0"));
    enum problem problem = PROBLEM_NONE;
    for (size_t i = 0; !problem && i < head->count; i++)
        problem = judge_header(&head->headers[i], &framing, &counts, ret_reason);
    if (!problem)
        problem = judge_counts(&counts, is_1_0, ret_reason);
    if (!problem)
        problem = judge_body(head->method, &framing, ret_reason);
    framing.expects_continue &= !is_1_0; // RFC 9110 section 10.1.1
    *ret_framing = framing;
    return problem;
}

static int hex_value(char c)
{
    if (char_is_digit(c))
        return c - '0';
    c = char_lower(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

// The next byte of a target, decoded; -1 if it is none that a URI may hold. `*i` moves behind it.
static int next_byte(struct str target, size_t *i)
{
    unsigned char c = (unsigned char)target.ptr[(*i)++];
    if (c <= ' ' || c >= 0x7f || c == '#')
        return -1;
    if (c != '%')
        return c;
    if (target.len - *i < 2)
        return -1;
    int high = hex_value(target.ptr[*i]), low = hex_value(target.ptr[*i + 1]);
    *i += 2;
    return high < 0 || low < 0 || high + low == 0 ? -1 : high * 16 + low;
}

// Each segment is looked at decoded, since that is what routes match: it is not empty (but for the last),
// not "." or "..", and no escape hides a separator or a control.
static bool is_plain_path(struct str path)
{
    if (path.len == 0 || path.ptr[0] != '/')
        return false;
    size_t segment = 0, dots = 0; // decoded length and how much of it is dots
    for (size_t i = 1; i < path.len;) {
        bool separator = path.ptr[i] == '/';
        int c = next_byte(path, &i);
        if (c < ' ' || c == 0x7f || c == '\\' || c == ';' || (c == '/' && !separator))
            return false;
        if (separator && (segment == 0 || (segment == dots && dots <= 2)))
            return false;
        segment = separator ? 0 : segment + 1;
        dots = separator ? 0 : dots + (c == '.');
    }
    return segment == 0 || segment != dots || dots > 2;
}

static bool is_plain_query(struct str query)
{
    for (size_t i = 0; i < query.len;)
        if (next_byte(query, &i) < ' ')
            return false;
    return true;
}

enum problem framing_judge_target(struct str target, struct str *ret_reason)
{
    struct str query = target;
    struct str path = str_cut(&query, '?');
    if (!is_plain_path(path))
        return refuse(ret_reason,
                      STR("The path is not one that this server reads: it must begin with a slash "
                          "and hold no empty or dot segment, semicolon, backslash or odd escape."));
    if (!is_plain_query(query))
        return refuse(ret_reason, STR("The query holds a character or escape that a URL cannot have."));
    return PROBLEM_NONE;
}
