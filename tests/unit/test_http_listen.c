// SPDX-License-Identifier: Apache-2.0
// Listeners of every kind, and who is let in when all places are taken.
#include "check_main.h"
#include "test_http_site.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#define BYE "\r\nConnection: close" END

static struct site site;
static char folder[32], path[64], text[128];

static void make_folder(void)
{
    snprintf(folder, sizeof(folder), "/tmp/vox-listen-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(path, sizeof(path), "%s/sock", folder);
    snprintf(text, sizeof(text), "unix:%s", path);
}

static struct sockaddr_un unix_address(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
    return address;
}

static int dial_unix(void)
{
    const struct sockaddr_un address = unix_address();
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_msg(fd >= 0 && connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0, "%s: %s",
                  path, strerror(errno));
    return fd;
}

// A file that a process left behind which listened there and died.
static int bind_unix(bool listens)
{
    const struct sockaddr_un address = unix_address();
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_eq(bind(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
    if (listens)
        ck_assert_int_eq(listen(fd, 8), 0);
    return fd;
}

static const char *refused_because(const char *listen)
{
    static struct err err;
    struct http_listeners *listeners = NULL;
    ck_assert(!http_listen(&(struct http_where){.listen = listen}, &listeners, &err));
    return err.text;
}

static int status_at(int fd, const char *request)
{
    send_text(fd, request);
    struct answer answer = read_answer(fd);
    answer_release(&answer);
    close(fd);
    return answer.status;
}

START_TEST(http_listen__serves_a_unix_socket)
{
    struct stat status;
    make_folder();
    close(bind_unix(true)); // left behind
    site_open_as(&site, (struct http_config){0}, (struct http_where){.listen = text});
    ck_assert_uint_eq(site.port, 0);
    ck_assert_int_eq(stat(path, &status), 0);
    ck_assert_uint_eq(status.st_mode & 0777, 0660);
    int fd = dial_unix();
    for (int i = 0; i < 3; i++) {
        send_text(fd, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc");
        expect(fd, 200, "abc");
    }
    close(fd);
    ck_assert_ptr_nonnull(strstr(refused_because(text), "another process listens there"));
    ck_assert_int_eq(status_at(dial_unix(), "GET /hello HTTP/1.1" BYE), 200);
    site_close(&site);
    ck_assert_int_eq(stat(path, &status), -1); // taken away with the server
    ck_assert_int_eq(rmdir(folder), 0);
}
END_TEST

// A client that does not wait for the answer is heard, as one by TCP is.
START_TEST(http_listen__hears_out_who_has_left)
{
    make_folder();
    site_open_as(&site, (struct http_config){0}, (struct http_where){.listen = text});
    for (unsigned i = 1; i <= 50; i++) {
        int fd = dial_unix();
        send_text(fd, "GET /inner HTTP/1.1" END);
        close(fd);
    }
    // They were accepted in order: this one comes behind them all.
    ck_assert_int_eq(status_at(dial_unix(), "GET /hello HTTP/1.1" BYE), 200);
    site_close(&site);
    ck_assert_int_eq(rmdir(folder), 0);
    ck_assert_uint_eq(site.inner, 50);
}
END_TEST

START_TEST(http_listen__takes_no_file_that_is_not_its_own)
{
    char with_mode[160];
    struct stat status;
    make_folder();
    FILE *file = fopen(path, "w");
    ck_assert_ptr_nonnull(file);
    fclose(file);
    ck_assert_ptr_nonnull(strstr(refused_because(text), "is no socket"));
    ck_assert_int_eq(unlink(path), 0);
    snprintf(with_mode, sizeof(with_mode), "%s:0600", text);
    site_open_as(&site, (struct http_config){0}, (struct http_where){.listen = with_mode});
    ck_assert_int_eq(stat(path, &status), 0);
    ck_assert_uint_eq(status.st_mode & 0777, 0600);
    // Another took the path meanwhile: it keeps it.
    ck_assert_int_eq(unlink(path), 0);
    int other = bind_unix(true);
    site_close(&site);
    ck_assert_int_eq(stat(path, &status), 0);
    close(other);
    ck_assert_int_eq(unlink(path), 0);
    snprintf(with_mode, sizeof(with_mode), "unix:%s/none/sock", folder);
    ck_assert_ptr_nonnull(strstr(refused_because(with_mode), "cannot"));
    ck_assert_int_eq(rmdir(folder), 0);
}
END_TEST

START_TEST(http_listen__keeps_admin_apart)
{
    static const struct {
        const char *request;
        int at_public, at_admin;
    } rows[] = {
        {"GET /hello HTTP/1.1" BYE, 200, 200},
        {"GET /only-admin HTTP/1.1" BYE, 404, 200},
        {"GET /only-public HTTP/1.1" BYE, 200, 404},
        {"POST /only-admin HTTP/1.1\r\nContent-Length: 0" BYE, 404, 405},
    };
    struct http_listening listening;
    make_folder();
    site_open_as(&site, (struct http_config){0},
                 (struct http_where){.listen = "127.0.0.1:0,[::1]:0", .admin_listen = text});
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        ck_assert_int_eq(ask(&site, rows[i].request), rows[i].at_public);
        ck_assert_int_eq(status_at(dial_unix(), rows[i].request), rows[i].at_admin);
    }
    ck_assert(http_server_listening(site.server, 1, &listening));
    ck_assert_int_eq(strncmp(listening.address, "[::1]:", 6), 0);
    ck_assert(http_server_listening(site.server, 2, &listening));
    ck_assert_str_eq(listening.address, text);
    ck_assert_int_eq(listening.place, HTTP_ADMIN);
    ck_assert(!http_server_listening(site.server, 3, &listening));
    site_close(&site);
    ck_assert_int_eq(rmdir(folder), 0);
    site_open(&site, 0, 60); // one listener: everything is there
    ck_assert_int_eq(ask(&site, rows[1].request), 200);
    site_close(&site);
}
END_TEST

START_TEST(http_listen__takes_sockets_that_listen)
{
    struct stat status;
    struct http_listening listening;
    make_folder();
    struct http_socket sockets[2] = {{bind_unix(true), HTTP_ADMIN}, {-1, HTTP_PUBLIC}};
    site_open_as(&site, (struct http_config){0}, (struct http_where){.sockets = sockets, .socket_count = 1});
    ck_assert(http_server_listening(site.server, 1, &listening)); // behind the one by `listen`
    ck_assert_str_eq(listening.address, text);
    ck_assert_int_eq(status_at(dial_unix(), "GET /only-admin HTTP/1.1" BYE), 200);
    ck_assert_int_eq(ask(&site, "GET /only-admin HTTP/1.1" BYE), 404);
    site_close(&site);
    ck_assert_int_eq(stat(path, &status), 0); // its maker's
    ck_assert_int_eq(unlink(path), 0);
    // One that does not listen, and one behind it, which is closed, too.
    struct http_listeners *listeners = NULL;
    struct err err;
    sockets[0] = (struct http_socket){bind_unix(false), HTTP_PUBLIC};
    sockets[1] = (struct http_socket){socket(AF_INET, SOCK_STREAM, 0), HTTP_PUBLIC};
    ck_assert(!http_listen(&(struct http_where){.sockets = sockets, .socket_count = 2}, &listeners, &err));
    ck_assert_ptr_nonnull(strstr(err.text, "no listening stream socket"));
    for (size_t i = 0; i < ARRAY_LEN(sockets); i++)
        ck_assert_int_eq(fcntl(sockets[i].fd, F_GETFD), -1);
    ck_assert_int_eq(unlink(path), 0);
    ck_assert_int_eq(rmdir(folder), 0);
}
END_TEST

// ---- the limit

static void greet(int fd)
{
    send_text(fd, "GET /hello HTTP/1.1" END);
    expect(fd, 200, "hello");
}

// The connection that has waited longest gives way, whatever it is in the middle of; who is parked does not.
START_TEST(http_listen__lets_in_by_closing_the_one_that_waited_longest)
{
    site_open(&site, 4, 3600);
    int parked = dial(&site);
    send_text(parked, "POST /park HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc");
    site_await_parked(&site, 1);
    int slow = dial(&site), idle = dial(&site), busy = dial(&site);
    greet(idle);
    send_text(slow, "GET /hello HT");
    greet(idle);
    greet(busy);
    greet(idle);
    int first = dial(&site);
    greet(first);
    ck_assert_uint_eq(read_to_end(slow), 0);
    int second = dial(&site);
    greet(second);
    ck_assert_uint_eq(read_to_end(busy), 0);
    int third = dial(&site);
    greet(third);
    ck_assert_uint_eq(read_to_end(idle), 0);
    for (int i = 0; i < 50; i++) {
        int fd = dial(&site);
        greet(fd);
        close(fd);
    }
    site_wake_all(&site);
    expect(parked, 200, "abc");
    const int open[] = {parked, slow, idle, busy, first, second, third};
    for (size_t i = 0; i < ARRAY_LEN(open); i++)
        close(open[i]);
    site_close(&site);
}
END_TEST

// One address takes every place, and more; another still gets in, and keeps its place.
START_TEST(http_listen__keeps_one_address_from_having_all)
{
    int crowd[40];
    site_open(&site, 16, 3600);
    for (size_t i = 0; i < ARRAY_LEN(crowd); i++) {
        crowd[i] = dial_from(&site, 1);
        greet(crowd[i]);
    }
    int other = dial_from(&site, 2);
    greet(other);
    for (int i = 0; i < 100; i++) {
        int fd = dial_from(&site, 1);
        greet(fd);
        close(fd);
        greet(other); // though it had waited longest at times
    }
    close(other);
    for (size_t i = 0; i < ARRAY_LEN(crowd); i++)
        close(crowd[i]);
    site_close(&site);
}
END_TEST

// Where all wait for us nobody is cut, and who comes waits to be accepted.
START_TEST(http_listen__waits_where_all_are_parked)
{
    int parked[8];
    site_open(&site, ARRAY_LEN(parked), 3600);
    for (size_t i = 0; i < ARRAY_LEN(parked); i++) {
        parked[i] = dial(&site);
        send_text(parked[i], "POST /park HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc");
    }
    site_await_parked(&site, ARRAY_LEN(parked));
    int next = dial(&site);
    send_text(next, "GET /hello HTTP/1.1" END);
    site_wake_all(&site);
    for (size_t i = 0; i < ARRAY_LEN(parked); i++)
        expect(parked[i], 200, "abc");
    expect(next, 200, "hello");
    close(next);
    for (size_t i = 0; i < ARRAY_LEN(parked); i++)
        close(parked[i]);
    site_close(&site);
}
END_TEST

CHECK_MAIN("http_listen", http_listen__serves_a_unix_socket, http_listen__hears_out_who_has_left,
           http_listen__takes_no_file_that_is_not_its_own, http_listen__keeps_admin_apart,
           http_listen__takes_sockets_that_listen,
           http_listen__lets_in_by_closing_the_one_that_waited_longest,
           http_listen__keeps_one_address_from_having_all, http_listen__waits_where_all_are_parked)
