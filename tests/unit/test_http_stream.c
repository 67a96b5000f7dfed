// SPDX-License-Identifier: Apache-2.0
// Bodies in pieces and answers in pieces, with a worker that wakes whoever parks.
#include "check_main.h"
#include "test_http_site.h"

#include <sys/socket.h>

static struct site site;
static _Atomic bool stop_waking;
static pthread_t waker;

static void *wake_all(void *arg)
{
    (void)arg;
    for (struct http_request *request; (request = site_take_parked(&site, &stop_waking));)
        http_wake(request);
    return NULL;
}

static void open_site(void)
{
    site_open(&site, 0, 60);
    atomic_store(&stop_waking, false);
    ck_assert_int_eq(pthread_create(&waker, NULL, wake_all, NULL), 0);
}

static void close_site(void)
{
    site_stop(&site);
    atomic_store(&stop_waking, true);
    pthread_mutex_lock(&site.lock);
    pthread_cond_broadcast(&site.changed);
    pthread_mutex_unlock(&site.lock);
    pthread_join(waker, NULL);
    site_release(&site);
}

static void fill(struct buf *body, size_t len)
{
    buf_init(body, len);
    while (body->len < len)
        buf_put_char(body, (char)('a' + body->len % 23));
}

static void read_all(int fd, struct buf *all)
{
    buf_init(all, 2 * SITE_STREAM_MAX);
    for (ssize_t n; buf_reserve(all, 4096) && (n = recv(fd, all->ptr + all->len, 4096, 0)) > 0;)
        all->len += (size_t)n;
}

// The body of a whole answer; chunks are put together, and their end must be there.
static void unpack(struct buf *all, bool chunked, struct buf *ret_body)
{
    buf_init(ret_body, 8 << 20);
    buf_put_char(all, '\0');
    char *at = strstr(all->ptr, "\r\n\r\n");
    ck_assert_ptr_nonnull(at);
    ck_assert_int_eq(strcasestr(all->ptr, "Transfer-Encoding: chunked") != NULL, chunked);
    at += 4;
    char *end = all->ptr + all->len - 1;
    if (!chunked) {
        buf_put(ret_body, at, (size_t)(end - at));
        return;
    }
    for (;;) {
        size_t len = strtoul(at, &at, 16);
        at += 2;
        ck_assert_int_ge(end - at, (ssize_t)len + 2);
        if (len == 0)
            break;
        buf_put(ret_body, at, len);
        at += len + 2;
    }
}

static void *send_all(void *arg)
{
    struct buf *request = arg;
    int fd;
    memcpy(&fd, request->ptr, sizeof(fd));
    send_bytes(fd, request->ptr + sizeof(fd), request->len - sizeof(fd));
    return NULL;
}

static void check_echo(const char *version, bool chunked, size_t chunk, const struct buf *body)
{
    struct buf request, all, back;
    pthread_t sender;
    int fd = dial(&site);
    buf_init(&request, 8 << 20);
    buf_put(&request, &fd, sizeof(fd));
    buf_putf(&request, "POST /stream HTTP/%s\r\nHost: a\r\nConnection: close\r\n", version);
    if (chunked)
        buf_put_cstr(&request, "Transfer-Encoding: chunked\r\n\r\n");
    else
        buf_putf(&request, "Content-Length: %zu\r\n\r\n", body->len);
    for (size_t i = 0; i < body->len; i += chunk) {
        struct str piece = str_slice(body->ptr + i, MIN(chunk, body->len - i));
        if (chunked)
            buf_putf(&request, "%zx\r\n%.*s\r\n", piece.len, STR_FMT(piece));
        else
            buf_put_str(&request, piece);
    }
    if (chunked)
        buf_put_cstr(&request, "0\r\n\r\n");
    ck_assert(buf_ok(&request));
    ck_assert_int_eq(pthread_create(&sender, NULL, send_all, &request), 0);
    read_all(fd, &all);
    pthread_join(sender, NULL);
    unpack(&all, strcmp(version, "1.1") == 0, &back);
    ck_assert_msg(str_eq(buf_str(&back), buf_str(body)), "%zu bytes of %zu came back", back.len, body->len);
    close(fd);
    buf_release(&request);
    buf_release(&all);
    buf_release(&back);
}

START_TEST(http_stream__gives_back_what_came)
{
    static const size_t sizes[] = {0, 1, 699, 700, 5000, 300000};
    open_site();
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        struct buf body;
        fill(&body, sizes[i]);
        check_echo("1.1", false, 4096, &body);
        check_echo("1.0", false, 4096, &body);
        if (sizes[i] <= 5000) {
            check_echo("1.1", true, 1, &body);
            check_echo("1.1", true, 100, &body);
        }
        check_echo("1.1", true, 50000, &body);
        buf_release(&body);
    }
    close_site();
}
END_TEST

START_TEST(http_stream__keeps_the_connection)
{
    open_site();
    int fd = dial(&site);
    for (int i = 0; i < 3; i++) {
        send_text(fd, "POST /stream HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc");
        char bytes[4096] = "";
        for (size_t len = 0; !strstr(bytes, "\r\n0\r\n\r\n");) {
            ssize_t n = recv(fd, bytes + len, sizeof(bytes) - 1 - len, 0);
            ck_assert_int_gt(n, 0);
            len += (size_t)n;
            bytes[len] = '\0';
        }
        ck_assert_ptr_nonnull(strstr(bytes, "3\r\nabc\r\n"));
    }
    send_text(fd, "GET /hello HTTP/1.1" END);
    expect(fd, 200, "hello");
    close(fd);
    close_site();
}
END_TEST

START_TEST(http_stream__bounds_the_body)
{
    open_site();
    ck_assert_int_eq(ask(&site, "POST /stream HTTP/1.1\r\nHost: a\r\nContent-Length: 16777217\r\n\r\n"), 413);
    ck_assert_uint_eq(atomic_load(&site.heads), 0);
    // Without an announced length the handler sees up to twice the limit; then the connection goes.
    struct buf chunk;
    fill(&chunk, 65536);
    int fd = dial(&site);
    send_text(fd, "POST /stream HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
    size_t sent = 0;
    while (sent < 128 << 20 && send(fd, "10000\r\n", 7, MSG_NOSIGNAL) == 7 &&
           send(fd, chunk.ptr, chunk.len, MSG_NOSIGNAL) == (ssize_t)chunk.len &&
           send(fd, "\r\n", 2, MSG_NOSIGNAL) == 2)
        sent += chunk.len;
    ck_assert_uint_lt(sent, 128 << 20);
    ck_assert_uint_ge(sent, SITE_STREAM_MAX);
    close(fd);
    buf_release(&chunk);
    close_site();
    ck_assert_uint_eq(atomic_load(&site.released), 1);
    ck_assert_uint_eq(atomic_load(&site.calls), 0);
}
END_TEST

START_TEST(http_stream__clients_leave)
{
    open_site();
    struct buf body;
    fill(&body, 1 << 20);
    for (int reset = 0; reset < 2; reset++) {
        const struct linger now = {.l_onoff = reset};
        int amid = dial(&site), unread = dial(&site);
        send_text(amid, "POST /stream HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\nabc");
        send_text(unread, "POST /stream HTTP/1.1\r\nHost: a\r\nContent-Length: 1048576\r\n\r\n");
        send_bytes(unread, body.ptr, body.len);
        setsockopt(amid, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
        setsockopt(unread, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
        close(amid);
        close(unread);
    }
    buf_release(&body);
    close_site();
    ck_assert_uint_eq(atomic_load(&site.released), atomic_load(&site.heads));
}
END_TEST

START_TEST(http_stream__slow_readers_are_cut)
{
    open_site();
    struct buf body;
    int fd = dial_with_room(&site, 4096);
    fill(&body,
         SITE_STREAM_MAX); // more than all socket buffers hold, however large this machine lets them be
    send_text(fd, "POST /stream HTTP/1.1\r\nHost: a\r\nContent-Length: 16777216\r\n\r\n");
    send_bytes(fd, body.ptr, body.len);
    char byte;
    ck_assert_int_eq(recv(fd, &byte, 1, MSG_PEEK), 1); // the answer has begun
    // Its end comes without our reading. An hour in which it was parked does not count against the client.
    bool idle = false;
    for (int hours = 0; hours < 200 && !idle; hours++) {
        atomic_fetch_add(&site.clock_ahead, 3600 * USEC_PER_SEC);
        idle = http_server_wait_idle(site.server, clock_mono_us(&site.clock) + 200 * USEC_PER_MSEC);
    }
    ck_assert(idle);
    ck_assert_uint_eq(atomic_load(&site.released), 1);
    ck_assert_uint_eq(metrics_get(site.metrics, METRIC_REQUESTS, "/stream", "200"), 0);
    close(fd);
    buf_release(&body);
    close_site();
}
END_TEST

START_TEST(http_stream__slow_senders_are_cut)
{
    open_site();
    int fd = dial(&site);
    send_text(fd, "POST /stream HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\nabc");
    while (atomic_load(&site.heads) == 0)
        sched_yield();
    ck_assert_uint_eq(site_outlast(&site, fd), 0);
    close(fd);
    close_site();
    ck_assert_uint_eq(atomic_load(&site.calls), 0);
}
END_TEST

CHECK_MAIN("http_stream", http_stream__gives_back_what_came, http_stream__keeps_the_connection,
           http_stream__bounds_the_body, http_stream__clients_leave, http_stream__slow_readers_are_cut,
           http_stream__slow_senders_are_cut)
