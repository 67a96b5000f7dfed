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
// and ends in on_request_end(), in any state but PARKED; once woken it may end there too, when the library
// sees first that the client has left.
#ifndef VOX_HTTP_INTERNAL_H
#define VOX_HTTP_INTERNAL_H

#include "server/http/crowd.h"
#include "server/http/framing.h"
#include "server/http/http.h"
#include "server/http/limits.h"
#include "server/http/route.h"
#include "server/http/timer.h"
#include "server/http/tls.h"
#include "server/http/wake.h"

#include "lib/base/uuid.h"
#include "server/core/address.h"

#include <microhttpd.h>
#include <pthread.h>
#include <sodium.h>
#include <sys/epoll.h>
#include <sys/stat.h>

enum request_state {
    REQUEST_HEAD,    // the head is being judged; an answer now closes the connection
    REQUEST_BODY,    // the body is coming in
    REQUEST_TURN,    // all is here: a handler answers or parks
    REQUEST_PARKED,  // until http_wake()
    REQUEST_STREAM,  // the answer's head is with the library, its body comes from a producer
    REQUEST_ANSWERED // the answer is with the library
};

// What the loop's epoll set holds a pointer to.
struct http_watched {
    void (*ready)(struct http_server *server, struct http_watched *watched);
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

struct http_connection {
    LIST_ENTRY(http_connection) link; // of all that are open
    struct http_server *server;
    struct crowd_place crowd;
    struct crowd_place body; // while it holds one
    size_t held;             // bytes of that body
    uint64_t address;        // its number
    enum http_place place;
    bool secure;          // by TLS
    struct http_tls *tls; // whose certificate it began with
    int fd;
    struct MHD_Connection *mhd; // NULL: the library has not said yet that it took the connection
    bool awaits_body;
    bool closing;          // we have ended it, the library is to find out
    unsigned unread;       // times that bytes were seen that the library does not read
    unsigned looks;        // times yet to look whether the client has left
    int64_t ends_at;       // monotonic; INT64_MAX while it waits for us
    int64_t line_at;       // when the request line was there
    enum problem target;   // what the request target was judged to be
    struct str target_why; // static
    size_t target_len;
};

struct http_request {
    uint32_t magic;
    enum request_state state;
    struct http_server *server;
    struct http_connection *connection;
    struct MHD_Connection *mhd;
    struct http_request *next; // in the wake queue or among the spare ones

    char id[UUID_TEXT_LEN + 1];
    int64_t began_at;
    const char *method;             // as sent, in the library's pool
    const struct http_route *route; // NULL: none
    unsigned allowed;               // methods of the path
    struct str arg;
    struct framing framing;
    struct framing_header headers[FRAMING_HEADERS_MAX]; // in the library's pool
    size_t header_count;
    uint64_t names; // a bit for each header's name, by its length and last character
    size_t head_bytes;
    bool too_many_headers;
    bool is_1_0;

    struct buf body;
    uint64_t received;
    bool too_large; // the body passed the route's limit; what comes is dropped
    bool shed;      // there was no room for it; what comes is dropped
    bool early;     // answered before the body
    bool woken;
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
};

#define HTTP_STATUS_5XX 100
struct http_report {
    struct {
        int64_t logged_at;
        uint64_t unlogged;
    } failures[HTTP_STATUS_5XX]; // by status - 500
    int64_t library_logged_at;
    uint64_t library_unlogged;
    int64_t accept_logged_at;
};

struct http_linger {
    struct http_watched watched; // first
    int fd;                      // 0: the slot is free
    int64_t ends_at;
    uint64_t bytes;
};

struct http_server {
    struct http_config config;
    struct MHD_Daemon *daemons[2]; // the plain one and the one with TLS; NULL: nothing listens for it
    struct tls_set tls;
    bool has_tls;
    pthread_t thread;
    struct http_listeners *listeners;
    int epoll_fd;
    struct wake_queue wakes;
    struct timers timers; // parked requests that wait for a time

    LIST_HEAD(, http_connection) connections;
    unsigned connection_count;
    unsigned closing_count;
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
    unsigned progress; // callbacks so far
    bool stuck;        // the library keeps asking to run and does nothing
    bool run_again;    // it asked too often in one turn
    int64_t reap_at;
    struct http_report report;

    pthread_mutex_t idle_lock; // guards idle
    pthread_cond_t idle_cond;
    bool idle;
};

// listen.c
void listeners_close(struct http_listeners *listeners); // keeps what they were; may be called again

// accept.c
void accept_ready(struct http_server *server, struct http_watched *watched); // a listener's
void accept_again(struct http_server *server, int64_t now); // after a pause, once there is room

// bodies.c. bodies_hold(): so much is held of the body that comes, which may cut others; false: there is no
// room for this one. bodies_drop(): it is whole, or gone; nothing is held any more.
MUST_CHECK bool bodies_init(struct http_server *server);
MUST_CHECK bool bodies_hold(struct http_connection *connection, size_t bytes);
void bodies_drop(struct http_connection *connection);

// connection.c: a connection is made before the library takes it, and ends in on_connection().
MUST_CHECK bool connection_new(struct http_server *server, const struct http_listener *listener, int fd,
                               uint64_t address);
bool listener_is_secure(const struct http_server *server, const struct http_listener *listener);
void connection_forget(struct http_server *server, int fd); // the library did not take it
void connections_forget(struct http_server *server);        // all that it never took
struct http_connection *connection_at(struct crowd_place *place);
// Cut by us; `reason` for the metrics.
void connection_end(struct http_connection *connection, const char *reason);
void connection_count_cut(struct http_server *server, const char *reason);
// The library's callbacks about connections.
void on_connection(void *cls, struct MHD_Connection *mhd, void **socket_context,
                   enum MHD_ConnectionNotificationCode code);
void *on_target(void *cls, const char *uri, struct MHD_Connection *mhd);
struct http_connection *connection_of(struct MHD_Connection *mhd);
// The next phase. Of a body or an answer, `bytes` are through or to go since the time `since`.
void connection_await_head(struct http_connection *connection);
void connection_await_body(struct http_connection *connection, int64_t since, uint64_t bytes);
void connection_await_us(struct http_connection *connection);
void connection_await_answer(struct http_connection *connection, int64_t since, uint64_t bytes);
void connections_reap(struct http_server *server, int64_t now);
// To be called while the library is stuck.
void connections_unblock(struct http_server *server);

// linger.c
void linger_begin(struct http_server *server, int fd);     // before the library closes it
void linger_reap(struct http_server *server, int64_t now); // INT64_MAX ends all

// reply.c: status, headers and body to the library; false when memory is out. Takes the response.
bool reply_queue(struct http_request *request, const struct http_reply *reply, struct MHD_Response *response);

// request.c
struct http_request *request_new(struct http_server *server, struct MHD_Connection *mhd);
void request_free(struct http_request *request);
void request_check(const struct http_request *request); // aborts if it is none
uint64_t request_name_bit(struct str name);             // of `names`
void request_set_state(struct http_request *request, enum request_state state);
void requests_release_spare(struct http_server *server);

// stream.c
void request_give_piece(struct http_request *request, const char *data, size_t size);
// After a handler: suspends the connection if it parked.
void request_suspend_parked(struct http_request *request);
// After http_wake(): goes on where it parked.
void request_go_on(struct http_request *request);

// serve.c: the library's callbacks about requests.
enum MHD_Result on_request(void *cls, struct MHD_Connection *mhd, const char *url, const char *method,
                           const char *version, const char *data, size_t *size, void **request_slot);
void on_request_end(void *cls, struct MHD_Connection *mhd, void **request_slot,
                    enum MHD_RequestTerminationCode code);

// report.c: metrics and log lines.
void report_answer(struct http_request *request, int status, size_t bytes);
void report_aborted(struct http_request *request);
void report_accept(struct http_server *server, int code, int64_t now);
void report_library(void *cls, const char *format, va_list args) PRINTF_LIKE(2, 0);

#endif
