// SPDX-License-Identifier: Apache-2.0
// The service manager's variables, and what it is told.
#include "check_main.h"

#include "server/core/service.h"

#include <sys/socket.h>
#include <sys/un.h>

#define NONE NULL

START_TEST(service__reads_sockets)
{
    static const struct {
        const char *process, *count, *names;
        int sockets; // -1: refused
        unsigned admin;
    } rows[] = {
        {NONE, NONE, NONE, 0, 0},
        {"7", NONE, NONE, 0, 0},
        {NONE, "1", "ingest", 0, 0},
        {"8", "1", "ingest", 0, 0}, // another process's
        {"x", "1", "ingest", 0, 0},
        {"7", "0", NONE, 0, 0},
        {"7", "0", "", 0, 0},
        {"7", "1", "ingest", 1, 0},
        {"7", "1", "admin", 1, 1},
        {"7", "3", "ingest:admin:ingest", 3, 2},
        {"7", "1", NONE, -1, 0},
        {"7", "1", "", -1, 0},
        {"7", "1", "vox-sink.socket", -1, 0},
        {"7", "2", "ingest", -1, 0},
        {"7", "1", "ingest:admin", -1, 0},
        {"7", "1", "Ingest", -1, 0},
        {"7", "-1", "ingest", -1, 0},
        {"7", "", "ingest", -1, 0},
        {"7", "17", "ingest", -1, 0},
        {"7", "18446744073709551616", "ingest", -1, 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct service_sockets sockets = {.count = 99};
        struct err err;
        bool ok = service_parse_sockets(str_from(rows[i].process), str_from(rows[i].count),
                                        str_from(rows[i].names), 7, &sockets, &err);
        ck_assert_msg(ok == (rows[i].sockets >= 0), "row %zu", i);
        ck_assert_msg(ok ? (int)sockets.count == rows[i].sockets : sockets.count == 99, "row %zu", i);
        for (size_t k = 0; ok && k < sockets.count; k++)
            ck_assert_msg(sockets.is_admin[k] == ((rows[i].admin >> k & 1) != 0), "row %zu", i);
    }
}
END_TEST

START_TEST(service__takes_the_variables_away)
{
    struct service_sockets sockets;
    struct err err;
    char pid[24];
    snprintf(pid, sizeof(pid), "%d", (int)getpid());
    setenv("LISTEN_PID", pid, 1);
    setenv("LISTEN_FDS", "1", 1);
    setenv("LISTEN_FDNAMES", "admin", 1);
    ck_assert(service_take_sockets(&sockets, &err));
    ck_assert_uint_eq(sockets.count, 1);
    ck_assert(sockets.is_admin[0]);
    ck_assert(service_take_sockets(&sockets, &err));
    ck_assert_uint_eq(sockets.count, 0);
}
END_TEST

START_TEST(service__notifies)
{
    static const char *const odd[] = {"", "/", "relative", "/nonexistent/socket"};
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    char name[64], text[64];
    for (size_t i = 0; i < ARRAY_LEN(odd); i++) {
        setenv("NOTIFY_SOCKET", odd[i], 1);
        service_notify("READY=1"); // lost, and no more
    }
    snprintf(name, sizeof(name), "@vox-test-notify-%d", (int)getpid());
    memcpy(address.sun_path + 1, name + 1, strlen(name) - 1);
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    socklen_t len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name));
    ck_assert_int_eq(bind(fd, (const struct sockaddr *)&address, len), 0);
    setenv("NOTIFY_SOCKET", name, 1);
    service_notify("READY=1\nSTATUS=here");
    ssize_t n = recv(fd, text, sizeof(text), MSG_DONTWAIT);
    ck_assert_view_eq(str_slice(text, n < 0 ? 0 : (size_t)n), "READY=1\nSTATUS=here");
    unsetenv("NOTIFY_SOCKET");
    service_notify("STOPPING=1");
    ck_assert_int_lt(recv(fd, text, sizeof(text), MSG_DONTWAIT), 0);
    close(fd);
}
END_TEST

CHECK_MAIN("service", service__reads_sockets, service__takes_the_variables_away, service__notifies)
