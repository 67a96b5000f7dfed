// SPDX-License-Identifier: Apache-2.0
// The ceiling of bodies that are being received: who gives way, and that it is given back.
#include "check_main.h"
#include "test_http_site.h"

#include <sys/socket.h>

#define BODY  (100 * 1000)
#define SMALL (10 * 1000)
#define MANY  40
#define ROOM  4 // bodies of BODY bytes and what a buffer has beyond them

static struct site site;
static char bytes[BODY];

static void open_site(void)
{
    memset(bytes, 'x', sizeof(bytes));
    site_open_as(&site, (struct http_config){.body_bytes = ROOM * 131072}, (struct http_where){0});
}

// All of a body but the last byte.
static int begin_body(unsigned host, size_t len)
{
    char head[128];
    int fd = dial_from(&site, host);
    snprintf(head, sizeof(head), "POST /big HTTP/1.1\r\nHost: a\r\nContent-Length: %zu\r\n\r\n", len);
    send_text(fd, head);
    send_bytes(fd, bytes, len - 1);
    return fd;
}

// The last byte; the answer's status, 0 where the connection was cut.
static int end_body(int fd)
{
    (void)send(fd, "x", 1, MSG_NOSIGNAL);
    struct answer answer = read_answer(fd);
    int status = answer.status;
    answer_release(&answer);
    close(fd);
    return status;
}

static void post(unsigned host)
{
    ck_assert_int_eq(end_body(begin_body(host, BODY)), 200);
}

// One address holds far more than there is room for: it is cut, and another is served.
START_TEST(http_bodies__one_address_cannot_have_all)
{
    int crowd[MANY];
    open_site();
    int other = begin_body(2, BODY), small = begin_body(1, SMALL);
    for (size_t i = 0; i < ARRAY_LEN(crowd); i++)
        crowd[i] = begin_body(1, BODY);
    for (int i = 0; i < 10; i++)
        post(2);
    ck_assert_int_eq(end_body(other), 200); // though it is older than all
    ck_assert_int_eq(end_body(small), 200);
    int served = 0;
    for (size_t i = 0; i < ARRAY_LEN(crowd); i++) {
        int status = end_body(crowd[i]);
        ck_assert_msg(status == 0 || status == 200 || status == 503, "status %d", status);
        served += status == 200;
    }
    ck_assert_int_le(served, ROOM);
    for (int i = 0; i < 10; i++) // what was cut, answered or left unfinished is given back
        post(1);
    site_close(&site);
}
END_TEST

// A body that alone is beyond the ceiling gets an answer, and the connection lives on.
START_TEST(http_bodies__no_room_at_all)
{
    site_open_as(&site, (struct http_config){.body_bytes = BODY / 2}, (struct http_where){0});
    int fd = begin_body(1, BODY);
    send_text(fd, "x");
    expect(fd, 503, NULL);
    send_text(fd, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc");
    expect(fd, 200, "abc");
    close(fd);
    site_close(&site);
}
END_TEST

// Clients that leave in the middle of theirs, chunked ones too large among them, leave nothing behind.
START_TEST(http_bodies__are_given_back)
{
    open_site();
    for (int i = 0; i < 3 * ROOM; i++)
        close(begin_body(1, BODY));
    int fd = dial_from(&site, 1);
    send_text(fd, "POST /big HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
    for (int i = 0; i < 11; i++) {
        send_text(fd, "186A0\r\n");
        send_bytes(fd, bytes, BODY);
        send_text(fd, "\r\n");
    }
    send_text(fd, "0\r\n\r\n");
    struct answer answer = read_answer(fd);
    ck_assert_msg(answer.status == 413 || answer.status == 503, "status %d", answer.status);
    answer_release(&answer);
    close(fd);
    int open[ROOM];
    for (int i = 0; i < ROOM; i++)
        open[i] = begin_body(1, BODY);
    for (int i = 0; i < ROOM; i++)
        ck_assert_int_eq(end_body(open[i]), 200);
    site_close(&site);
}
END_TEST

CHECK_MAIN("http_bodies", http_bodies__one_address_cannot_have_all, http_bodies__no_room_at_all,
           http_bodies__are_given_back)
