// SPDX-License-Identifier: Apache-2.0
// Requests from their first byte to their answer, over real sockets.
#include "check_main.h"
#include "test_http_site.h"

static struct site site;

START_TEST(http__answers_with_its_headers)
{
    site_open(&site, 0, 60);
    int fd = dial(&site);
    send_text(fd, "GET /hello HTTP/1.1" END);
    struct answer answer = read_answer(fd);
    ck_assert_int_eq(answer.status, 200);
    ck_assert_str_eq(answer.body, "hello");
    expect_header(&answer, "Content-Type", "text/plain");
    expect_header(&answer, "Content-Length", "5");
    expect_header(&answer, "Cache-Control", "no-store");
    expect_header(&answer, "X-Content-Type-Options", "nosniff");
    expect_header(&answer, "Connection", NULL);
    const char *id = answer_header(&answer, "X-Request-Id");
    ck_assert(id && strlen(id) == 36);
    answer_release(&answer);
    close(fd);
    site_close(&site);
}
END_TEST

START_TEST(http__keeps_connections_and_counts)
{
    site_open(&site, 0, 60);
    int fd = dial(&site);
    for (int i = 0; i < 3; i++) {
        send_text(fd, "GET /hello HTTP/1.1" END);
        expect(fd, 200, "hello");
        send_text(fd, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc");
        expect(fd, 200, "abc");
    }
    ck_assert_uint_eq(metrics_get(site.metrics, METRIC_REQUESTS, "/hello", "200"), 3);
    ck_assert_uint_eq(metrics_get(site.metrics, METRIC_REQUESTS, "/echo", "200"), 3);
    close(fd);
    ck_assert_int_eq(ask(&site, "GET /nothing HTTP/1.1" END), 404);
    ck_assert_uint_eq(metrics_get(site.metrics, METRIC_REQUESTS, "none", "404"), 1);
    ck_assert_uint_eq(metrics_get(site.metrics, METRIC_PROBLEMS, "route_unknown", NULL), 1);
    site_close(&site);
}
END_TEST

START_TEST(http__answers_head_without_a_body)
{
    site_open(&site, 0, 60);
    int fd = dial(&site);
    for (int i = 0; i < 2; i++) {
        send_text(fd, "HEAD /hello HTTP/1.1" END);
        struct answer answer = read_answer_to(fd, true);
        ck_assert_int_eq(answer.status, 200);
        expect_header(&answer, "Content-Length", "5");
        answer_release(&answer);
    }
    send_text(fd, "GET /hello HTTP/1.1" END); // nothing of a body stands before this answer
    expect(fd, 200, "hello");
    close(fd);
    site_close(&site);
}
END_TEST

START_TEST(http__decodes_queries_and_names)
{
    static const struct {
        const char *line;
        int status;
        const char *body;
    } rows[] = {
        {"GET /query?a=1&b=x%20y+z&c HTTP/1.1", 200, "a=1;b=x y z;c=;done"},
        {"GET /query HTTP/1.1", 200, "done"},
        {"GET /query?q=%C3%A9%26%3D&q=2 HTTP/1.1", 200, "q=\xc3\xa9&=;q=2;done"},
        {"GET /items/abc HTTP/1.1", 200, "abc"},
        {"GET /items/a%20c?x=1 HTTP/1.1", 200, "a c"},
        {"DELETE /items/abc HTTP/1.1", 200, "abc"},
        {"GET /items/fixed HTTP/1.1", 200, "hello"},
        {"DELETE /items/fixed HTTP/1.1", 200, "fixed"},
        {"GET /items/ HTTP/1.1", 404, NULL},
        {"GET /items/a/b HTTP/1.1", 404, NULL},
        {"GET /items HTTP/1.1", 404, NULL},
        {"GET /Hello HTTP/1.1", 404, NULL},
        {"GET /hello/ HTTP/1.1", 404, NULL},
        {"GET /headers HTTP/1.1\r\nX-Thing: one\r\nx-thing: two", 200, "2 one"},
        {"GET /headers HTTP/1.1", 200, "0 "},
    };
    site_open(&site, 0, 60);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        int fd = dial(&site);
        send_text(fd, rows[i].line);
        send_text(fd, END);
        struct answer answer = read_answer(fd);
        ck_assert_msg(answer.status == rows[i].status, "%s: %d", rows[i].line, answer.status);
        ck_assert_msg(!rows[i].body || strcmp(answer.body, rows[i].body) == 0, "%s: %s", rows[i].line,
                      answer.body);
        answer_release(&answer);
        close(fd);
    }
    site_close(&site);
}
END_TEST

// Every byte in a packet of its own.
START_TEST(http__takes_bodies_byte_by_byte)
{
    static const char *const requests[] = {
        "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\nhello world",
        "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6;x=y\r\n "
        "world\r\n0\r\n"
        "Authorization: trailer\r\n\r\n",
    };
    site_open(&site, 0, 60);
    int fd = dial(&site);
    for (size_t i = 0; i < ARRAY_LEN(requests); i++) {
        for (const char *p = requests[i]; *p; p++)
            send_bytes(fd, p, 1);
        expect(fd, 200, "hello world");
    }
    close(fd);
    site_close(&site);
}
END_TEST

START_TEST(http__says_continue_only_to_the_welcome)
{
    site_open(&site, 0, 60);
    int fd = dial(&site);
    send_text(fd, "POST /echo HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n");
    struct answer answer = read_answer(fd);
    ck_assert_int_eq(answer.status, 100);
    answer_release(&answer);
    send_text(fd, "abc");
    expect(fd, 200, "abc");
    close(fd);
    ck_assert_int_eq(ask(&site, "POST /refused HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n"
                                "Content-Length: 3\r\n\r\n"),
                     401);
    ck_assert_int_eq(ask(&site, "POST /echo HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n"
                                "Content-Length: 1025\r\n\r\n"),
                     413);
    // Another expectation is none of ours.
    fd = dial(&site);
    send_text(fd, "POST /echo HTTP/1.1\r\nHost: a\r\nExpect: 200-maybe\r\nContent-Length: 3\r\n\r\nabc");
    expect(fd, 200, "abc");
    close(fd);
    site_close(&site);
}
END_TEST

START_TEST(http__answers_early_while_the_body_comes)
{
    char *body = calloc(1, 1 << 20);
    ck_assert_ptr_nonnull(body);
    memset(body, 'x', 1 << 20);
    site_open(&site, 0, 60);
    for (int i = 0; i < 20; i++) {
        int fd = dial(&site);
        send_text(fd, "POST /refused HTTP/1.1\r\nHost: a\r\nContent-Length: 1048576\r\n\r\n");
        send_bytes(fd, body, 1 << 20);
        struct answer answer = read_answer(fd);
        ck_assert_int_eq(answer.status, 401);
        expect_header(&answer, "WWW-Authenticate", "Bearer realm=\"vox-sink\"");
        expect_header(&answer, "Content-Type", "application/problem+json");
        expect_header(&answer, "Connection", "close");
        answer_release(&answer);
        read_to_end(fd);
        close(fd);
    }
    ck_assert_uint_eq(site.calls, 0);
    free(body);
    site_close(&site);
}
END_TEST

static void send_chunks(int fd, size_t total)
{
    char bytes[512];
    memset(bytes, 'x', sizeof(bytes));
    for (size_t sent = 0; sent < total; sent += sizeof(bytes)) {
        send_text(fd, "200\r\n");
        send_bytes(fd, bytes, sizeof(bytes));
        send_text(fd, "\r\n");
    }
}

START_TEST(http__bounds_chunked_bodies)
{
    static const char head[] = "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    site_open(&site, 0, 3600);
    int fd = dial(&site);
    send_text(fd, head);
    send_chunks(fd, SITE_ECHO_MAX);
    send_text(fd, "0\r\n\r\n");
    expect(fd, 200, NULL);
    send_text(fd, "GET /hello HTTP/1.1" END); // what follows is a request of its own
    expect(fd, 200, "hello");
    close(fd);
    fd = dial(&site);
    send_text(fd, head);
    send_chunks(fd, SITE_ECHO_MAX + 512);
    send_text(fd, "0\r\n\r\n");
    expect(fd, 413, NULL);
    close(fd);
    fd = dial(&site);
    send_text(fd, head);
    send_chunks(fd, 16 * SITE_ECHO_MAX);
    ck_assert_uint_eq(read_to_end(fd), 0); // beyond twice the limit nobody is answered
    close(fd);
    ck_assert_uint_eq(site.calls, 2);
    site_close(&site);
}
END_TEST

START_TEST(http__answers_pipelined_requests_in_order)
{
    site_open(&site, 0, 60);
    int fd = dial(&site);
    for (int i = 0; i < 50; i++) {
        char request[128];
        snprintf(request, sizeof(request), "GET /items/%d HTTP/1.1" END, i);
        send_text(fd, request);
    }
    for (int i = 0; i < 50; i++) {
        char body[16];
        snprintf(body, sizeof(body), "%d", i);
        expect(fd, 200, body);
    }
    close(fd);
    site_close(&site);
}
END_TEST

START_TEST(http__answers_pipelined_parked_requests_in_order)
{
    site_open(&site, 0, 60);
    int fd = dial(&site);
    for (int i = 0; i < 5; i++) {
        char request[128];
        snprintf(request, sizeof(request), "POST /park HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n%d",
                 i);
        send_text(fd, request);
    }
    for (int i = 0; i < 5; i++) {
        char body[2] = {(char)('0' + i)};
        site_await_parked(&site, 1);
        site_wake_all(&site);
        expect(fd, 200, body);
    }
    close(fd);
    site_close(&site);
    ck_assert_uint_eq(site.released, 5);
}
END_TEST

START_TEST(http__parks_more_than_once)
{
    site_open(&site, 0, 60);
    int fd = dial(&site);
    send_text(fd, "POST /park-twice HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc");
    for (int i = 0; i < 2; i++) {
        site_await_parked(&site, 1);
        site_wake_all(&site);
    }
    expect(fd, 200, "abc");
    close(fd);
    site_close(&site);
}
END_TEST

START_TEST(http__sends_large_answers)
{
    site_open(&site, 0, 60);
    int fd = dial(&site);
    for (int i = 0; i < 2; i++) {
        send_text(fd, "GET /large HTTP/1.1" END);
        struct answer answer = read_answer(fd);
        ck_assert_int_eq(answer.status, 200);
        ck_assert_uint_eq(answer.body_len, 2 << 20);
        ck_assert_str_eq(answer.body + answer.body_len - 16, "0123456789abcdef");
        expect_header(&answer, "Link", "</v1/batch>; rel=\"batch\"");
        answer_release(&answer);
    }
    close(fd);
    site_close(&site);
}
END_TEST

START_TEST(http__gives_problems_their_headers)
{
    static const struct {
        const char *code;
        int status;
        const char *header, *value;
    } rows[] = {
        {"token_missing", 401, "WWW-Authenticate", "Bearer realm=\"vox-sink\""},
        {"token_invalid", 401, "WWW-Authenticate", "Bearer realm=\"vox-sink\", error=\"invalid_token\""},
        {"scope_insufficient", 403, "WWW-Authenticate",
         "Bearer realm=\"vox-sink\", error=\"insufficient_scope\""},
        {"authorization_malformed", 400, "WWW-Authenticate",
         "Bearer realm=\"vox-sink\", error=\"invalid_request\""},
        {"rate_limited", 429, "Retry-After", "1"},
        {"overloaded", 503, "Retry-After", "1"},
        {"shutting_down", 503, "Retry-After", "5"},
        {"json_malformed", 400, "Retry-After", NULL},
        {"json_malformed", 400, "WWW-Authenticate", NULL},
        {"json_malformed", 400, "RateLimit", "\"burst\";r=0;t=1"},
        {"json_malformed", 400, "Connection", NULL},
    };
    site_open(&site, 0, 60);
    int fd = dial(&site);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char request[128], code[64];
        snprintf(request, sizeof(request), "GET /problem/%s HTTP/1.1" END, rows[i].code);
        send_text(fd, request);
        struct answer answer = read_answer(fd);
        ck_assert_int_eq(answer.status, rows[i].status);
        expect_header(&answer, "Content-Type", "application/problem+json");
        expect_header(&answer, rows[i].header, rows[i].value);
        snprintf(code, sizeof(code), "\"code\":\"%s\"", rows[i].code);
        ck_assert_msg(strstr(answer.body, code), "%s", answer.body);
        ck_assert_ptr_nonnull(strstr(answer.body, answer_header(&answer, "X-Request-Id")));
        answer_release(&answer);
    }
    close(fd);
    site_close(&site);
}
END_TEST

START_TEST(http__names_the_allowed_methods)
{
    static const struct {
        const char *line, *allow;
    } rows[] = {
        {"POST /hello HTTP/1.1\r\nContent-Length: 0", "GET, HEAD"},
        {"GET /echo HTTP/1.1", "POST"},
        {"HEAD /echo HTTP/1.1", "POST"},
        {"POST /items/a HTTP/1.1\r\nContent-Length: 0", "GET, HEAD, DELETE"},
        {"TRACE /hello HTTP/1.1", "GET, HEAD"},
        {"CONNECT a:1 HTTP/1.1", "GET, HEAD, POST, DELETE"},
        {"OPTIONS * HTTP/1.1", "GET, HEAD, POST, DELETE"},
        {"get /hello HTTP/1.1", "GET, HEAD"},
        {"G!T /hello HTTP/1.1", "GET, HEAD"},
        {"PUT /echo HTTP/1.1", "POST"},
    };
    site_open(&site, 0, 60);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        int fd = dial(&site);
        send_text(fd, rows[i].line);
        send_text(fd, END);
        struct answer answer = read_answer_to(fd, rows[i].line[0] == 'H');
        ck_assert_msg(answer.status == 405, "%s: %d", rows[i].line, answer.status);
        expect_header(&answer, "Allow", rows[i].allow);
        answer_release(&answer);
        read_to_end(fd);
        close(fd);
    }
    ck_assert_uint_eq(site.calls, 0);
    site_close(&site);
}
END_TEST

CHECK_MAIN("http", http__answers_with_its_headers, http__keeps_connections_and_counts,
           http__answers_head_without_a_body, http__decodes_queries_and_names,
           http__takes_bodies_byte_by_byte, http__says_continue_only_to_the_welcome,
           http__answers_early_while_the_body_comes, http__bounds_chunked_bodies,
           http__answers_pipelined_requests_in_order, http__answers_pipelined_parked_requests_in_order,
           http__parks_more_than_once, http__sends_large_answers, http__gives_problems_their_headers,
           http__names_the_allowed_methods)
