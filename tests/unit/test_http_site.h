// SPDX-License-Identifier: Apache-2.0
// A small site on a real http_server, and a client of raw sockets, for the tests of server/http.
//
// Every wait has a deadline of SITE_PATIENCE_MS and fails the case beyond it; nothing sleeps.
#ifndef VOX_TESTS_UNIT_TEST_HTTP_SITE_H
#define VOX_TESTS_UNIT_TEST_HTTP_SITE_H

#include "server/http/http.h"

#include <pthread.h>
#include <stdatomic.h>

#define SITE_PATIENCE_MS 120000
#define SITE_ECHO_MAX    1024
#define SITE_STREAM_MAX  (16 << 20)

// What ends a head with nothing more to say.
#define END "\r\nHost: a\r\n\r\n"

struct site {
    struct http_server *server;
    struct metrics *metrics;
    unsigned port;
    struct clock clock;
    _Atomic int64_t clock_stands; // where the server's clock stands still, if not 0
    _Atomic int64_t clock_ahead;  // microseconds that it is ahead of that, or of the real one
    _Atomic unsigned calls;       // of any on_request
    _Atomic unsigned inner;       // of GET /inner, which smuggled requests ask for
    _Atomic unsigned heads;       // of any on_head
    _Atomic unsigned released;    // contexts
    pthread_mutex_t lock;         // guards the parked requests
    pthread_cond_t changed;
    struct http_request *parked[4096];
    unsigned parked_count;
};

// `max_connections` 0: 2048.
void site_open(struct site *site, unsigned max_connections, unsigned idle_timeout_sec);
// With whatever of `config` is set; the rest is the site's.
void site_open_as(struct site *site, struct http_config config, struct http_where where);
// Waits until idle, then stops the server; what may park meanwhile still has to be woken.
void site_stop(struct site *site);
void site_release(struct site *site); // after that
// Both.
void site_close(struct site *site);
// No deadline of the server's strikes but by clock_ahead, however slow the machine is.
void site_stop_clock(struct site *site);
// Moves the clock on, hour by hour, until the server ends the connection; how many bytes came. One move would
// not do: a phase that the server begins after it has its whole time.
size_t site_outlast(struct site *site, int fd);
// Blocks until `count` requests are parked; then wakes them all.
void site_await_parked(struct site *site, unsigned count);
void site_wake_all(struct site *site);
// Parks the request and puts it on the list.
void site_park(struct http_request *request, struct site *site, http_handler *resume);
// Takes one parked request, waiting for it; NULL once `*stop` is set and none is left.
struct http_request *site_take_parked(struct site *site, const _Atomic bool *stop);

http_handler stream_on_head, stream_on_request;
http_body_handler stream_on_body;

struct answer {
    int status; // 0: the connection ended before a whole answer
    char head[4096];
    char *body; // NUL-terminated, freed by answer_release
    size_t body_len;
};

int dial(const struct site *site);
int dial_from(const struct site *site, unsigned host);  // 127.0.0.`host`
int dial_with_room(const struct site *site, int bytes); // with so small a buffer for what comes
void send_bytes(int fd, const void *ptr, size_t len);
void send_text(int fd, const char *text);
// Reads exactly one answer. `to_head`: the answer to a HEAD, without a body.
struct answer read_answer_to(int fd, bool to_head);
struct answer read_answer(int fd);
void answer_release(struct answer *answer);
// Case-insensitive; the value in a static buffer, or NULL.
const char *answer_header(const struct answer *answer, const char *name);
// Reads one answer and fails the case if it is another; NULL body: any.
void expect(int fd, int status, const char *body);
// NULL value: the header is not there.
void expect_header(const struct answer *answer, const char *name, const char *value);
// Reads to the end of the stream; how many bytes came.
size_t read_to_end(int fd);
// Sends on a new connection, reads one answer and to the end of the stream; the answer's status.
int ask(const struct site *site, const char *text);

#endif
