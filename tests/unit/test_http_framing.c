// SPDX-License-Identifier: Apache-2.0
// The head's checks, the target's, and the route table, without a server.
#include "check_main.h"
#include "server/http/framing.h"
#include "server/http/route.h"

#define H(name, value)        \
    {                         \
        STR(name), STR(value) \
    }
#define HEADERS_MAX 5

// As head_parse() leaves it; headers up to the first without a name.
static struct head *make_head(const char *method, bool is_1_0, const struct head_header *headers)
{
    static struct head head;
    head.method = str_from(method);
    head.target = STR("/");
    head.version = is_1_0 ? STR("HTTP/1.0") : STR("HTTP/1.1");
    head.is_1_0 = is_1_0;
    head.names = 0;
    for (head.count = 0; head.count < HEADERS_MAX && headers[head.count].name.ptr; head.count++) {
        head.headers[head.count] = headers[head.count];
        head.names |= head_name_bit(headers[head.count].name);
    }
    return &head;
}

START_TEST(http_framing__judges_heads)
{
    static const struct {
        const char *method;
        int minor; // of the version
        struct head_header headers[HEADERS_MAX];
        const char *code; // NULL: accepted
    } rows[] = {
        {"GET", 1, {H("Host", "a")}, NULL},
        {"GET", 1, {H("hOST", "[::1]:8787")}, NULL},
        {"GET", 1, {H("Host", "a"), H("Content-Length", "0")}, NULL},
        {"GET", 0, {{STR_NULL}}, NULL},
        {"GET", 1, {{STR_NULL}}, "http_malformed"},
        {"GET", 1, {H("Host", "a"), H("Host", "a")}, "http_malformed"},
        {"GET", 0, {H("Host", "a"), H("Host", "a")}, "http_malformed"},
        {"GET", 1, {H("Host", "")}, "http_malformed"},
        {"GET", 1, {H("Host", "a b")}, "http_malformed"},
        {"GET", 1, {H("Host", "u@a")}, "http_malformed"},
        {"GET", 1, {H("Host", "a"), H("Content-Length", "1")}, "http_malformed"},
        {"HEAD", 1, {H("Host", "a"), H("Transfer-Encoding", "chunked")}, "http_malformed"},
        {"DELETE", 1, {H("Host", "a"), H("Content-Length", "5")}, "http_malformed"},
        {"POST", 1, {H("Host", "a"), H("Content-Length", "5")}, NULL},
        {"POST", 0, {H("Content-Length", "5")}, NULL},
        {"POST", 1, {H("Host", "a"), H("transfer-encoding", "CHUNKED")}, NULL},
        {"POST", 1, {H("Host", "a")}, "length_required"},
        {"POST", 1, {H("Host", "a"), H("Content-Length", "")}, "http_malformed"},
        {"POST", 1, {H("Host", "a"), H("Content-Length", "+1")}, "http_malformed"},
        {"POST", 1, {H("Host", "a"), H("Content-Length", "1,1")}, "http_malformed"},
        {"POST", 1, {H("Host", "a"), H("Content-Length", "18446744073709551616")}, "http_malformed"},
        {"POST", 1, {H("Host", "a"), H("Content-Length", "1"), H("content-length", "1")}, "http_malformed"},
        {"POST",
         1,
         {H("Host", "a"), H("Content-Length", "1"), H("Transfer-Encoding", "chunked")},
         "http_malformed"},
        {"POST", 1, {H("Host", "a"), H("Transfer-Encoding", "chunked, chunked")}, "http_malformed"},
        {"POST", 0, {H("Host", "a"), H("Transfer-Encoding", "chunked")}, "http_malformed"},
        {"GET", 1, {H("Host", "a"), H("X", "a\t\xc3\xa9 b")}, NULL},
        {"GET",
         1,
         {H("Host", "a"), H("hostile", ""), H("Content-Length5", ""), H("Authorizationx", "b")},
         NULL},
        {"GET", 1, {H("Host", "a"), H("X-Host", ""), H("Content-Encoding", "gzip")}, NULL},
        {"TRACE", 1, {H("Host", "a")}, NULL}, // the route table refuses it
        // Of the length of a name that matters, and another.
        {"GET",
         1,
         {H("Host", "a"), H("Date", "x y"), H("content-lenght", "x"), H("transfer-encodinf", "x")},
         NULL},
        {"GET", 1, {H("Host", "a"), H("hosu", "x"), H("hosu", "y")}, NULL},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct head *head = make_head(rows[i].method, rows[i].minor == 0, rows[i].headers);
        struct framing framing;
        struct str why = STR_NULL;
        enum problem problem = framing_judge(head, &framing, &why);
        const char *code = problem ? problem_info(problem)->code : NULL;
        ck_assert_msg(rows[i].code ? code && strcmp(code, rows[i].code) == 0 : !code, "row %zu: %s", i,
                      code ? code : "accepted");
        ck_assert_msg(problem != PROBLEM_http_malformed || why.len > 0, "row %zu says no reason", i);
    }
}
END_TEST

START_TEST(http_framing__tells_the_body)
{
    static const struct head_header sized[HEADERS_MAX] = {H("Host", "a"), H("Content-Length", "0012"),
                                                          H("Expect", "100-Continue")};
    static const struct head_header chunked[HEADERS_MAX] = {H("Host", "a"), H("Transfer-Encoding", "chunked"),
                                                            H("Expect", "200-maybe")};
    static const struct head_header both[HEADERS_MAX] = {H("Host", "a"), H("Content-Length", "7"),
                                                         H("Host", "b")};
    struct framing framing;
    struct str why;
    ck_assert_int_eq(framing_judge(make_head("POST", false, sized), &framing, &why), 0);
    ck_assert(framing.has_length && framing.length == 12 && !framing.chunked && framing.expects_continue);
    ck_assert_int_eq(framing_judge(make_head("POST", true, sized), &framing, &why), 0);
    ck_assert(framing.length == 12 && !framing.expects_continue);
    ck_assert_int_eq(framing_judge(make_head("POST", false, chunked), &framing, &why), 0);
    ck_assert(!framing.has_length && framing.length == 0 && framing.chunked && !framing.expects_continue);
    // A body may come behind a head that is refused, too.
    ck_assert_int_ne(framing_judge(make_head("POST", false, both), &framing, &why), 0);
    ck_assert(framing.has_length && framing.length == 7);
}
END_TEST

START_TEST(http_framing__tells_what_is_kept_alive)
{
    static const struct {
        bool is_1_0;
        struct head_header headers[HEADERS_MAX];
        bool keeps_alive;
    } rows[] = {
        {false, {H("Host", "a")}, true},
        {false, {H("Host", "a"), H("Connection", "keep-alive")}, true},
        {false, {H("Host", "a"), H("Connection", "")}, true},
        {false, {H("Host", "a"), H("Connection", "closed, enclose")}, true},
        {false, {H("Host", "a"), H("Connectiom", "close")}, true},
        {false, {H("Host", "a"), H("Connection", "close")}, false},
        {false, {H("Host", "a"), H("cONNECTION", "CLOSE")}, false},
        {false, {H("Host", "a"), H("Connection", "TE ,\tclose, x")}, false},
        {false, {H("Host", "a"), H("Connection", ",,close")}, false},
        {false, {H("Host", "a"), H("Connection", "keep-alive"), H("Connection", "close")}, false},
        {true, {H("Host", "a")}, false},
        {true, {H("Host", "a"), H("Connection", "keep-alive")}, false},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct framing framing;
        struct str why;
        ck_assert_int_eq(framing_judge(make_head("GET", rows[i].is_1_0, rows[i].headers), &framing, &why), 0);
        ck_assert_msg(framing.keeps_alive == rows[i].keeps_alive, "row %zu", i);
    }
}
END_TEST

START_TEST(http_framing__judges_targets)
{
    static const char *const good[] = {"/",      "/a",   "/a/", "/a/b", "/a?b", "/a?",     "/a?b=//..;%2f\\x",
                                       "/a.b",   "/...", "/.a", "/a..", "/%41", "/%c3%a9", "/a%20b",
                                       "/a%3Fb", "/~a"};
    static const char *const bad[] = {
        "",          "a",      "*",      "http://a/", "//",     "//a",     "/a//b",  "/.",
        "/..",       "/./a",   "/../a",  "/a/..",     "/a/.",   "/a/../b", "/%2e",   "/%2E%2e/a",
        "/.%2e/a",   "/a%2fb", "/a%2Fb", "/a%5cb",    "/a\\b",  "/a;b",    "/a%3bb", "/a%00",
        "/a%0a",     "/a%7f",  "/a%",    "/a%4",      "/a%4g",  "/a b",    "/a\tb",  "/a#b",
        "/\xc3\xa9", "/a?%00", "/a?%",   "/a?b c",    "/a?%1f", "/a?\x7f", "/a?#",   "/a/?/../%zz"};
    struct str why;
    for (size_t i = 0; i < ARRAY_LEN(good); i++)
        ck_assert_msg(framing_judge_target(str_from(good[i]), &why) == PROBLEM_NONE, "%s is refused",
                      good[i]);
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        ck_assert_msg(framing_judge_target(str_from(bad[i]), &why) == PROBLEM_http_malformed, "%s is taken",
                      bad[i]);
    ck_assert_int_eq(framing_judge_target(STR_NULL, &why), PROBLEM_http_malformed);
    ck_assert_int_eq(framing_judge_target(STR("/a\0b"), &why), PROBLEM_http_malformed);
}
END_TEST

START_TEST(http_framing__finds_routes)
{
    static const struct http_route routes[] = {{HTTP_GET, "/a/{x}", 0, NULL, NULL},
                                               {HTTP_GET, "/a/b", 0, NULL, NULL},
                                               {HTTP_POST, "/a/b", 1, NULL, NULL}};
    static const struct {
        enum http_method method;
        const char *path;
        int route; // -1: none
        const char *arg;
        const char *allow;
    } rows[] = {
        {HTTP_GET, "/a/b", 1, NULL, "GET, HEAD, POST"},
        {HTTP_HEAD, "/a/b", 1, NULL, "GET, HEAD, POST"},
        {HTTP_POST, "/a/b", 2, NULL, "GET, HEAD, POST"},
        {HTTP_DELETE, "/a/b", -1, NULL, "GET, HEAD, POST"},
        {HTTP_GET, "/a/c d", 0, "c d", "GET, HEAD"},
        {HTTP_POST, "/a/c", -1, NULL, "GET, HEAD"},
        {HTTP_GET, "/a/", -1, NULL, NULL},
        {HTTP_GET, "/a", -1, NULL, NULL},
        {HTTP_GET, "/a/b/c", -1, NULL, NULL},
        {HTTP_GET, "", -1, NULL, NULL},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct route_match match =
            route_find(routes, ARRAY_LEN(routes), HTTP_EVERYWHERE, rows[i].method, str_from(rows[i].path));
        ck_assert_msg(match.route == (rows[i].route < 0 ? NULL : &routes[rows[i].route]), "row %zu", i);
        ck_assert_view_eq(match.arg, rows[i].arg);
        ck_assert_msg((match.allowed == 0) == !rows[i].allow, "row %zu", i);
        char allow[ROUTE_ALLOW_LEN];
        route_allow(match.allowed, allow);
        ck_assert_str_eq(allow, rows[i].allow ? rows[i].allow : "GET, HEAD, POST, DELETE");
    }
}
END_TEST

START_TEST(http_framing__knows_each_byte_of_a_host)
{
    for (int c = 0; c < 256; c++) {
        bool in_host =
            char_is_alpha((char)c) || char_is_digit((char)c) || (c && strchr("!$&'*+-.%_~(),;=:[]", c));
        for (size_t at = 0; at < 19; at++) {
            char text[] = "xxxxxxxxxxxxxxxxxxx";
            text[at] = (char)c;
            const struct head_header headers[HEADERS_MAX] = {{STR("Host"), STR(text)}};
            struct framing framing;
            struct str why;
            bool taken = !framing_judge(make_head("GET", false, headers), &framing, &why);
            ck_assert_msg(taken == in_host, "host %d %zu", c, at);
        }
    }
}
END_TEST

CHECK_MAIN("http_framing", http_framing__judges_heads, http_framing__tells_the_body,
           http_framing__tells_what_is_kept_alive, http_framing__knows_each_byte_of_a_host,
           http_framing__judges_targets, http_framing__finds_routes)
