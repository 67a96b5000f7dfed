// SPDX-License-Identifier: Apache-2.0
// One pass over the head, line by line; the first byte out of place ends it.
#include "server/http/head.h"

#include "server/http/classes.h"
#include "server/http/limits.h"

// What is left of the text.
struct rest {
    const char *p;
    const char *end;
};

size_t head_end(struct str bytes, size_t seen)
{
    for (size_t at = seen; at < bytes.len; at++) {
        const char *lf = memchr(bytes.ptr + at, '\n', bytes.len - at);
        if (!lf)
            return 0;
        at = (size_t)(lf - bytes.ptr);
        size_t line = at > 0 && lf[-1] == '\r' ? at - 1 : at; // where this line begins if it is empty
        bool is_empty = line == 0 || bytes.ptr[line - 1] == '\n';
        bool is_passed_over = line == 0 && at == 1;
        if (is_empty && !is_passed_over)
            return at + 1;
    }
    return 0;
}

static enum problem refuse(struct str *ret_reason, struct str reason)
{
    *ret_reason = reason;
    return PROBLEM_http_malformed;
}

static bool takes_crlf(struct rest *rest)
{
    if (rest->end - rest->p < 2 || rest->p[0] != '\r' || rest->p[1] != '\n')
        return false;
    rest->p += 2;
    return true;
}

static bool takes_blank(struct rest *rest)
{
    return rest->p < rest->end && *rest->p++ == ' ';
}

static bool is_at(const struct rest *rest, char c)
{
    return rest->p < rest->end && *rest->p == c;
}

// Up to `end`, to which it moves.
static struct str take_to(struct rest *rest, const char *end)
{
    struct str taken = str_slice(rest->p, (size_t)(end - rest->p));
    rest->p = end;
    return taken;
}

static struct str take_target(struct rest *rest)
{
    const char *p = rest->p;
    while (p < rest->end && *p != ' ' && *p != '\t' && !http_is(*p, HTTP_IN_CONTROL))
        p++;
    return take_to(rest, p);
}

// HTTP/d.d
static bool takes_version(struct rest *rest, struct str *ret_version)
{
    const char *p = rest->p;
    if (rest->end - p < 8 || memcmp(p, "HTTP/", 5) != 0 || !char_is_digit(p[5]) || p[6] != '.' ||
        !char_is_digit(p[7]))
        return false;
    *ret_version = take_to(rest, p + 8);
    return true;
}

static enum problem refuse_request_line(const struct rest *rest, struct str *ret_reason)
{
    const char *lf = rest->p < rest->end ? memchr(rest->p, '\n', (size_t)(rest->end - rest->p)) : NULL;
    if (lf && (lf == rest->p || lf[-1] != '\r'))
        return refuse(ret_reason, STR("The request line ends with LF alone. End each line with CR LF."));
    return refuse(ret_reason, STR("The request line is not a method, a target and an HTTP version with "
                                  "one blank between them."));
}

static enum problem read_request_line(struct rest *rest, struct head *head, struct str *ret_reason)
{
    const struct rest line = *rest;
    struct str method = take_to(rest, http_skip(rest->p, rest->end, HTTP_IN_NAME));
    if (method.len == 0 || !takes_blank(rest))
        return refuse_request_line(&line, ret_reason);
    head->method = method;
    struct str target = take_target(rest);
    if (target.len == 0 || !takes_blank(rest))
        return refuse_request_line(&line, ret_reason);
    head->target = target;
    struct str version;
    if (!takes_version(rest, &version) || !takes_crlf(rest))
        return refuse_request_line(&line, ret_reason);
    head->version = version;
    head->is_1_0 = str_eq(version, STR("HTTP/1.0"));
    if (head->is_1_0 || str_eq(version, STR("HTTP/1.1")))
        return PROBLEM_NONE;
    *ret_reason = STR_NULL;
    return PROBLEM_version_unsupported;
}

static enum problem refuse_bare(struct str *ret_reason)
{
    return refuse(ret_reason, STR("A header line ends with LF alone. End each line with CR LF."));
}

// No name with a colon stands at the line's beginning.
static enum problem refuse_name(struct rest *rest, struct str name, struct str *ret_reason)
{
    if (name.len > 0 && is_at(rest, '\n'))
        return refuse_bare(ret_reason);
    if (is_at(rest, '\n'))
        return refuse(ret_reason, STR("The head ends with LF alone. End each line with CR LF."));
    if (takes_crlf(rest))
        return refuse(ret_reason, STR("A header line has no colon. Send a name, a colon and a value."));
    return refuse(ret_reason, STR("A header name holds a blank or another character that names cannot "
                                  "have. Send no blank before the colon."));
}

static enum problem read_name(struct rest *rest, struct str *ret_name, struct str *ret_reason)
{
    if (is_at(rest, ' ') || is_at(rest, '\t'))
        return refuse(ret_reason, STR("A header line is folded. Send each header on one line."));
    struct str name = take_to(rest, http_skip(rest->p, rest->end, HTTP_IN_NAME));
    if (!is_at(rest, ':'))
        return refuse_name(rest, name, ret_reason);
    if (name.len == 0)
        return refuse(ret_reason, STR("A header line has no name. Send a name, a colon and a value."));
    rest->p++;
    *ret_name = name;
    return PROBLEM_NONE;
}

static enum problem read_value(struct rest *rest, struct str *ret_value, struct str *ret_reason)
{
    while (is_at(rest, ' ') || is_at(rest, '\t'))
        rest->p++;
    struct str value = take_to(rest, http_text_end(rest->p, rest->end));
    if (!takes_crlf(rest)) {
        if (is_at(rest, '\n'))
            return refuse_bare(ret_reason);
        return refuse(ret_reason, STR("A header value holds a control character. Remove it."));
    }
    while (value.len > 0 && (value.ptr[value.len - 1] == ' ' || value.ptr[value.len - 1] == '\t'))
        value.len--;
    *ret_value = value;
    return PROBLEM_NONE;
}

static enum problem refuse_size(struct str *ret_reason)
{
    *ret_reason = STR_NULL;
    return PROBLEM_head_too_large;
}

static enum problem read_headers(struct rest *rest, struct head *head, struct str *ret_reason)
{
    size_t bytes = head->method.len + head->target.len;
    while (!takes_crlf(rest)) {
        if (head->count == HEAD_HEADERS_MAX)
            return refuse_size(ret_reason);
        struct head_header *header = &head->headers[head->count];
        enum problem problem = read_name(rest, &header->name, ret_reason);
        if (!problem)
            problem = read_value(rest, &header->value, ret_reason);
        if (problem)
            return problem;
        bytes += header->name.len + header->value.len + HTTP_HEAD_LINE_BYTES;
        head->names |= head_name_bit(header->name);
        head->count++;
    }
    if (bytes > HTTP_HEAD_BYTES)
        return refuse_size(ret_reason);
    // What head_end() measured has nothing behind its empty line.
    return rest->p == rest->end ? PROBLEM_NONE : refuse(ret_reason, STR("The head goes on behind its end."));
}

enum problem head_parse(struct str text, struct head *ret_head, struct str *ret_reason)
{
    struct rest rest = {text.ptr, text.len ? text.ptr + text.len : text.ptr};
    ret_head->method = ret_head->target = ret_head->version = STR_NULL;
    ret_head->is_1_0 = false;
    ret_head->count = 0;
    ret_head->names = 0;
    (void)takes_crlf(&rest); // the one empty line that may come before
    enum problem problem = read_request_line(&rest, ret_head, ret_reason);
    return problem ? problem : read_headers(&rest, ret_head, ret_reason);
}
