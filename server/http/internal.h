// SPDX-License-Identifier: Apache-2.0
// What the files of server/http share. Nothing outside the folder includes it.
//
// All of it is the loop thread's, except the wake queue, and what struct http_server says is guarded by
// its lock. A connection has at most one request at a time. A request goes
//
//              .-----------------------.
//              v                       v
//   HEAD ---> BODY ---> TURN <----> PARKED
//    |                   |             ^
//    |                   |--> STREAM <-'
//    |                   v      |
//    '--------------> ANSWERED <'
//
// and ends when its answer is out, or with its connection, in any state but PARKED.
#ifndef VOX_HTTP_INTERNAL_H
#define VOX_HTTP_INTERNAL_H

#include "server/http/chunked.h"
#include "server/http/crowd.h"
#include "server/http/framing.h"
#include "server/http/head.h"
#include "server/http/http.h"
#include "server/http/limits.h"
#include "server/http/route.h"
#include "server/http/timer.h"
#include "server/http/tls.h"
#include "server/http/wake.h"

#include "lib/base/uuid.h"
#include "server/core/address.h"

#include <netinet/in.h>
#include <pthread.h>
#include <sodium.h>
#include <sys/epoll.h>
#include <sys/queue.h>
#include <sys/stat.h>

enum request_state {
    REQUEST_HEAD,    // the head is being judged; an answer now closes the connection
    REQUEST_BODY,    // the body is coming in
    REQUEST_TURN,    // all is here: a handler answers or parks
    REQUEST_PARKED,  // until http_wake()
    REQUEST_STREAM,  // the answer's head is given out, its body comes from a producer
    REQUEST_ANSWERED // the answer is given out, and may still be on its way
};

// What the loop's epoll set holds a pointer to. `events` are epoll's.
struct http_watched {
    void (*ready)(struct http_server *server, struct http_watched *watched, uint32_t events);
};

struct http_listener {
    struct http_watched watched; // first
    int fd;                      // -1 once closed
    enum http_place place;
    struct address address; // with its port
    dev_t device;           // of the socket file that we made; `inode` 0: none
    ino_t inode;
};

struct http_listeners {
    struct http_listener list[HTTP_LISTENERS_MANY]; // the public ones first
    size_t count;
    bool has_admin; // some for HTTP_ADMIN
};

union http_peer {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

// Watched for edges: `readable` and `writable` hold until the socket says otherwise.
struct http_connection {
    struct http_watched watched;      // first
    LIST_ENTRY(http_connection) link; // of all that are open, or of those that have ended
    TAILQ_ENTRY(http_connection) due; // of those that go on without an event
    struct http_server *server;
    struct crowd_place crowd;
    struct crowd_place body; // while it holds one
    size_t held;             // bytes of that body
    uint64_t address;        // its number
    union http_peer peer;
    enum http_place place;
    int fd; // -1: it has ended, and is freed when the turn is over
    bool readable, writable;
    bool half_closed; // the client sends no more, whatever may still be to read
    bool gone;        // nothing can be sent any more
    bool is_due;
    bool is_shaking;        // hands, by TLS
    struct tls_session tls; // empty: plain
    struct http_request *request;
    struct buf input;   // that came and waits to be taken: a part of a head, or what came behind a request
    size_t input_taken; // of its front
    size_t head_seen;   // bytes of a head that hold no end
    struct buf output;  // that could not go out yet, in front of
    size_t output_sent; // of its front
    struct str output_body; // the request's own
    int64_t ends_at;        // monotonic; INT64_MAX while it waits for us
};

struct http_request {
    uint32_t magic;
    enum request_state state;
    struct http_server *server;
    struct http_connection *connection;
    struct http_request *next; // in the wake queue or among the spare ones

    char id[UUID_TEXT_LEN + 1];
    int64_t began_at;
    enum http_method method;
    bool known_method;              // else `method` means nothing
    const struct http_route *route; // NULL: none
    unsigned allowed;               // methods of the path
    struct str arg;
    struct str query; // absent: none
    struct framing framing;
    struct chunked chunked;

    struct buf body;
    uint64_t received;
    struct str broken;            // why a chunked body is none
    bool too_large;               // the body passed the route's limit; what comes is dropped
    bool shed;                    // there was no room for it; what comes is dropped
    bool early;                   // answered before the body
    bool last;                    // of its connection
    bool failed;                  // no memory for an answer: the connection closes without one
    http_handler *resume;         // of a parked request
    enum request_state parked_in; // where it goes on: BODY, TURN or STREAM
    int64_t parked_at;
    int64_t held_us; // for so long it was parked: no deadline of the client's counts that
    http_producer *producer;
    uint64_t produced;
    int status; // of a streamed answer
    struct arena arena;
    void *context;
    void (*release)(void *context);
    struct buf answer;           // body that the request owns
    struct http_header extra[6]; // set for whatever answer comes
    struct buf head_text;        // as sent
    struct head head;            // last: most of its lines are never touched
};

#define HTTP_STATUS_5XX 100
struct http_report {
    struct {
        int64_t logged_at;
        uint64_t unlogged;
    } failures[HTTP_STATUS_5XX]; // by status - 500
    int64_t accept_logged_at;
};

struct http_linger {
    struct http_watched watched; // first
    int fd;                      // 0: the slot is free
    int64_t ends_at;
    uint64_t bytes;
};

LIST_HEAD(http_connections, http_connection);

struct http_server {
    struct http_config config;
    struct tls_set tls;
    bool has_tls;
    pthread_t thread;
    struct http_listeners *listeners;
    int epoll_fd;
    struct epoll_event events[HTTP_TURN_EVENTS]; // of this turn
    struct wake_queue wakes;
    struct timers timers; // parked requests that wait for a time

    struct http_connections connections;
    struct http_connections ended; // in this turn
    TAILQ_HEAD(, http_connection) due;
    unsigned due_count;
    unsigned connection_count;
    struct crowd crowd;
    struct crowd bodies;                                  // of those that receive a large one
    size_t held;                                          // bytes of them all
    unsigned char address_key[crypto_shorthash_KEYBYTES]; // of the numbers that stand for addresses
    bool paused;                                          // nothing is accepted for now
    int64_t accept_at;                                    // not before, for lack of descriptors
    unsigned reported_count;                              // in METRIC_CONNECTIONS
    struct http_linger lingers[HTTP_LINGER_MANY];
    unsigned linger_count;
    struct http_request *spare;
    unsigned spare_count;
    unsigned active; // requests begun and not ended
    unsigned parked;
    bool quiesced;
    bool idle_wanted;
    int64_t reap_at;
    struct http_report report;
    char *scratch;         // HTTP_READ_BYTES: where bytes are received
    struct buf reply_head; // of the answer that is being made
    int64_t date_sec;      // that `date` tells
    char date[HTTP_DATE_LEN + 1];

    pthread_mutex_t idle_lock; // guards idle
    pthread_cond_t idle_cond;
    bool idle;
};

// listen.c
void listeners_close(struct http_listeners *listeners); // keeps what they were; may be called again

// accept.c
void accept_ready(struct http_server *server, struct http_watched *watched, uint32_t events); // a listener's
void accept_again(struct http_server *server, int64_t now); // after a pause, once there is room
bool listener_is_secure(const struct http_server *server, const struct http_listener *listener);

// bodies.c. bodies_hold(): so much is held of the body that comes, which may cut others; false: there is no
// room for this one. bodies_drop(): it is whole, or gone; nothing is held any more.
MUST_CHECK bool bodies_init(struct http_server *server);
MUST_CHECK bool bodies_hold(struct http_connection *connection, size_t bytes);
void bodies_drop(struct http_connection *connection);

// connection.c. connection_open() takes the descriptor when it returns true.
MUST_CHECK bool connection_open(struct http_server *server, const struct http_listener *listener, int fd,
                                const struct sockaddr *peer, uint64_t address);
struct http_connection *connection_at(struct crowd_place *place);
// Does what can be done without waiting, as long as it is this connection's turn.
void connection_go_on(struct http_connection *connection);
// Cut by us; `reason` for the metrics. One whose request is parked ends once that is woken.
void connection_cut(struct http_connection *connection, const char *reason);
void connection_count_cut(struct http_server *server, const char *reason);
void connections_go_on(struct http_server *server);             // those that are due
void connections_free_ended(struct http_server *server);        // when nobody can have a pointer to one
void connections_reap(struct http_server *server, int64_t now); // INT64_MAX ends all

// pace.c: the next phase. Of a body or an answer, `bytes` are through or to go since the time `since`.
void connection_await_next(struct http_connection *connection); // its last request was answered
void connection_await_head(struct http_connection *connection); // just accepted, or a part of it came
void connection_await_body(struct http_connection *connection, int64_t since, uint64_t bytes);
void connection_await_us(struct http_connection *connection);
void connection_await_answer(struct http_connection *connection, int64_t since, uint64_t bytes);

// io.c. io_receive(): how many bytes came, 0: none now, below 0: none will come.
MUST_CHECK ssize_t io_receive(struct http_connection *connection, char *ret_bytes, size_t cap);
enum io_state { IO_DONE, IO_BLOCKED, IO_BROKEN };
// Sends what waits to go out.
MUST_CHECK enum io_state io_flush(struct http_connection *connection);
// Nothing waits. What cannot go at once waits; the body's bytes stay where they are.
void io_send(struct http_connection *connection, struct str head, struct str body);

// linger.c: takes the descriptor where it can, and reads it to its end.
MUST_CHECK bool linger_begin(struct http_server *server, int fd);
void linger_reap(struct http_server *server, int64_t now); // INT64_MAX ends all

// reply.c: the head of an answer; false when memory is out.
enum reply_body { REPLY_SIZED, REPLY_CHUNKED, REPLY_TO_THE_END };
MUST_CHECK bool reply_head(struct http_request *request, const struct http_reply *reply, enum reply_body body,
                           struct str *ret_head);

// request.c
MUST_CHECK struct http_request *request_new(struct http_connection *connection);
void request_free(struct http_request *request);
void request_check(const struct http_request *request); // aborts if it is none
void request_set_state(struct http_request *request, enum request_state state);
void requests_release_spare(struct http_server *server);

// serve.c: from bytes to a handler's turn; how many of them were taken.
size_t serve_head(struct http_connection *connection, struct str bytes);
size_t serve_body(struct http_request *request, struct str bytes);    // none: looks whether it is whole
void serve_turn(struct http_request *request, http_handler *handler); // in TURN, the body is there

// stream.c. request_produce(): asks for more of the answer, all before having gone out.
void request_produce(struct http_request *request);
// After http_wake(): goes on where it parked.
void request_go_on(struct http_request *request);

// report.c: metrics and log lines.
void report_answer(struct http_request *request, int status, size_t bytes);
void report_aborted(struct http_request *request);
void report_accept(struct http_server *server, int code, int64_t now);

#endif
