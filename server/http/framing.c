// SPDX-License-Identifier: Apache-2.0
// What RFC 9110 and 9112 say about lengths, codings, Host and targets, where they leave a choice the strict
// one.
#include "server/http/framing.h"

#include "server/http/classes.h"

static enum problem refuse(struct str *ret_reason, struct str reason)
{
    *ret_reason = reason;
    return PROBLEM_http_malformed;
}

struct counts {
    unsigned host;
    unsigned length;
    unsigned coding;
};

static enum problem take_host(struct str value, struct counts *counts, struct str *ret_reason)
{
    const char *end = value.ptr + value.len;
    counts->host++;
    if (value.len == 0 || http_skip(value.ptr, end, HTTP_IN_HOST) != end)
        return refuse(ret_reason, STR("The Host header is not a host."));
    return PROBLEM_NONE;
}

static enum problem take_length(struct str value, struct framing *framing, struct counts *counts,
                                struct str *ret_reason)
{
    counts->length++;
    framing->has_length = true;
    if (!str_to_u64(value, &framing->length))
        return refuse(ret_reason, STR("Content-Length is not a decimal number."));
    return PROBLEM_NONE;
}

static enum problem take_coding(struct str value, struct framing *framing, struct counts *counts,
                                struct str *ret_reason)
{
    counts->coding++;
    framing->chunked = true;
    if (!str_eq_nocase(value, STR("chunked")))
        return refuse(ret_reason, STR("Transfer-Encoding is not exactly chunked."));
    return PROBLEM_NONE;
}

static bool has_option(struct str options, struct str wanted)
{
    while (options.ptr)
        if (str_eq_nocase(str_trim(str_cut(&options, ',')), wanted))
            return true;
    return false;
}

// Length and first letter tell most headers apart from those that matter here.
static enum problem judge_header(const struct head_header *header, struct framing *framing,
                                 struct counts *counts, struct str *ret_reason)
{
    struct str name = header->name, value = header->value;
    char first = char_lower(name.ptr[0]);
    if (name.len == 4 && first == 'h' && str_eq_nocase(name, STR("host")))
        return take_host(value, counts, ret_reason);
    if (name.len == 14 && first == 'c' && str_eq_nocase(name, STR("content-length")))
        return take_length(value, framing, counts, ret_reason);
    if (name.len == 17 && first == 't' && str_eq_nocase(name, STR("transfer-encoding")))
        return take_coding(value, framing, counts, ret_reason);
    if (name.len == 6 && first == 'e' && str_eq_nocase(name, STR("expect")))
        framing->expects_continue |= str_eq_nocase(value, STR("100-continue"));
    else if (name.len == 10 && first == 'c' && str_eq_nocase(name, STR("connection")))
        framing->keeps_alive &= !has_option(value, STR("close"));
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

enum problem framing_judge(const struct head *head, struct framing *ret_framing, struct str *ret_reason)
{
    struct framing framing = {.keeps_alive = !head->is_1_0};
    struct counts counts = {0};
    enum problem problem = PROBLEM_NONE;
    for (size_t i = 0; !problem && i < head->count; i++)
        problem = judge_header(&head->headers[i], &framing, &counts, ret_reason);
    if (!problem)
        problem = judge_counts(&counts, head->is_1_0, ret_reason);
    if (!problem)
        problem = judge_body(head->method, &framing, ret_reason);
    framing.expects_continue &= !head->is_1_0; // RFC 9110 section 10.1.1
    *ret_framing = framing;
    return problem;
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
    int high = char_hex(target.ptr[*i]), low = char_hex(target.ptr[*i + 1]);
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
