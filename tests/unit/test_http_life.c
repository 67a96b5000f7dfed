// SPDX-License-Identifier: Apache-2.0
// The life of connections and of the server: who leaves, who trickles, the limit, the stop.
#include "check_main.h"
#include "test_http_site.h"

#include <sys/socket.h>

static struct site site;

START_TEST(http_life__forgets_clients_that_leave)
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
    // The second may be parked after the first was woken, or its reset have come before its request.
    int64_t deadline = clock_mono_us(clock_system()) + SITE_PATIENCE_MS * USEC_PER_MSEC;
    while (!http_server_wait_idle(site.server, clock_mono_us(&site.clock) + 1000)) {
        ck_assert_int_lt(clock_mono_us(clock_system()), deadline);
        site_wake_all(&site);
    }
    site_close(&site);
}
END_TEST

// A client that sends no more is still there to read: also one that had to be parked, and several requests.
START_TEST(http_life__answers_who_sends_no_more)
{
    site_open(&site, 0, 3600);
    int fd = dial(&site);
    send_text(fd, "POST /park HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"
                  "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\ndef\r\n0\r\n\r\n"
                  "GET /hello HTTP/1.1" END "GET /hel");
    ck_assert_int_eq(shutdown(fd, SHUT_WR), 0);
    site_await_parked(&site, 1);
    site_wake_all(&site);
    expect(fd, 200, "abc");
    expect(fd, 200, "def");
    expect(fd, 200, "hello");
    ck_assert_uint_eq(read_to_end(fd), 0);
    close(fd);
    site_close(&site);
}
END_TEST

// A client that was refused before its body, and has read the answer to its end.
static int dial_refused(void)
{
    int fd = dial(&site);
    send_text(fd, "POST /refused HTTP/1.1\r\nHost: a\r\nContent-Length: 1048576\r\n\r\n");
    expect(fd, 401, NULL);
    ck_assert_uint_eq(read_to_end(fd), 0);
    return fd;
}

// The client hears us out even if it sends on: no reset, which would take the answer from it on some systems.
START_TEST(http_life__reads_on_after_an_early_answer)
{
    char bytes[1024] = {0};
    site_open(&site, 0, 60);
    site_stop_clock(&site);
    int fd = dial_refused();
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
    int64_t deadline = clock_mono_us(clock_system()) + SITE_PATIENCE_MS * USEC_PER_MSEC;
    while (send(stubborn[0], bytes, 1, MSG_NOSIGNAL) > 0) {
        ck_assert_int_lt(clock_mono_us(clock_system()), deadline);
        atomic_fetch_add(&site.clock_ahead, USEC_PER_SEC);
    }
    for (size_t i = 0; i < ARRAY_LEN(stubborn); i++)
        close(stubborn[i]);
    site_close(&site);
}
END_TEST

// The one that still sends when the server is to stop, too.
START_TEST(http_life__is_not_idle_while_it_reads_on)
{
    char bytes[1024] = {0};
    site_open(&site, 0, 60);
    site_stop_clock(&site);
    int fd = dial_refused();
    http_server_quiesce(site.server);
    ck_assert(!http_server_wait_idle(site.server, clock_mono_us(&site.clock) + 1000));
    for (int i = 0; i < 64; i++)
        ck_assert_int_eq(send(fd, bytes, sizeof(bytes), MSG_NOSIGNAL), sizeof(bytes));
    // It has been heard for long enough.
    for (int hours = 0;
         !http_server_wait_idle(site.server, clock_mono_us(&site.clock) + USEC_PER_SEC / 10);) {
        ck_assert_int_lt(hours++, SITE_PATIENCE_MS / 100);
        atomic_fetch_add(&site.clock_ahead, 3600 * USEC_PER_SEC);
    }
    site_close(&site);
    close(fd);
}
END_TEST

// The server's thread learns of the quiescence when it comes to it: until then connections are kept.
static void await_told_to_go(int fd)
{
    for (bool told = false; !told;) {
        send_text(fd, "GET /hello HTTP/1.1" END);
        struct answer answer = read_answer(fd);
        ck_assert_int_eq(answer.status, 200);
        const char *connection = answer_header(&answer, "Connection");
        told = connection && strcmp(connection, "close") == 0;
        answer_release(&answer);
    }
}

START_TEST(http_life__quiesces_and_stops)
{
    site_open(&site, 0, 60);
    int idle = dial(&site), busy = dial(&site);
    send_text(idle, "GET /hello HTTP/1.1" END);
    expect(idle, 200, "hello");
    send_text(busy, "POST /park HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc");
    site_await_parked(&site, 1);
    http_server_quiesce(site.server);
    ck_assert(!http_server_wait_idle(site.server, clock_mono_us(&site.clock) + 1000));
    await_told_to_go(idle); // still served
    ck_assert_uint_eq(read_to_end(idle), 0);
    site_wake_all(&site);
    struct answer answer = read_answer(busy);
    ck_assert_int_eq(answer.status, 200);
    expect_header(&answer, "Connection", "close");
    answer_release(&answer);
    site_close(&site);
    close(idle);
    close(busy);
}
END_TEST

START_TEST(http_life__stops_with_open_connections)
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
START_TEST(http_life__ends_what_trickles)
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
    for (size_t i = 0; i < ARRAY_LEN(partial); i++) {
        site_outlast(&site, fds[i]);
        close(fds[i]);
    }
    site_wake_all(&site); // who waits for us is not to blame
    expect(parked, 200, "abc");
    close(parked);
    site_close(&site);
}
END_TEST

START_TEST(http_life__accepts_again_below_the_limit)
{
    int first[4], quick = 0;
    site_open(&site, 4, 3600);
    for (int i = 0; i < 4; i++) {
        first[i] = dial(&site);
        send_text(first[i], "GET /hello HTTP/1.1" END);
        expect(first[i], 200, "hello");
    }
    for (int round = 0; round < 12; round++) { // in the backlog until one leaves
        int i = round % 4;
        int fd = dial(&site);
        send_text(fd, "GET /hello HTTP/1.1" END);
        int64_t began = clock_mono_us(clock_system());
        close(first[i]);
        expect(fd, 200, "hello");
        quick += clock_mono_us(clock_system()) - began < USEC_PER_SEC / 2;
        first[i] = fd;
    }
    ck_assert_int_gt(quick, 0); // by being told, not by looking once a second
    for (int i = 0; i < 4; i++)
        close(first[i]);
    site_close(&site);
}
END_TEST

START_TEST(http_life__says_why_it_cannot_listen)
{
    static const char *const bad[] = {
        "",      "127.0.0.1", ":80",       "127.0.0.1:", "127.0.0.1:99999", "127.0.0.1:8x",
        "[::1]", "[::1]8787", "[::1:8787", "192.0.2.1:0"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct err err = {0};
        struct http_listeners *listeners = NULL;
        ck_assert_msg(!http_listen(&(struct http_where){.listen = bad[i]}, &listeners, &err), "%s", bad[i]);
        ck_assert_uint_gt(strlen(err.text), 10);
    }
}
END_TEST

CHECK_MAIN("http_life", http_life__forgets_clients_that_leave, http_life__answers_who_sends_no_more,
           http_life__reads_on_after_an_early_answer, http_life__is_not_idle_while_it_reads_on,
           http_life__quiesces_and_stops, http_life__stops_with_open_connections,
           http_life__ends_what_trickles, http_life__accepts_again_below_the_limit,
           http_life__says_why_it_cannot_listen)
