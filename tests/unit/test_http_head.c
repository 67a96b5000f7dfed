// SPDX-License-Identifier: Apache-2.0
// server/http/head: where heads end, what is in them, and all that is refused.
#include "check_main.h"
#include "server/http/head.h"
#include "server/http/limits.h"

#define LINE "GET / HTTP/1.1\r\n"

// From a copy of the exact size, so that a sanitizer sees a read past its end. The views dangle then.
static enum problem parse_copy(struct str text, struct head *ret_head, struct str *ret_reason)
{
    char *copy = malloc(text.len + 1);
    ck_assert_ptr_nonnull(copy);
    memcpy(copy + 1, text.ptr, text.len);
    enum problem problem = head_parse(str_slice(copy + 1, text.len), ret_head, ret_reason);
    free(copy);
    return problem;
}

static void assert_code(size_t row, enum problem problem, const char *code)
{
    const char *got = problem ? problem_info(problem)->code : "none";
    ck_assert_msg(strcmp(got, code ? code : "none") == 0, "row %zu: %s", row, got);
}

// Whole, and cut in two at every place.
START_TEST(http_head__finds_the_end)
{
    static const struct {
        struct str text;
        size_t end;
    } rows[] = {
        {{"", 0}, 0},
        {{"\r", 1}, 0},
        {{"\r\n", 2}, 0}, // may come before a request line
        {{"\n", 1}, 1},
        {{"\r\n\r", 3}, 0},
        {{"\r\n\r\n", 4}, 4},
        {{"\r\n\n", 3}, 3},
        {{"\n\r\n", 3}, 1},
        {{"a", 1}, 0},
        {{"a\r\n", 3}, 0},
        {{"a\r\n\r", 4}, 0},
        {{"a\r\n\r\n", 5}, 5},
        {{"a\r\n\r\nb\r\n\r\n", 10}, 5},
        {{"a\r\nb: c\r\n\r\nrest", 15}, 11},
        {{"a\r\n\n", 4}, 4},
        {{"a\n\n", 3}, 3},
        {{"a\n\r\n", 4}, 4},
        {{"a\r\n\r\r\n", 6}, 0},
        {{"a\r\n \r\n", 6}, 0},
        {{"a\r\n\0\r\n", 6}, 0},
        {{"\r\na\r\n\r\n", 7}, 7},
        {{"\r\r\n", 3}, 0},
        {{"a\r\r\n\r\n", 6}, 6},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct str text = rows[i].text;
        ck_assert_msg(head_end(text, 0) == rows[i].end, "row %zu: %zu", i, head_end(text, 0));
        for (size_t cut = 0; cut <= text.len; cut++) {
            size_t first = head_end(str_slice(text.ptr, cut), 0);
            bool is_there = rows[i].end > 0 && cut >= rows[i].end;
            ck_assert_msg(first == (is_there ? rows[i].end : 0), "row %zu cut at %zu", i, cut);
            if (!is_there)
                ck_assert_msg(head_end(text, cut) == rows[i].end, "row %zu from %zu", i, cut);
        }
    }
    ck_assert_uint_eq(head_end(STR_NULL, 0), 0);
}
END_TEST

START_TEST(http_head__reads_the_parts)
{
    const struct str text = STR("\r\nPOST /v1/events?a=%20 HTTP/1.1\r\nHost: sink\r\nx-a:\t two  words \t\r\n"
                                "X-Empty:\r\nx-BLANK:   \t \r\n!#$%&'*+-.^_`|~09aZ:a:b\xc3\xa9\t:c\r\n\r\n");
    static const char *const want[][2] = {{"Host", "sink"},
                                          {"x-a", "two  words"},
                                          {"X-Empty", ""},
                                          {"x-BLANK", ""},
                                          {"!#$%&'*+-.^_`|~09aZ", "a:b\xc3\xa9\t:c"}};
    struct head head;
    struct str why = STR_NULL;
    ck_assert_uint_eq(head_end(text, 0), text.len);
    assert_code(0, head_parse(text, &head, &why), NULL);
    ck_assert_view_eq(head.method, "POST");
    ck_assert_view_eq(head.target, "/v1/events?a=%20");
    ck_assert_view_eq(head.version, "HTTP/1.1");
    ck_assert(!head.is_1_0);
    ck_assert_uint_eq(head.count, ARRAY_LEN(want));
    uint64_t names = 0;
    for (size_t i = 0; i < head.count; i++) {
        ck_assert_view_eq(head.headers[i].name, want[i][0]);
        ck_assert_view_eq(head.headers[i].value, want[i][1]);
        ck_assert_ptr_nonnull(head.headers[i].value.ptr);
        names |= head_name_bit(head.headers[i].name);
    }
    ck_assert(head.names == names && names != 0);
    ck_assert(head_name_bit(STR("Content-Length")) == head_name_bit(STR("cONTENT-lENGTH")));

    assert_code(0, head_parse(STR("GET * HTTP/1.0\r\n\r\n"), &head, &why), NULL);
    ck_assert(head.is_1_0 && head.count == 0 && head.names == 0);
    ck_assert_view_eq(head.target, "*");
}
END_TEST

#define MALFORMED "http_malformed"
#define LINE_FORM "The request line is not a method"
#define LINE_LF   "The request line ends with LF alone"
#define BARE      "A header line ends with LF alone"
#define NAME      "A header name holds a blank"
#define NAMELESS  "A header line has no name"
#define COLON     "A header line has no colon"
#define FOLDED    "A header line is folded"
#define VALUE     "A header value holds a control"
#define END_LF    "The head ends with LF alone"

START_TEST(http_head__refuses_what_is_odd)
{
    static const struct {
        struct str text;
        const char *code;
        const char *reason; // how it begins; NULL: none
    } rows[] = {
#define ROW(text, code, reason) {{(text), sizeof(text) - 1}, code, reason}
        // The request line.
        ROW("", MALFORMED, LINE_FORM),
        ROW("\r\n", MALFORMED, LINE_FORM),
        ROW("\r\n\r\n", MALFORMED, LINE_FORM),
        ROW("\n", MALFORMED, LINE_LF),
        ROW("\r\n\n", MALFORMED, LINE_LF),
        ROW("\r\n\r\n" LINE "\r\n", MALFORMED, LINE_FORM),
        ROW("\n" LINE "\r\n", MALFORMED, LINE_LF),
        ROW(" " LINE "\r\n", MALFORMED, LINE_FORM),
        ROW("hello\r\n\r\n", MALFORMED, LINE_FORM),
        ROW("GET\r\n\r\n", MALFORMED, LINE_FORM),
        ROW("GET /\r\n\r\n", MALFORMED, LINE_FORM),
        ROW("GET / \r\n\r\n", MALFORMED, LINE_FORM),
        ROW("GET  / HTTP/1.1\r\n\r\n", MALFORMED, LINE_FORM),
        ROW("GET /  HTTP/1.1\r\n\r\n", MALFORMED, LINE_FORM),
        ROW("GET\t/ HTTP/1.1\r\n\r\n", MALFORMED, LINE_FORM),
        ROW("GET /\tHTTP/1.1\r\n\r\n", MALFORMED, LINE_FORM),
        ROW("GET / HTTP/1.1 \r\n\r\n", MALFORMED, LINE_FORM),
        ROW("GET / x HTTP/1.1\r\n\r\n", MALFORMED, LINE_FORM),
        ROW("G@T / HTTP/1.1\r\n\r\n", MALFORMED, LINE_FORM),
        ROW(" / HTTP/1.1\r\n\r\n", MALFORMED, LINE_FORM),
        ROW("GET\0 / HTTP/1.1\r\n\r\n", MALFORMED, LINE_FORM),
        ROW("GET /\0x HTTP/1.1\r\n\r\n", MALFORMED, LINE_FORM),
        ROW("GET /\177 HTTP/1.1\r\n\r\n", MALFORMED, LINE_FORM),
        ROW("GET / HTTP/1.1\0\r\n\r\n", MALFORMED, LINE_FORM),
        ROW("GET / HTTP/1.1\r\r\n\r\n", MALFORMED, LINE_FORM),
        ROW("GET / HTTP/1.1\rx\r\n\r\n", MALFORMED, LINE_FORM),
        ROW("GET / http/1.1\r\n\r\n", MALFORMED, LINE_FORM),
        ROW("GET / HTTP/1\r\n\r\n", MALFORMED, LINE_FORM),
        ROW("GET / HTTP/1.\r\n\r\n", MALFORMED, LINE_FORM),
        ROW("GET / HTTP/1.10\r\n\r\n", MALFORMED, LINE_FORM),
        ROW("GET / HTTP/01.1\r\n\r\n", MALFORMED, LINE_FORM),
        ROW("GET / HTTP/a.b\r\n\r\n", MALFORMED, LINE_FORM),
        ROW("GET / HTTP/1,1\r\n\r\n", MALFORMED, LINE_FORM),
        ROW("GET / HTTP 1.1\r\n\r\n", MALFORMED, LINE_FORM),
        ROW("GET / HTTP/1.1\n\r\n", MALFORMED, LINE_LF),
        ROW("GET / HTTP/1.1\nHost: a\r\n\r\n", MALFORMED, LINE_LF),
        ROW("GET /\nHost: a\r\n\r\n", MALFORMED, LINE_LF),
        ROW("GET / HTTP/1.1\n\n", MALFORMED, LINE_LF),
        ROW("\x16\x03\x01\0\xc8\x01\n\n", MALFORMED, LINE_LF),
        // Versions.
        ROW("PRI * HTTP/2.0\r\n\r\n", "version_unsupported", NULL),
        ROW("GET / HTTP/0.9\r\n\r\n", "version_unsupported", NULL),
        ROW("GET / HTTP/1.2\r\n\r\n", "version_unsupported", NULL),
        ROW("GET / HTTP/2.0\n\r\n", MALFORMED, LINE_LF),
        // Ends of lines.
        ROW(LINE "Host: a\n\r\n", MALFORMED, BARE),
        ROW(LINE "Host: a\nX: b\r\n\r\n", MALFORMED, BARE),
        ROW(LINE "Host:\n\r\n", MALFORMED, BARE),
        ROW(LINE "Host\n\r\n", MALFORMED, BARE),
        ROW(LINE "Host: a\r\n\n", MALFORMED, END_LF),
        ROW(LINE "\n", MALFORMED, END_LF),
        ROW(LINE "Host: a\r\r\n\r\n", MALFORMED, VALUE),
        ROW(LINE "Host: a\rX: b\r\n\r\n", MALFORMED, VALUE),
        ROW(LINE "Host: a\r \r\n\r\n", MALFORMED, VALUE),
        ROW(LINE "Host:\r\r\n\r\n", MALFORMED, VALUE),
        ROW(LINE "Host\r: a\r\n\r\n", MALFORMED, NAME),
        ROW(LINE "\rHost: a\r\n\r\n", MALFORMED, NAME),
        // Names.
        ROW(LINE "Content-Length : 3\r\n\r\n", MALFORMED, NAME),
        ROW(LINE "Content-Length\t: 3\r\n\r\n", MALFORMED, NAME),
        ROW(LINE "Content Length: 3\r\n\r\n", MALFORMED, NAME),
        ROW(LINE "X\x01: 3\r\n\r\n", MALFORMED, NAME),
        ROW(LINE "X\xe9: 3\r\n\r\n", MALFORMED, NAME),
        ROW(LINE "X\0A: 3\r\n\r\n", MALFORMED, NAME),
        ROW(LINE "\0\r\n\r\n", MALFORMED, NAME),
        ROW(LINE "\0X-A: b\r\n\r\n", MALFORMED, NAME),
        ROW(LINE "\"X\": b\r\n\r\n", MALFORMED, NAME),
        ROW(LINE "X,Y: b\r\n\r\n", MALFORMED, NAME),
        ROW(LINE ": 3\r\n\r\n", MALFORMED, NAMELESS),
        ROW(LINE ":\r\n\r\n", MALFORMED, NAMELESS),
        ROW(LINE "::\r\n\r\n", MALFORMED, NAMELESS),
        ROW(LINE "NoColonHere\r\n\r\n", MALFORMED, COLON),
        ROW(LINE "Host: a\r\nNoColonHere\r\n\r\n", MALFORMED, COLON),
        // Folding.
        ROW(LINE " Host: a\r\n\r\n", MALFORMED, FOLDED),
        ROW(LINE "X-A: one\r\n two\r\n\r\n", MALFORMED, FOLDED),
        ROW(LINE "X-A: one\r\n\ttwo\r\n\r\n", MALFORMED, FOLDED),
        ROW(LINE "Content-Length:\r\n 3\r\n\r\n", MALFORMED, FOLDED),
        ROW(LINE "X-A: one\r\n \r\n\r\n", MALFORMED, FOLDED),
        // Values.
        ROW(LINE "X-A: b\0c\r\n\r\n", MALFORMED, VALUE),
        ROW(LINE "X-A:\0\r\n\r\n", MALFORMED, VALUE),
        ROW(LINE "X-A: \x0b"
                 "chunked\r\n\r\n",
            MALFORMED, VALUE),
        ROW(LINE "X-A: b\177\r\n\r\n", MALFORMED, VALUE),
        // No head, or more than one.
        ROW("GET / HTTP/1.1", MALFORMED, LINE_FORM),
        ROW(LINE, MALFORMED, NAME),
        ROW(LINE "Host", MALFORMED, NAME),
        ROW(LINE "Host:", MALFORMED, VALUE),
        ROW(LINE "Host: a", MALFORMED, VALUE),
        ROW(LINE "Host: a\r", MALFORMED, VALUE),
        ROW(LINE "Host: a\r\n", MALFORMED, NAME),
        ROW(LINE "Host: a\r\n\r", MALFORMED, NAME),
        ROW(LINE "Host: a\r\n\r\nx", MALFORMED, "The head goes on"),
#undef ROW
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct head head;
        struct str why = STR("unset");
        assert_code(i, parse_copy(rows[i].text, &head, &why), rows[i].code);
        ck_assert_msg(rows[i].reason ? str_starts(why, str_from(rows[i].reason)) : !why.ptr, "row %zu: %.*s",
                      i, STR_FMT(why));
    }
    struct head head;
    struct str why;
    assert_code(0, head_parse(STR_NULL, &head, &why), MALFORMED);
}
END_TEST

START_TEST(http_head__keeps_what_was_read)
{
    struct head head;
    struct str why;
    memset(&head, 0x5a, sizeof(head));
    ck_assert(head_parse(STR("PO ST / HTTP/1.1\r\n\r\n"), &head, &why));
    ck_assert_view_eq(head.method, "PO");
    ck_assert_view_eq(head.target, "ST");
    ck_assert(!head.version.ptr && head.count == 0 && head.names == 0 && !head.is_1_0);
    ck_assert(head_parse(STR("POST\r\n\r\n"), &head, &why));
    ck_assert(!head.method.ptr && !head.target.ptr);
    ck_assert(head_parse(STR("PRI * HTTP/2.0\r\nA: b\r\n\r\n"), &head, &why));
    ck_assert_view_eq(head.version, "HTTP/2.0");
    ck_assert_uint_eq(head.count, 0);
    ck_assert(head_parse(STR("PUT /x HTTP/1.0\r\nA: b\r\nB : c\r\n\r\n"), &head, &why));
    ck_assert_view_eq(head.method, "PUT");
    ck_assert(head.is_1_0 && head.count == 1);
    ck_assert(head.names == head_name_bit(STR("a")));
}
END_TEST

static char text_of_many[64 * 1024];

// `count` lines with names and values of one character.
static struct str many_lines(size_t count)
{
    int len = snprintf(text_of_many, sizeof(text_of_many), LINE);
    for (size_t i = 0; i < count; i++)
        len += snprintf(text_of_many + len, sizeof(text_of_many) - (size_t)len, "a:b\r\n");
    len += snprintf(text_of_many + len, sizeof(text_of_many) - (size_t)len, "\r\n");
    return str_slice(text_of_many, (size_t)len);
}

// A target of `target` bytes, one header whose value has `value`, blanks around it.
static struct str one_line(int target, int value)
{
    int len = snprintf(text_of_many, sizeof(text_of_many), "GET %0*d HTTP/1.1\r\nA: \t%0*d  \r\n\r\n", target,
                       0, value, 0);
    return str_slice(text_of_many, (size_t)len);
}

START_TEST(http_head__has_limits)
{
    struct head head;
    struct str why = STR("unset");
    assert_code(0, parse_copy(many_lines(HEAD_HEADERS_MAX), &head, &why), NULL);
    ck_assert_uint_eq(head.count, HEAD_HEADERS_MAX);
    assert_code(1, parse_copy(many_lines(HEAD_HEADERS_MAX + 1), &head, &why), "head_too_large");
    ck_assert_uint_eq(head.count, HEAD_HEADERS_MAX);
    ck_assert_ptr_null(why.ptr);
    const int room = HTTP_HEAD_BYTES - HTTP_HEAD_LINE_BYTES -
                     (int)strlen("GET"
                                 "A");
    assert_code(2, parse_copy(one_line(1, room - 1), &head, &why), NULL);
    assert_code(3, parse_copy(one_line(1, room), &head, &why), "head_too_large");
    assert_code(4, parse_copy(one_line(room - 7, 7), &head, &why), NULL);
    assert_code(5, parse_copy(one_line(room - 6, 7), &head, &why), "head_too_large");
    assert_code(6, parse_copy(one_line(40000, 1), &head, &why), "head_too_large");
    ck_assert_ptr_null(why.ptr);
}
END_TEST

static bool accepts(const char *before, struct str text, const char *behind)
{
    char line[256];
    size_t before_len = strlen(before), behind_len = strlen(behind);
    memcpy(line, before, before_len);
    memcpy(line + before_len, text.ptr, text.len);
    memcpy(line + before_len + text.len, behind, behind_len);
    struct head head;
    struct str why;
    return parse_copy(str_slice(line, before_len + text.len + behind_len), &head, &why) == PROBLEM_NONE;
}

// Every byte at every place of a text that is longer than what is looked at at once.
START_TEST(http_head__knows_each_byte)
{
    for (int c = 0; c < 256; c++) {
        bool in_name =
            char_is_alpha((char)c) || char_is_digit((char)c) || (c && strchr("!#$%&'*+-.^_`|~", c));
        bool in_value = c == '\t' || (c >= ' ' && c != 0x7f), in_target = in_value && c != ' ' && c != '\t';
        for (size_t at = 0; at < 19; at++) {
            char text[] = "xxxxxxxxxxxxxxxxxxx";
            text[at] = (char)c;
            struct str s = STR(text);
            bool in_header_name = in_name || (c == ':' && at > 0); // a value that begins early
            ck_assert_msg(accepts("", s, " / HTTP/1.1\r\n\r\n") == in_name, "method %d %zu", c, at);
            ck_assert_msg(accepts("GET ", s, " HTTP/1.1\r\n\r\n") == in_target, "target %d %zu", c, at);
            ck_assert_msg(accepts(LINE, s, ": v\r\n\r\n") == in_header_name, "name %d %zu", c, at);
            ck_assert_msg(accepts(LINE "n:", s, "\r\n\r\n") == in_value, "value %d %zu", c, at);
            ck_assert_msg(accepts(LINE "n: \t\t\t\xff\xff\t ", s, "\r\n\r\n") == in_value, "value %d %zu", c,
                          at);
        }
    }
}
END_TEST

CHECK_MAIN("http_head", http_head__finds_the_end, http_head__reads_the_parts, http_head__refuses_what_is_odd,
           http_head__keeps_what_was_read, http_head__has_limits, http_head__knows_each_byte)
