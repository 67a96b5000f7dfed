// SPDX-License-Identifier: Apache-2.0
// The head's checks, the target's, and the route table, without a server.
#include "check_main.h"
#include "server/http/framing.h"
#include "server/http/route.h"

#define H(name, value)               \
    {                                \
        STR(name), STR(value), false \
    }
#define FOLDED(name, value)         \
    {                               \
        STR(name), STR(value), true \
    }
#define BARE(name, value)                  \
    {                                      \
        STR(name), STR(value), false, true \
    }

START_TEST(http_framing__judges_heads)
{
    static const struct {
        const char *method, *version;
        struct framing_header headers[5];
        const char *code; // NULL: accepted
    } rows[] = {
        {"GET", "HTTP/1.1", {H("Host", "a")}, NULL},
        {"GET", "HTTP/1.1", {H("hOST", "[::1]:8787")}, NULL},
        {"GET", "HTTP/1.1", {H("Host", "a"), H("Content-Length", "0")}, NULL},
        {"GET", "HTTP/1.0", {{.folded = false}}, NULL},
        {"GET", "HTTP/1.1", {{.folded = false}}, "http_malformed"},
        {"GET", "HTTP/1.2", {{.folded = false}}, "http_malformed"},
        {"GET", "HTTP/1.1", {H("Host", "a"), H("Host", "a")}, "http_malformed"},
        {"GET", "HTTP/1.0", {H("Host", "a"), H("Host", "a")}, "http_malformed"},
        {"GET", "HTTP/1.1", {H("Host", "")}, "http_malformed"},
        {"GET", "HTTP/1.1", {H("Host", "a b")}, "http_malformed"},
        {"GET", "HTTP/1.1", {H("Host", "u@a")}, "http_malformed"},
        {"GET", "HTTP/1.1", {H("Host", "a"), H("Content-Length", "1")}, "http_malformed"},
        {"HEAD", "HTTP/1.1", {H("Host", "a"), H("Transfer-Encoding", "chunked")}, "http_malformed"},
        {"DELETE", "HTTP/1.1", {H("Host", "a"), H("Content-Length", "5")}, "http_malformed"},
        {"POST", "HTTP/1.1", {H("Host", "a"), H("Content-Length", "5")}, NULL},
        {"POST", "HTTP/1.0", {H("Content-Length", "5")}, NULL},
        {"POST", "HTTP/1.1", {H("Host", "a"), H("transfer-encoding", "CHUNKED")}, NULL},
        {"POST", "HTTP/1.1", {H("Host", "a")}, "length_required"},
        {"POST", "HTTP/1.1", {H("Host", "a"), H("Content-Length", "")}, "http_malformed"},
        {"POST", "HTTP/1.1", {H("Host", "a"), H("Content-Length", "+1")}, "http_malformed"},
        {"POST", "HTTP/1.1", {H("Host", "a"), H("Content-Length", "1 ")}, "http_malformed"},
        {"POST", "HTTP/1.1", {H("Host", "a"), H("Content-Length", "1,1")}, "http_malformed"},
        {"POST", "HTTP/1.1", {H("Host", "a"), H("Content-Length", "18446744073709551616")}, "http_malformed"},
        {"POST",
         "HTTP/1.1",
         {H("Host", "a"), H("Content-Length", "1"), H("content-length", "1")},
         "http_malformed"},
        {"POST",
         "HTTP/1.1",
         {H("Host", "a"), H("Content-Length", "1"), H("Transfer-Encoding", "chunked")},
         "http_malformed"},
        {"POST", "HTTP/1.1", {H("Host", "a"), H("Transfer-Encoding", "chunked, chunked")}, "http_malformed"},
        {"POST", "HTTP/1.1", {H("Host", "a"), H("Transfer-Encoding", "\tchunked")}, "http_malformed"},
        {"POST", "HTTP/1.0", {H("Host", "a"), H("Transfer-Encoding", "chunked")}, "http_malformed"},
        {"GET", "HTTP/1.1", {H("Host", "a"), H("X y", "1")}, "http_malformed"},
        {"GET", "HTTP/1.1", {H("Host", "a"), H("", "1")}, "http_malformed"},
        {"GET", "HTTP/1.1", {H("Host", "a"), H("X\xc3\xa9", "1")}, "http_malformed"},
        {"GET", "HTTP/1.1", {H("Host", "a"), H("X\0y", "1")}, "http_malformed"},
        {"GET", "HTTP/1.1", {H("Host", "a"), H("X", "a\rb")}, "http_malformed"},
        {"GET", "HTTP/1.1", {H("Host", "a"), H("X", "a\177")}, "http_malformed"},
        {"GET", "HTTP/1.1", {H("Host", "a"), H("X", "a\t\xc3\xa9 b")}, NULL},
        {"GET", "HTTP/1.1", {H("Host", "a"), FOLDED("X", "b")}, "http_malformed"},
        {"GET", "HTTP/1.1", {H("Host", "a"), BARE("X", "b")}, "http_malformed"},
        {"GET", "HTTP/1.1", {H("Host", "a"), H("Authorizationx", "b")}, "http_malformed"},
        {"GET", "HTTP/1.1", {H("Host", "a"), H("Content-Length5", "")}, "http_malformed"},
        {"GET", "HTTP/1.1", {H("Host", "a"), H("hostile", "")}, "http_malformed"},
        {"GET", "HTTP/1.1", {H("Host", "a"), H("X-Host", ""), H("Content-Encoding", "gzip")}, NULL},
        {"TRACE", "HTTP/1.1", {H("Host", "a")}, NULL}, // the route table refuses it
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct framing_head head = {str_from(rows[i].method), str_from(rows[i].version), rows[i].headers, 0};
        while (head.count < ARRAY_LEN(rows[i].headers) && rows[i].headers[head.count].name.ptr)
            head.count++;
        struct framing framing;
        struct str why = STR_NULL;
        enum problem problem = framing_judge(&head, &framing, &why);
        const char *code = problem ? problem_info(problem)->code : NULL;
        ck_assert_msg(rows[i].code ? code && strcmp(code, rows[i].code) == 0 : !code, "row %zu: %s", i,
                      code ? code : "accepted");
        ck_assert_msg(problem != PROBLEM_http_malformed || why.len > 0, "row %zu says no reason", i);
    }
}
END_TEST

START_TEST(http_framing__tells_the_body)
{
    static const struct framing_header sized[] = {H("Host", "a"), H("Content-Length", "0012"),
                                                  H("Expect", "100-Continue")};
    static const struct framing_header chunked[] = {H("Host", "a"), H("Transfer-Encoding", "chunked")};
    struct framing framing;
    struct str why;
    ck_assert_int_eq(
        framing_judge(&(struct framing_head){STR("POST"), STR("HTTP/1.1"), sized, 3}, &framing, &why), 0);
    ck_assert(framing.has_length && framing.length == 12 && !framing.chunked && framing.expects_continue);
    ck_assert_int_eq(
        framing_judge(&(struct framing_head){STR("POST"), STR("HTTP/1.0"), sized, 3}, &framing, &why), 0);
    ck_assert(!framing.expects_continue);
    ck_assert_int_eq(
        framing_judge(&(struct framing_head){STR("POST"), STR("HTTP/1.1"), chunked, 2}, &framing, &why), 0);
    ck_assert(!framing.has_length && framing.length == 0 && framing.chunked && !framing.expects_continue);
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

static bool accepts(struct str name, struct str value, struct str host)
{
    const struct framing_header headers[] = {{.name = STR("Host"), .value = host},
                                             {.name = name, .value = value}};
    const struct framing_head head = {STR("GET"), STR("HTTP/1.1"), headers, ARRAY_LEN(headers)};
    struct framing framing;
    struct str why;
    return framing_judge(&head, &framing, &why) == PROBLEM_NONE;
}

// Every byte at every place of a text that is longer than what is looked at at once, one such byte alone.
START_TEST(http_framing__knows_each_byte)
{
    for (int c = 0; c < 256; c++) {
        bool common = char_is_alpha((char)c) || char_is_digit((char)c) || (c && strchr("!$&'*+-.%_~", c));
        bool in_name = common || (c && strchr("#^`|", c)), in_host = common || (c && strchr("(),;=:[]", c));
        bool in_value = c == '\t' || (c >= ' ' && c != 0x7f);
        for (size_t at = 0; at < 19; at++) {
            char text[] = "xxxxxxxxxxxxxxxxxxx";
            text[at] = (char)c;
            struct str s = STR(text);
            ck_assert_msg(accepts(s, STR("v"), STR("h")) == in_name, "name %d %zu", c, at);
            ck_assert_msg(accepts(STR("n"), s, STR("h")) == in_value, "value %d %zu", c, at);
            ck_assert_msg(accepts(STR("n"), STR("v"), s) == in_host, "host %d %zu", c, at);
        }
    }
}
END_TEST

CHECK_MAIN("http_framing", http_framing__judges_heads, http_framing__tells_the_body,
           http_framing__knows_each_byte, http_framing__judges_targets, http_framing__finds_routes)
