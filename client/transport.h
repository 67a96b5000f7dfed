// SPDX-License-Identifier: Apache-2.0
// The one seam between the client and the network (and time): makes a request, waits.
//
// The upload knows nothing else of the world besides the spool, so that tests run it with scripted answers.
// transport_curl_new() is the real one: keep-alive connections, no redirects, TLS verified (against
// CURL_CA_BUNDLE, SSL_CERT_FILE or SSL_CERT_DIR where set), proxies by the usual variables, 10 s to connect,
// 60 s without a byte, and 60 s in all, or 10 minutes for a patient call.
//
// post() makes one request and returns with its end. Several at a time: start() each, next() until all are
// done or given up by cancel(). A transport without start() makes one after the other (client/call.h).
#ifndef VOX_CLIENT_TRANSPORT_H
#define VOX_CLIENT_TRANSPORT_H

#include "lib/base/buf.h"
#include "lib/base/err.h"

#include <signal.h>

struct http_header {
    const char *name;
    const char *value;
    const char *shown; // what a person may see of it; NULL: all
};

struct http_request {
    const char *url;
    bool loopback;
    const struct http_header *headers;
    size_t header_count;
    bool get; // a GET without a body, instead of a POST
    struct str body;
};

enum http_result {
    HTTP_ANSWERED,      // there is a status
    HTTP_UNREACHABLE,   // no answer: it may work later, and the request may have arrived
    HTTP_MISCONFIGURED, // it will not work later either: certificate, URL, proxy
    HTTP_INTERRUPTED    // the stop flag was seen
};

struct http_reply {
    int status;
    char content_type[128];
    char location[256];    // of a redirect, cut to fit
    int64_t retry_after_s; // -1: not said
    int64_t date_us;       // of the header Date; 0: not said
    char link[512]; // Link, RateLimit and RateLimit-Policy, the last two of all lines; empty where not sent
                    // or too long
    char rate[256];
    char rate_policy[256];
    struct buf body; // at most ANSWER_BODY_BYTES
    bool complete;   // the whole body is there
    bool went;       // the request went out, at least in part
    struct err why;  // for the other results
};

struct http_call {
    struct http_request request; // by the caller, with all that it points to until the call is done
    struct http_reply reply;     // initialised by the caller
    bool patient;
    // Each piece of the body, when status and content_type of the reply are set; false breaks off. NULL: the
    // body is collected in the reply.
    bool (*on_body)(struct http_call *call, struct str bytes);
    enum http_result result; // once done
    void *handle;            // the transport's
};

struct transport {
    enum http_result (*post)(void *context, const struct http_request *request, struct http_reply *reply);
    // False if the stop flag was seen.
    bool (*wait)(void *context, int64_t us);
    void *context;
    // NULL, or all three. start() is false when memory is out; next() gives a call that is done, or NULL
    // after so long, or sooner if the stop flag was seen.
    bool (*start)(void *context, struct http_call *call);
    struct http_call *(*next)(void *context, int64_t us);
    void (*cancel)(void *context, struct http_call *call);
};

#define HTTP_CALLS_MAX 16 // at a time

void http_reply_init(struct http_reply *reply);
void http_reply_release(struct http_reply *reply);
// Back to "nothing received"; keeps the memory.
void http_reply_clear(struct http_reply *reply);

struct transport_curl;
// `stop` is looked at during transfers and waits. libcurl's global state lives until transport_curl_free().
MUST_CHECK bool transport_curl_new(const volatile sig_atomic_t *stop, struct transport_curl **ret_curl,
                                   struct transport *ret_transport, struct err *err);
void transport_curl_free(struct transport_curl *curl);

#endif
