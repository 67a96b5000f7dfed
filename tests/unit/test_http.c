// SPDX-License-Identifier: Apache-2.0
// Requests from their first byte to their answer, over real sockets.
#include "check_main.h"
#include "test_http_site.h"

#include <sys/socket.h>

#define END "\r\nHost: a\r\n\r\n"

static struct site site;

static void expect(int fd, int status, const char *body)
{
    struct answer answer = read_answer(fd);
    ck_assert_int_eq(answer.status, status);
    if (body)
        ck_assert_str_eq(answer.body, body);
    answer_release(&answer);
}

static void expect_header(const struct answer *answer, const char *name, const char *value)
{
    const char *got = answer_header(answer, name);
    if (!value)
        ck_assert_msg(!got, "%s is there: %s", name, got);
    else
        ck_assert_msg(got && strcmp(got, value) == 0, "%s is \"%s\", not \"%s\"", name, got ? got : "absent",
                      value);
}

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

// The client hears us out even if it sends on: no reset, which would take the answer from it on some systems.
START_TEST(http__reads_on_after_an_early_answer)
{
    char bytes[1024] = {0};
    site_open(&site, 0, 60);
    int fd = dial(&site);
    send_text(fd, "POST /refused HTTP/1.1\r\nHost: a\r\nContent-Length: 1048576\r\n\r\n");
    expect(fd, 401, NULL);
    ck_assert_uint_eq(read_to_end(fd), 0);
    for (int i = 0; i < 512; i++)
        if (send(fd, bytes, sizeof(bytes), MSG_NOSIGNAL) != (ssize_t)sizeof(bytes))
            ck_abort_msg("reset after %d KiB", i);
    close(fd);
    // One that never ends is left after a moment, and one too many at once.
    int stubborn[100];
    for (size_t i = 0; i < ARRAY_LEN(stubborn); i++) {
        stubborn[i] = dial(&site);
        send_text(stubborn[i], "POST /refused HTTP/1.1\r\nHost: a\r\nContent-Length: 1048576\r\n\r\n");
        expect(stubborn[i], 401, NULL);
    }
    atomic_store(&site.clock_ahead, 60 * USEC_PER_SEC);
    int64_t deadline = clock_mono_us(clock_system()) + SITE_PATIENCE_MS * USEC_PER_MSEC;
    while (send(stubborn[0], bytes, 1, MSG_NOSIGNAL) > 0)
        ck_assert_int_lt(clock_mono_us(clock_system()), deadline);
    for (size_t i = 0; i < ARRAY_LEN(stubborn); i++)
        close(stubborn[i]);
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
    site_open(&site, 0, 60);
    int fd = dial(&site);
    send_text(fd, head);
    send_chunks(fd, SITE_ECHO_MAX);
    send_text(fd, "0\r\n\r\n");
    expect(fd, 200, NULL);
    send_text(fd, head);
    send_chunks(fd, SITE_ECHO_MAX + 512);
    send_text(fd, "0\r\n\r\n");
    expect(fd, 413, NULL);
    send_text(fd, head);
    send_chunks(fd, 16 * SITE_ECHO_MAX);
    ck_assert_uint_eq(read_to_end(fd), 0); // beyond twice the limit nobody is answered
    close(fd);
    ck_assert_uint_eq(site.calls, 1);
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

START_TEST(http__forgets_clients_that_leave)
{
    static const char *const partial[] = {
        "",
        "GET /hel",
        "GET /hello HTTP/1.1\r\nHost: a\r\n",
        "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n",
        "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc",
        "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
        "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0x5\r\nab",
        "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nabcd\r\n",
        "POST /refused HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc",
        "POST /park HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc",
        "GET /large HTTP/1.1\r\nHost: a\r\n\r\n",
    };
    site_open(&site, 0, 60);
    for (size_t i = 0; i < ARRAY_LEN(partial); i++) {
        for (int reset = 0; reset < 2; reset++) {
            const struct linger now = {.l_onoff = reset};
            int fd = dial(&site);
            send_text(fd, partial[i]);
            ck_assert_int_eq(setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now)), 0);
            close(fd);
        }
    }
    // Both parked clients are gone; waking must find that out, not crash.
    site_await_parked(&site, 1);
    site_wake_all(&site);
    ck_assert_int_eq(ask(&site, "GET /hello HTTP/1.1\r\nConnection: close" END), 200);
    // The second may have been parked after the first was woken, or its reset have come before its request.
    pthread_mutex_lock(&site.lock);
    unsigned late = site.parked_count;
    pthread_mutex_unlock(&site.lock);
    if (late)
        site_wake_all(&site);
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
        {"TRACE /hello HTTP/1.1", "GET, HEAD, POST, DELETE"},
        {"CONNECT a:1 HTTP/1.1", "GET, HEAD, POST, DELETE"},
        {"OPTIONS * HTTP/1.1", "GET, HEAD, POST, DELETE"},
        {"get /hello HTTP/1.1", "GET, HEAD, POST, DELETE"},
        {"G@T /hello HTTP/1.1", "GET, HEAD, POST, DELETE"},
        {"PUT /echo HTTP/1.1", "GET, HEAD, POST, DELETE"},
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

START_TEST(http__quiesces_and_stops)
{
    site_open(&site, 0, 60);
    int idle = dial(&site), busy = dial(&site);
    send_text(idle, "GET /hello HTTP/1.1" END);
    expect(idle, 200, "hello");
    send_text(busy, "POST /park HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc");
    site_await_parked(&site, 1);
    http_server_quiesce(site.server);
    ck_assert(!http_server_wait_idle(site.server, clock_mono_us(&site.clock) + 1000));
    send_text(idle, "GET /hello HTTP/1.1" END); // still served, and told to go
    struct answer answer = read_answer(idle);
    ck_assert_int_eq(answer.status, 200);
    expect_header(&answer, "Connection", "close");
    answer_release(&answer);
    ck_assert_uint_eq(read_to_end(idle), 0);
    site_wake_all(&site);
    answer = read_answer(busy);
    ck_assert_int_eq(answer.status, 200);
    expect_header(&answer, "Connection", "close");
    answer_release(&answer);
    site_close(&site);
    close(idle);
    close(busy);
}
END_TEST

START_TEST(http__stops_with_open_connections)
{
    static const char *const partial[] = {"", "GET /he",
                                          "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\na"};
    int fds[ARRAY_LEN(partial)];
    site_open(&site, 0, 60);
    for (size_t i = 0; i < ARRAY_LEN(partial); i++) {
        fds[i] = dial(&site);
        send_text(fds[i], "GET /hello HTTP/1.1" END);
        expect(fds[i], 200, "hello");
        send_text(fds[i], partial[i]);
    }
    http_server_stop(site.server); // with a body half there, on purpose without waiting
    metrics_free(site.metrics);
    for (size_t i = 0; i < ARRAY_LEN(partial); i++) {
        ck_assert_uint_eq(read_to_end(fds[i]), 0);
        close(fds[i]);
    }
}
END_TEST

// Each has sent something lately, and none has got on: only an end by the clock closes them.
START_TEST(http__ends_what_trickles)
{
    static const char *const partial[] = {
        "GET /hello HTTP/1.1\r\nHost: a\r\n",
        "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc",
        "GET /large HTTP/1.1\r\nHost: a\r\n\r\n",
    };
    int fds[ARRAY_LEN(partial)];
    site_open(&site, 0, 3600);
    int parked = dial(&site);
    send_text(parked, "POST /park HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc");
    site_await_parked(&site, 1);
    for (size_t i = 0; i < ARRAY_LEN(partial); i++) {
        fds[i] = dial(&site);
        send_text(fds[i], partial[i]);
    }
    ck_assert_int_eq(ask(&site, "GET /hello HTTP/1.1\r\nConnection: close" END), 200); // all are accepted
    atomic_store(&site.clock_ahead, 3600LL * 5 * USEC_PER_SEC);
    for (size_t i = 0; i < ARRAY_LEN(partial); i++) {
        read_to_end(fds[i]);
        close(fds[i]);
    }
    site_wake_all(&site); // who waits for us is not to blame
    expect(parked, 200, "abc");
    close(parked);
    site_close(&site);
}
END_TEST

START_TEST(http__accepts_again_below_the_limit)
{
    site_open(&site, 4, 3600);
    int first[4];
    for (int i = 0; i < 4; i++) {
        first[i] = dial(&site);
        send_text(first[i], "GET /hello HTTP/1.1" END);
        expect(first[i], 200, "hello");
    }
    for (int i = 0; i < 4; i++) { // in the backlog until one leaves
        int fd = dial(&site);
        send_text(fd, "GET /hello HTTP/1.1" END);
        int64_t began = clock_mono_us(clock_system());
        close(first[i]);
        expect(fd, 200, "hello");
        ck_assert_int_lt(clock_mono_us(clock_system()) - began, USEC_PER_SEC / 2);
        first[i] = fd;
    }
    for (int i = 0; i < 4; i++)
        close(first[i]);
    site_close(&site);
}
END_TEST

START_TEST(http__says_why_it_cannot_listen)
{
    static const char *const bad[] = {
        "",      "127.0.0.1", ":80",       "127.0.0.1:", "127.0.0.1:99999", "127.0.0.1:8x",
        "[::1]", "[::1]8787", "[::1:8787", "192.0.2.1:0"};
    struct metrics *metrics = metrics_new();
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct err err = {0};
        struct http_server *server = NULL;
        const struct http_config config = {.listen = bad[i],
                                           .max_connections = 1,
                                           .idle_timeout_sec = 1,
                                           .metrics = metrics,
                                           .clock = clock_system()};
        ck_assert_msg(!http_server_start(&config, &server, &err), "%s", bad[i]);
        ck_assert_uint_gt(strlen(err.text), 10);
    }
    metrics_free(metrics);
}
END_TEST

CHECK_MAIN("http", http__answers_with_its_headers, http__keeps_connections_and_counts,
           http__answers_head_without_a_body, http__decodes_queries_and_names,
           http__takes_bodies_byte_by_byte, http__says_continue_only_to_the_welcome,
           http__answers_early_while_the_body_comes, http__reads_on_after_an_early_answer,
           http__bounds_chunked_bodies, http__answers_pipelined_requests_in_order,
           http__answers_pipelined_parked_requests_in_order, http__parks_more_than_once,
           http__forgets_clients_that_leave, http__sends_large_answers, http__gives_problems_their_headers,
           http__names_the_allowed_methods, http__quiesces_and_stops, http__stops_with_open_connections,
           http__ends_what_trickles, http__accepts_again_below_the_limit, http__says_why_it_cannot_listen)
