// SPDX-License-Identifier: Apache-2.0
// The HTTP front: HTTP/1.1 over TCP, TLS and Unix sockets, by one event loop.
//
// Calling sequence: http_listen() binds, http_server_start() with a route table starts the loop's thread. For
// each request the loop calls, always on that thread:
//   1. route->on_head, when the request line and headers are there. It may answer
//      (http_reply*): then the connection closes after the answer and no body reaches the route. NULL: go on.
//   2. route->on_request, when the whole body is there. It must answer, or http_park().
//   3. the function given to http_park(), once somebody called http_wake(). It must answer or park again.
// A route with on_body gets the body in pieces between 1 and 2, and may park there, too: then 3 may just
// return, and the body goes on. What a handler parks for while the body comes may also be over before the
// next piece. A request refused for its framing, size, path or method never reaches a route; each is answered
// by a problem that closes. An answer closes, too, if the client asks for it, speaks HTTP/1.0, or the server
// stops; any other connection stays, behind a chunked body as well, and requests that came early are taken
// one by one. A route with on_body whose chunked body turns out to be none is not answered, but cut.
// Stopping: http_server_quiesce() (no new connections, keep-alive ends with the next answer), the owner lets
// every parked request be woken, http_server_wait_idle(), http_server_stop(). Stopping waits for the requests
// that are parked; what is half received or half sent is cut.
//
// Threads: everything here is the loop's, except http_wake() and the http_server_* calls, which are any
// thread's. Ownership: a request and its arena live from on_head until the answer is sent or the connection
// ends; never while it is parked does it end. Strings from it live as long. A reply's body must live as long
// as the request: put it into the request's arena, a static, or hand over a buffer with http_reply_take().
// Limits: head 5 KiB, a line counting 64 bytes and its text, and 64 lines (431); body by route, a chunked one
// read on to twice that before the connection is dropped (413 up to there). Time by struct http_pace.
// Connections by `max_connections`: at the limit a new one is let in by closing another (crowd.h), never one
// that waits for us; where all do, new ones wait to be accepted. Gathered bodies by `body_bytes` in the same
// way (bodies.c).
#ifndef VOX_HTTP_HTTP_H
#define VOX_HTTP_HTTP_H

#include "lib/base/arena.h"
#include "lib/base/buf.h"
#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "lib/wire/problem.h"
#include "server/core/address.h"
#include "server/core/metrics.h"

#include <sys/socket.h>

struct http_server;
struct http_request;

enum http_method { HTTP_GET, HTTP_HEAD, HTTP_POST, HTTP_DELETE, HTTP_METHOD_COUNT };

typedef void http_handler(struct http_request *request, void *app);
// A piece of the body, all of which the handler takes. It may http_park(): then no more of the body is read.
typedef void http_body_handler(struct http_request *request, struct str piece, void *app);
// Writes up to `cap` bytes of an answer's body and says how many; HTTP_STREAM_END at its end. Where there is
// nothing yet it must http_park() (the `resume` is not used) and return 0.
typedef ssize_t http_producer(struct http_request *request, char *ret_bytes, size_t cap, void *app);
#define HTTP_STREAM_END (-1)

// Where a route is served, if the server has a listener for HTTP_ADMIN; else each is served by all.
enum http_place { HTTP_EVERYWHERE, HTTP_PUBLIC, HTTP_ADMIN };

struct http_route {
    enum http_method method; // HEAD is answered by the GET route
    const char *path;        // "/v1/events"; one "{name}" segment at the end matches one non-empty segment
    size_t body_max;         // 0: the route takes no body
    http_handler *on_head;   // may be NULL
    http_handler *on_request;
    enum http_place place;
    // NULL: the body is gathered. Otherwise it is given away as it comes, up to twice body_max (what
    // Content-Length announces is held to body_max), and http_request_body() is empty.
    http_body_handler *on_body;
};

// A client has `head_sec` from being accepted, TLS handshake included, or `idle_sec` from its last answer,
// for the first byte of a request; then `head_sec` for the rest of its head. A body, or an answer, has
// `grace_sec` and a second for each `bytes_per_sec`, and `transfer_sec` whatever its size.
struct http_pace {
    unsigned idle_sec; // between an answer and the next request
    unsigned head_sec;
    unsigned grace_sec;
    unsigned bytes_per_sec;
    unsigned transfer_sec;
};

// A socket that listens already, by the service manager's hand.
struct http_socket {
    int fd; // taken over by http_listen(), even if that fails
    enum http_place place;
};

struct http_where {
    const char *listen;                // address.h's list
    const char *admin_listen;          // as above, for HTTP_ADMIN; NULL: none
    const struct http_socket *sockets; // in place of `listen` or `admin_listen`, for those places they have
    size_t socket_count;
};

// Bound, listening sockets: opened while the process still has the right to.
struct http_listeners;

// PEM files. With `client_ca_file` (may be NULL) a handshake without a certificate by one of them fails.
struct http_tls_files {
    const char *cert_file; // the server's own first, then what leads to a root
    const char *key_file;  // refused if others can read it
    const char *client_ca_file;
};
struct http_tls;

struct http_config {
    struct http_listeners *listeners; // the server's from http_server_start() on, even if that fails
    struct http_tls *tls;             // as above; NULL: none. For TCP; Unix sockets stay plain
    unsigned max_connections;
    size_t body_bytes; // of gathered bodies while they are received, all together; 0: without bound
    struct http_pace pace;
    const struct http_route *routes;
    size_t route_count;
    void *app; // given to every handler
    // On the loop's thread, whenever all that was ready has been handled and it is about to wait; may be
    // NULL.
    void (*turn_over)(void *app);
    struct metrics *metrics;
    const struct clock *clock;
};

MUST_CHECK bool http_listen(const struct http_where *where, struct http_listeners **ret_listeners,
                            struct err *err);
void http_listeners_free(struct http_listeners *listeners); // closes; NULL is allowed
// Reads and checks the files; any thread.
MUST_CHECK bool http_tls_load(const struct http_tls_files *files, struct http_tls **ret_tls, struct err *err);
int64_t http_tls_not_after(const struct http_tls *tls); // end of the certificate, wall clock
void http_tls_free(struct http_tls *tls);               // NULL is allowed
MUST_CHECK bool http_server_start(const struct http_config *config, struct http_server **ret_server,
                                  struct err *err);
struct http_listening {
    char address[ADDRESS_TEXT_LEN + 1]; // with the port that ":0" got
    enum http_place place;
    bool tls;
};
// What the server listens on, one by one, the public ones first; false past the last.
MUST_CHECK bool http_server_listening(const struct http_server *server, size_t index,
                                      struct http_listening *ret_listening);
// The port of its first TCP listener.
unsigned http_server_port(const struct http_server *server);
// For connections from now on; any thread. Only for a server that was started with TLS.
void http_server_renew_tls(struct http_server *server, struct http_tls *tls);
void http_server_quiesce(struct http_server *server);
// True when no request is unanswered and every answer is out, those too that came before a body which still
// comes: such a client is heard to its end, for HTTP_LINGER_US at most. False at the deadline (monotonic
// microseconds).
MUST_CHECK bool http_server_wait_idle(struct http_server *server, int64_t deadline);
void http_server_stop(struct http_server *server); // joins the thread, frees

struct str
http_request_id(const struct http_request *request); // a UUIDv7, in logs and the X-Request-Id of the answer
struct arena *http_request_arena(struct http_request *request);
struct str http_request_body(const struct http_request *request);
// The body's bytes, for a handler that rewrites them in place; the length stays what http_request_body()
// says.
char *http_request_body_mutable(struct http_request *request);
struct str http_request_arg(const struct http_request *request); // what "{name}" matched, decoded
// The value of a header (name in any case), absent if there is none; `ret_count` (may be NULL) how many there
// are.
struct str http_request_header(const struct http_request *request, const char *name, unsigned *ret_count);
// The value of the header's line number `index`, 0 the first; absent if there are fewer.
struct str http_request_header_at(const struct http_request *request, const char *name, unsigned index);
// Decoded query parameters in order; stops when `each` returns false, and then returns false. Where there is
// no memory for them it returns false too, and the connection closes instead of any answer.
bool http_request_query(struct http_request *request,
                        bool (*each)(void *context, struct str name, struct str value), void *context);
int64_t http_request_began_at(const struct http_request *request); // monotonic microseconds
bool http_request_expects_continue(
    const struct http_request *request); // the client waits before it sends the body
const struct sockaddr *
http_request_peer(const struct http_request *request);             // of a socket file: the family only
bool http_request_keeps_alive(const struct http_request *request); // the client means to send another
// What a route keeps with the request between its calls; `release` (may be NULL) is called when the request
// ends.
void http_request_set_context(struct http_request *request, void *context, void (*release)(void *context));
void *http_request_context(const struct http_request *request);

struct http_header {
    const char *name;
    struct str value; // NUL-terminated, no controls; absent values are left out
};

// Goes with whatever answer comes, a problem too (RateLimit, Link, Retry-After); at most 6. The name is
// static, the value lives as long as the request; a second value of the same name replaces the first.
void http_request_set_header(struct http_request *request, const char *name, struct str value);

struct http_reply {
    int status;
    const char *content_type; // NULL: no body
    struct str body;
    struct http_header headers[6];
};

void http_reply(struct http_request *request, const struct http_reply *reply);
// As above, the body being the buffer's content, which the request takes over.
void http_reply_take(struct http_request *request, const struct http_reply *reply, struct buf *body);
// As http_reply, the body coming from `producer`, piece by piece as the client reads; chunked, or up to the
// connection's end for HTTP/1.0. The client that reads too slowly is cut off. reply->body is not used.
void http_reply_stream(struct http_request *request, const struct http_reply *reply, http_producer *producer);
// Answers with the problem table's status and application/problem+json, and the headers that the status asks
// for (WWW-Authenticate, Allow, Retry-After). `detail` absent takes the table's.
void http_reply_problem(struct http_request *request, enum problem problem, struct str detail,
                        const struct problem_error *errors, size_t error_count);

// Puts the request aside; `resume` is called on the loop's thread after http_wake(). Not from on_head. If the
// client has left by then, the request ends without `resume`: what must be given back belongs into the
// `release` of http_request_set_context().
void http_park(struct http_request *request, http_handler *resume);
// The same until `at` (monotonic microseconds), to the millisecond above; nobody wakes it. A server that
// stops does not wait for the time, so a handler must have got on before it parks so again.
void http_park_until(struct http_request *request, http_handler *resume, int64_t at);
// Any thread, exactly once for each http_park(). It may come before the park, from a worker that is quick, so
// long as the handler parks before it returns.
void http_wake(struct http_request *request);

#endif
