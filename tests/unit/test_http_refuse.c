// SPDX-License-Identifier: Apache-2.0
// Requests framed so that two readers could disagree: refused, the connection closed, and whatever follows on
// it never run as a request of its own.
#include "check_main.h"
#include "test_http_site.h"

#include <sys/socket.h>

#define SMUGGLED "GET /inner HTTP/1.1\r\nHost: a\r\n\r\n"
#define POST     "POST /echo HTTP/1.1\r\n"
#define HOST     "Host: a\r\n"
#define CL       "Content-Length: 34\r\n"
#define TE       "Transfer-Encoding: chunked\r\n"

static struct site site;

struct row {
    const char *name;
    const char *head; // SMUGGLED follows
    int status;
};

static const struct row refused[] = {
    {"equal lengths", POST HOST CL CL "\r\n", 400},
    {"different lengths", POST HOST "Content-Length: 3\r\nContent-Length: 6\r\n\r\nabc", 400},
    {"length list", POST HOST "Content-Length: 3, 3\r\n\r\nabc", 400},
    {"length and coding", POST HOST CL TE "\r\n0\r\n\r\n", 400},
    {"coding and length", POST HOST TE CL "\r\n0\r\n\r\n", 400},
    {"gzip, chunked", POST HOST "Transfer-Encoding: gzip, chunked\r\n\r\n", 400},
    {"identity", POST HOST "Transfer-Encoding: identity\r\n\r\n", 400},
    {"xchunked", POST HOST "Transfer-Encoding: xchunked\r\n\r\n", 400},
    {"two codings", POST HOST TE "Transfer-Encoding: identity\r\n\r\n0\r\n\r\n", 400},
    {"chunked twice", POST HOST TE TE "\r\n0\r\n\r\n", 400},
    {"coding on 1.0", "POST /echo HTTP/1.0\r\n" HOST TE "\r\n0\r\n\r\n", 400},
    {"no coding name", POST HOST "Transfer-Encoding:\r\n\r\n", 400},
    {"blank before colon", POST HOST "Content-Length : 34\r\n\r\n", 400},
    {"tab before colon", POST HOST "Content-Length\t: 34\r\n\r\n", 400},
    {"coding blank before colon", POST HOST CL "Transfer-Encoding : chunked\r\n\r\n", 400},
    {"no name", "GET /hello HTTP/1.1\r\n" HOST ": x\r\n", 400},
    {"no name, no value", POST HOST CL ":\r\n", 400},
    {"no name, first", "GET /hello HTTP/1.1\r\n: x\r\n" HOST "\r\n", 400},
    {"end by LF alone", "GET /hello HTTP/1.1\r\n" HOST "\n", 400},
    {"end by CR alone", "GET /hello HTTP/1.1\r\n" HOST "\r", 400},
    {"folded length", POST HOST "Content-Length:\r\n 34\r\n\r\n", 400},
    {"folded length on GET", "GET /hello HTTP/1.1\r\n" HOST "Content-Length:\r\n 34\r\n\r\n", 400},
    {"folded coding", POST HOST CL "Transfer-Encoding:\r\n chunked\r\n\r\n", 400},
    {"folded host", POST "Host: a\r\n b\r\n" CL "\r\n", 400},
    {"folded authorization", POST HOST CL "Authorization: Bearer\r\n x\r\n\r\n", 400},
    {"folded other", POST HOST CL "X-A: one\r\n two\r\n\r\n", 400},
    {"folded by tab", POST HOST CL "X-A: one\r\n\ttwo\r\n\r\n", 400},
    {"folded empty", POST HOST CL "X-A:\r\n two\r\n\r\n", 400},
    {"folded blank", POST HOST CL "X-A: one\r\n \r\n\r\n", 400},
    {"folded first line", POST " X: y\r\n" HOST CL "\r\n", 400},
    {"length of letters", POST HOST "Content-Length: abc\r\n\r\n", 400},
    {"length with plus", POST HOST "Content-Length: +34\r\n\r\n", 400},
    {"length with minus", POST HOST "Content-Length: -1\r\n\r\n", 400},
    {"length in hex", POST HOST "Content-Length: 0x22\r\n\r\n", 400},
    {"length empty", POST HOST "Content-Length:\r\n\r\n", 400},
    {"length 1e3", POST HOST "Content-Length: 1e3\r\n\r\n", 400},
    {"length 2^64", POST HOST "Content-Length: 18446744073709551616\r\n\r\n", 400},
    {"length 2^64-1", POST HOST "Content-Length: 18446744073709551615\r\n\r\n", 413},
    {"length over limit", POST HOST "Content-Length: 1025\r\n\r\n", 413},
    {"body where none is taken", "POST /none HTTP/1.1\r\n" HOST CL "\r\n", 413},
    {"no length", POST HOST "\r\n", 411},
    {"no length on 1.0", "POST /echo HTTP/1.0\r\n" HOST "Connection: keep-alive\r\n\r\n", 411},
    {"no host", POST CL "\r\n", 400},
    {"no host on GET", "GET /hello HTTP/1.1\r\n\r\n", 400},
    {"two hosts", POST HOST HOST CL "\r\n", 400},
    {"odd host", POST "Host: a/b\r\n" CL "\r\n", 400},
    {"empty host", POST "Host:\r\n" CL "\r\n", 400},
    {"GET with body", "GET /hello HTTP/1.1\r\n" HOST CL "\r\n", 400},
    {"GET with chunks", "GET /hello HTTP/1.1\r\n" HOST TE "\r\n", 400},
    {"DELETE with body", "DELETE /items/a HTTP/1.1\r\n" HOST CL "\r\n", 400},
    {"bare CR in value", POST HOST CL "X-A: one\rtwo\r\n\r\n", 400},
    {"bare CR hides a length", POST HOST "X-A: one\rContent-Length: 32\r\n\r\n", 400},
    {"bare CR hides a host", "GET /inner HTTP/1.1\r\nX-A: one\rHost: a\r\n\r\n", 400},
    {"bare LF hides a length behind nothing", POST HOST "X-A:\nContent-Length: 32\r\n\r\n", 400},
    {"bare LF hides a length", POST HOST "X-A: one\nContent-Length: 32\r\n\r\n", 400},
    {"bare CR ends the request line", "GET /inner HTTP/1.1\r" HOST "\r\n", 400},
    {"bare LF ends the request line", "GET /inner HTTP/1.1\n" HOST "\r\n", 400},
    {"two CRs end the head", "GET /inner HTTP/1.1\r\nHost: a\r\r\n", 400},
    {"bare CR ends the head", "GET /inner HTTP/1.1\r\n" HOST "\r", 400},
    {"control in value", POST HOST CL "X-A: one\001two\r\n\r\n", 400},
    {"absolute form", "GET http://evil/hello HTTP/1.1\r\n" HOST "\r\n", 400},
    {"no slash", "GET hello HTTP/1.1\r\n" HOST "\r\n", 400},
    {"double slash", "GET //hello HTTP/1.1\r\n" HOST "\r\n", 400},
    {"inner double slash", "GET /items//hello HTTP/1.1\r\n" HOST "\r\n", 400},
    {"dots", "GET /items/../hello HTTP/1.1\r\n" HOST "\r\n", 400},
    {"dots at end", "GET /items/.. HTTP/1.1\r\n" HOST "\r\n", 400},
    {"escaped dots", "GET /items/%2e%2e/hello HTTP/1.1\r\n" HOST "\r\n", 400},
    {"half escaped dots", "GET /items/.%2E/hello HTTP/1.1\r\n" HOST "\r\n", 400},
    {"dot", "GET /./hello HTTP/1.1\r\n" HOST "\r\n", 400},
    {"escaped slash", "GET /items%2fhello HTTP/1.1\r\n" HOST "\r\n", 400},
    {"escaped NUL", "GET /hello%00 HTTP/1.1\r\n" HOST "\r\n", 400},
    {"escaped control", "GET /hello%0a HTTP/1.1\r\n" HOST "\r\n", 400},
    {"bad escape", "GET /items/%zz HTTP/1.1\r\n" HOST "\r\n", 400},
    {"cut escape", "GET /items/%2 HTTP/1.1\r\n" HOST "\r\n", 400},
    {"semicolon", "GET /hello;x HTTP/1.1\r\n" HOST "\r\n", 400},
    {"escaped semicolon", "GET /hello%3bx HTTP/1.1\r\n" HOST "\r\n", 400},
    {"backslash", "GET /items\\hello HTTP/1.1\r\n" HOST "\r\n", 400},
    {"escaped backslash", "GET /items%5chello HTTP/1.1\r\n" HOST "\r\n", 400},
    {"fragment", "GET /hello#x HTTP/1.1\r\n" HOST "\r\n", 400},
    {"raw byte", "GET /items/\xc3\xa9 HTTP/1.1\r\n" HOST "\r\n", 400},
    {"escaped NUL in query", "GET /query?a=%00 HTTP/1.1\r\n" HOST "\r\n", 400},
    {"bad escape in query", "GET /query?a=%g0 HTTP/1.1\r\n" HOST "\r\n", 400},
    {"unknown path", "GET /nothing HTTP/1.1\r\n" HOST "\r\n", 404},
    {"unknown path with body", "POST /nothing HTTP/1.1\r\n" HOST CL "\r\n", 404},
    {"wrong method", "POST /hello HTTP/1.1\r\n" HOST CL "\r\n", 405},
    {"unknown method with body", "PUT /echo HTTP/1.1\r\n" HOST TE "\r\n", 405},
    {"lower case method", "get /inner HTTP/1.1\r\n" HOST "\r\n", 405},
    {"chunk size in hex", POST HOST TE "\r\n0x5\r\nabcde\r\n0\r\n\r\n", 400},
    {"chunk size with blank", POST HOST TE "\r\n5 \r\nabcde\r\n0\r\n\r\n", 400},
    {"chunk without end", POST HOST TE "\r\n5\r\nabcdefg\r\n0\r\n\r\n", 400},
    {"chunk of 2^64", POST HOST TE "\r\n10000000000000000\r\n", 400},
    {"version 0.9", "GET /hello HTTP/0.9\r\n" HOST "\r\n", 505},
    {"version 2.0", "GET /hello HTTP/2.0\r\n" HOST "\r\n", 505},
};

static void refuse(const struct row *row)
{
    int status = 0;
    // Where we come too late with the second part the reset may overtake the answer.
    for (int tries = 0; status == 0 && tries < 10; tries++) {
        int fd = dial(&site);
        send_text(fd, row->head);
        send_text(fd, SMUGGLED);
        struct answer answer = read_answer(fd);
        status = answer.status;
        answer_release(&answer);
        read_to_end(fd); // it does end
        close(fd);
    }
    ck_assert_msg(status == row->status, "%s: %d instead of %d", row->name, status, row->status);
    ck_assert_msg(site.inner == 0 && site.calls == 0, "%s: something ran", row->name);
}

START_TEST(http_refuse__never_runs_what_follows)
{
    site_open(&site, 0, 60);
    for (size_t i = 0; i < ARRAY_LEN(refused); i++)
        refuse(&refused[i]);
    site_close(&site);
}
END_TEST

// The same where the bytes come one by one: every possible cut.
START_TEST(http_refuse__never_runs_what_follows_in_pieces)
{
    site_open(&site, 0, 60);
    for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
        int fd = dial(&site);
        for (const char *p = refused[i].head; *p; p++)
            send_bytes(fd, p, 1);
        send_text(fd, SMUGGLED);
        struct answer answer = read_answer(fd);
        // The rest may have been underway when the connection closed, and its reset have overtaken the
        // answer.
        ck_assert_msg(answer.status == refused[i].status || answer.status == 0, "%s: %d", refused[i].name,
                      answer.status);
        answer_release(&answer);
        read_to_end(fd);
        close(fd);
        ck_assert_msg(site.inner == 0 && site.calls == 0, "%s: something ran", refused[i].name);
    }
    site_close(&site);
}
END_TEST

// Refused; never a success.
START_TEST(http_refuse__ends_other_protocols)
{
    static const struct {
        const char *bytes;
        size_t len;
    } rows[] = {
#define ROW(text) {(text), sizeof(text) - 1}
        ROW("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 hello\r\n\r\n"),
        ROW("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
        ROW("\x00\x01\x02\x03\r\n\r\n\r\n"),
        ROW("GET\r\n\r\n"),
        ROW("GET /hello\r\n\r\n"),
        ROW("GET /a b HTTP/1.1\r\nHost: a\r\n\r\n" SMUGGLED),
        ROW("GET /hello\0x HTTP/1.1\r\nHost: a\r\n\r\n" SMUGGLED),
        ROW("GET /hello HTTP/1.1\r\nHost\0x: a\r\n\r\n" SMUGGLED),
        ROW("GET /hello HTTP/1.1\r\nHost: a\r\nno colon\r\n\r\n" SMUGGLED),
#undef ROW
    };
    site_open(&site, 0, 60);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        int fd = dial(&site);
        send_bytes(fd, rows[i].bytes, rows[i].len);
        ck_assert_int_eq(shutdown(fd, SHUT_WR), 0);
        struct answer answer = read_answer(fd);
        ck_assert_msg(answer.status == 0 || answer.status >= 400, "row %zu: %d", i, answer.status);
        answer_release(&answer);
        read_to_end(fd);
        close(fd);
        ck_assert_msg(site.inner == 0 && site.calls == 0, "row %zu: something ran", i);
    }
    site_close(&site);
}
END_TEST

static char *filled(const char *before, size_t count, const char *after)
{
    struct buf buf;
    buf_init(&buf, 1 << 20);
    buf_put_cstr(&buf, before);
    for (size_t i = 0; i < count; i++)
        buf_put_char(&buf, 'x');
    buf_put_cstr(&buf, after);
    char *text = buf_detach(&buf, NULL);
    ck_assert_ptr_nonnull(text);
    return text;
}

// Whatever its length, a head is either served with an answer, or refused; it never runs without an answer.
START_TEST(http_refuse__bounds_heads)
{
    site_open(&site, 0, 60);
    bool served = true;
    for (size_t size = 5000; size < 9000; size += 97) {
        char *text = filled("GET /inner HTTP/1.1\r\nHost: a\r\nX-A: ", size, "\r\n\r\n");
        unsigned before = site.inner;
        int fd = dial(&site);
        send_text(fd, text);
        struct answer answer = read_answer(fd);
        ck_assert_msg(site.inner == before || answer.status == 200, "%zu bytes ran, and got %d", size,
                      answer.status);
        ck_assert_msg(served || answer.status != 200, "%zu bytes are served, fewer are not", size);
        served = answer.status == 200;
        answer_release(&answer);
        close(fd);
        free(text);
    }
    ck_assert(!served);
    char *heads[] = {filled("GET /hello HTTP/1.1\r\nHost: a\r\nX-A: ", 40000, "\r\n\r\n"),
                     filled("GET /", 40000, " HTTP/1.1\r\nHost: a\r\n\r\n"),
                     filled("GET /query?", 7000, " HTTP/1.1\r\nHost: a\r\n\r\n"),
                     filled(POST HOST TE "\r\n1;", 40000, "\r\nx\r\n0\r\n\r\n"),
                     filled(POST HOST TE "\r\n1\r\nx\r\n0\r\nX: ", 40000, "\r\n\r\n")};
    for (size_t i = 0; i < ARRAY_LEN(heads); i++) {
        int status = ask(&site, heads[i]);
        ck_assert_msg(status == 0 || status >= 400, "head %zu: %d", i, status);
        free(heads[i]);
    }
    site_close(&site);
}
END_TEST

// The same for heads of many lines: each counts more than its text.
START_TEST(http_refuse__bounds_heads_of_many_lines)
{
    unsigned served = 0;
    site_open(&site, 0, 60);
    for (unsigned lines = 1; lines <= 60; lines += 4) {
        for (unsigned total = 3000; total < 8000; total += 61) {
            struct buf buf;
            buf_init(&buf, 1 << 16);
            buf_put_cstr(&buf, "GET /wide HTTP/1.1\r\nHost: a\r\n");
            for (unsigned i = 0; i < lines; i++)
                buf_putf(&buf, "A%02u: %0*d\r\n", i, (int)(total / lines), 1);
            buf_put_cstr(&buf, "\r\n");
            char *text = buf_detach(&buf, NULL);
            unsigned before = site.inner;
            int fd = dial(&site);
            send_text(fd, text);
            struct answer answer = read_answer(fd);
            ck_assert_msg(site.inner == before || answer.status == 200,
                          "%u bytes in %u lines ran, and got %d", total, lines, answer.status);
            served += answer.status == 200;
            answer_release(&answer);
            close(fd);
            free(text);
        }
    }
    ck_assert_uint_gt(served, 100);
    site_close(&site);
}
END_TEST

START_TEST(http_refuse__bounds_header_lines)
{
    static const unsigned counts[] = {10, 62, 63, 64, 65, 200, 3000};
    site_open(&site, 0, 60);
    for (size_t i = 0; i < ARRAY_LEN(counts); i++) {
        struct buf buf;
        buf_init(&buf, 1 << 20);
        buf_put_cstr(&buf, "GET /hello HTTP/1.1\r\nHost: a\r\nConnection: close\r\n");
        for (unsigned n = 2; n < counts[i]; n++)
            buf_putf(&buf, "A%u: b\r\n", n);
        buf_put_cstr(&buf, "\r\n");
        char *text = buf_detach(&buf, NULL);
        int status = ask(&site, text);
        ck_assert_msg(counts[i] <= 64 ? status == 200 : status == 0 || status >= 400, "%u lines: %d",
                      counts[i], status);
        free(text);
    }
    site_close(&site);
}
END_TEST

CHECK_MAIN("http_refuse", http_refuse__never_runs_what_follows,
           http_refuse__never_runs_what_follows_in_pieces, http_refuse__ends_other_protocols,
           http_refuse__bounds_heads, http_refuse__bounds_heads_of_many_lines,
           http_refuse__bounds_header_lines)
