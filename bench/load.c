// SPDX-License-Identifier: Apache-2.0
// A load generator: N keep-alive connections, each posting one keyed event after the other.
//
//     bench_load HOST:PORT TOKEN BODY_FILE CONNECTIONS SECONDS [RATE [HEADER]]
//
// (TOKEN "-": none; HEADER: one more line) prints `rate`, `ok`, `failed` and latency percentiles as `name:
// value` lines. Without RATE, or with 0, each connection sends as soon as it was answered. With it RATE
// events a second are due at even distances, each goes out by the next free connection, and its latency
// counts from when it was due: what waits for a slow answer is not left out of the percentiles. One thread,
// epoll, nothing allocated per request, so that it takes as little as it can of the processors it shares with
// what it measures.
#include "lib/base/clock.h"
#include "lib/base/file.h"
#include "lib/base/str.h"
#include "lib/wire/names.h"

#include "bench/stats.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sodium.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#define ANSWER_MAX 8192

struct connection {
    int fd;
    int64_t sent_at;
    size_t received;
    char answer[ANSWER_MAX];
};

struct load {
    double gap_us; // between two events; 0: as fast as the answers come
    int64_t due_at;
    struct connection **idle; // those that wait for an event to be due
    size_t idle_count;
    struct buf request;
    size_t id_at; // where the key's digits stand in the request
    uint64_t serial;
    uint64_t run; // random: keys of two runs differ
    size_t ok, failed;
    struct stats stats;
    bool over;
    char first_failure[256];
};

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static void build_request(struct load *load, const char *host, const char *token, const char *header,
                          struct str body)
{
    struct buf *r = &load->request;
    buf_init(r, 4 << 20);
    buf_putf(r, "POST " PATH_EVENTS " HTTP/1.1\r\nHost: %s\r\n", host);
    if (strcmp(token, "-") != 0)
        buf_putf(r, "Authorization: Bearer %s\r\n", token);
    if (header)
        buf_putf(r, "%s\r\n", header);
    buf_putf(r, "Content-Type: application/json\r\nContent-Length: %zu\r\n" HEADER_IDEMPOTENCY_KEY ": \"",
             body.len);
    load->id_at = r->len;
    buf_put_cstr(r, "00000000-0000-7000-8000-000000000000\"\r\n\r\n");
    buf_put_str(r, body);
    if (!buf_ok(r))
        die("request");
    randombytes_buf(&load->run, sizeof(load->run));
}

// A version 7 UUID: milliseconds, then the run and a serial number instead of random bits.
static void stamp_id(struct load *load, int64_t now_wall_us)
{
    uint64_t ms = (uint64_t)(now_wall_us / 1000), serial = load->serial++;
    char id[64];
    snprintf(id, sizeof(id), "%08" PRIx64 "-%04" PRIx64 "-7%03" PRIx64 "-8%03" PRIx64 "-%012" PRIx64,
             ms >> 16, ms & 0xffff, (serial >> 36) & 0xfff, load->run & 0xfff,
             ((load->run >> 12) & 0xff) << 40 | (serial & 0xffffffffff));
    memcpy(load->request.ptr + load->id_at, id, 36);
}

static void send_next(struct load *load, struct connection *c, int64_t counts_from)
{
    stamp_id(load, clock_wall_us(clock_system()));
    c->received = 0;
    c->sent_at = counts_from;
    if (!fd_write_all(c->fd, load->request.ptr, load->request.len))
        die("send");
}

// True once the whole answer is there: its head, and as much body as Content-Length says.
static bool answer_complete(struct connection *c)
{
    static const char length_name[] = "Content-Length: ";
    c->answer[c->received] = '\0';
    char *end = strstr(c->answer, "\r\n\r\n");
    if (!end)
        return false;
    char *length = strcasestr(c->answer, length_name);
    size_t body = length && length < end ? strtoul(length + sizeof(length_name) - 1, NULL, 10) : 0;
    return c->received >= (size_t)(end + 4 - c->answer) + body;
}

static void on_readable(struct load *load, struct connection *c)
{
    ssize_t n = recv(c->fd, c->answer + c->received, sizeof(c->answer) - 1 - c->received, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0)
        die("the server closed a connection");
    c->received += (size_t)n;
    if (!answer_complete(c))
        return;
    stats_add(&load->stats, clock_mono_us(clock_system()) - c->sent_at);
    if (strncmp(c->answer, "HTTP/1.1 20", 11) == 0) {
        load->ok++;
    } else {
        if (!load->failed++)
            snprintf(load->first_failure, sizeof(load->first_failure), "%.12s", c->answer + 9);
    }
    if (load->over)
        c->received = SIZE_MAX;
    else if (load->gap_us > 0)
        load->idle[load->idle_count++] = c;
    else
        send_next(load, c, clock_mono_us(clock_system()));
}

// Sends what is due, as far as connections are free; how long to wait for the next, in milliseconds.
static int send_due(struct load *load, int64_t began)
{
    int64_t now = clock_mono_us(clock_system());
    while (load->idle_count && load->due_at <= now) {
        send_next(load, load->idle[--load->idle_count], load->due_at);
        load->due_at = began + (int64_t)((double)load->serial * load->gap_us);
    }
    return load->due_at <= now ? 10000 : (int)((load->due_at - now) / 1000);
}

static int connect_to(const char *host, const char *port)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)strtoul(port, NULL, 10))};
    int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || inet_pton(AF_INET, host, &address.sin_addr) != 1 ||
        connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0)
        die("connect");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    return fd;
}

static void run(struct load *load, struct connection *connections, size_t count, int64_t us)
{
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    int64_t began = clock_mono_us(clock_system()), ends = began + us;
    for (size_t i = 0; i < count; i++) {
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = &connections[i]};
        if (epoll_ctl(epoll, EPOLL_CTL_ADD, connections[i].fd, &event) != 0)
            die("epoll");
        if (load->gap_us > 0)
            load->idle[load->idle_count++] = &connections[i];
        else
            send_next(load, &connections[i], clock_mono_us(clock_system()));
    }
    load->due_at = began;
    size_t waiting = count;
    while (waiting) {
        struct epoll_event events[256];
        int timeout = load->gap_us > 0 && !load->over ? send_due(load, began) : 10000;
        int n = epoll_wait(epoll, events, ARRAY_LEN(events), timeout);
        if (n == 0 && timeout == 10000)
            die("no answer in 10 s: stalled");
        load->over = clock_mono_us(clock_system()) >= ends;
        if (load->over) {
            waiting -= load->idle_count;
            load->idle_count = 0;
        }
        for (int i = 0; i < n; i++) {
            struct connection *c = events[i].data.ptr;
            on_readable(load, c);
            waiting -= c->received == SIZE_MAX;
        }
    }
    double seconds = (double)(clock_mono_us(clock_system()) - began) / 1e6;
    printf("rate: %.1f\nok: %zu\nfailed: %zu\n", (double)load->ok / seconds, load->ok, load->failed);
    if (load->failed)
        printf("first_failure: %s\n", load->first_failure);
    close(epoll);
}

int main(int argc, char **argv)
{
    if (argc < 6 || argc > 8) {
        fprintf(stderr, "usage: bench_load HOST:PORT TOKEN BODY_FILE CONNECTIONS SECONDS [RATE [HEADER]]\n");
        return 2;
    }
    static struct load load;
    struct err err;
    struct buf body;
    buf_init(&body, 2 << 20);
    if (!file_read_at(AT_FDCWD, argv[3], &body, &err)) {
        fprintf(stderr, "%s\n", err.text);
        return 1;
    }
    build_request(&load, argv[1], argv[2], argc > 7 ? argv[7] : NULL, buf_str(&body));
    char *colon = strrchr(argv[1], ':');
    if (!colon)
        return 2;
    *colon = '\0';
    size_t count = strtoul(argv[4], NULL, 10);
    struct connection *connections = calloc(count, sizeof(*connections));
    load.idle = calloc(count, sizeof(struct connection *));
    BUG_ON(!connections || !load.idle);
    if (argc > 6 && strtod(argv[6], NULL) > 0)
        load.gap_us = 1e6 / strtod(argv[6], NULL);
    for (size_t i = 0; i < count; i++)
        connections[i].fd = connect_to(argv[1], colon + 1);
    run(&load, connections, count, (int64_t)(strtod(argv[5], NULL) * 1e6));
    stats_print(&load.stats);
    for (size_t i = 0; i < count; i++)
        close(connections[i].fd);
    free(load.idle);
    free(connections);
    buf_release(&body);
    buf_release(&load.request);
    return load.failed ? 1 : 0;
}
