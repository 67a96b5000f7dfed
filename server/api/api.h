// SPDX-License-Identifier: Apache-2.0
// The endpoints: a route table, and what its handlers work with.
//
// Handlers run on the HTTP loop's thread, one request at a time; what must wait (commit, query, token
// refresh) parks the request. `struct api` is made by the command `serve` and outlives the HTTP server.
#ifndef VOX_API_API_H
#define VOX_API_API_H

#include "lib/base/json.h"
#include "lib/json/parse.h"
#include "server/api/pages.h"
#include "server/catalog/catalog.h"
#include "server/gate/limit.h"
#include "server/http/http.h"
#include "server/keeper/keeper.h"
#include "server/store/reader.h"
#include "server/writer/writer.h"

// Batches at once, of all and of one holder: a token, or the open project. More are told to come again. Those
// whose token is not known yet share one small part, so that made-up tokens cannot take all places.
#define BATCHES_MAX          32
#define BATCHES_OF_ONE       16
#define BATCHES_OF_STRANGERS 4
#define BATCHES_FOR_FIRSTS   8 // the last ones: for tokens that hold none

struct batch_job;

// Tokens that were asked for before their body was read: a keyed hash of the text, and when it was first.
struct asked_token {
    uint64_t name;
    int64_t at; // monotonic microseconds; 0: a free slot
};

struct asked_tokens {
    struct asked_token slots[256];
    uint8_t key[16];
};

#define RATE_TEXT_MAX 64 // "burst", two letters, two numbers

// The last RateLimit-Policy that was told.
struct rate_policy {
    int64_t burst, window_s;
    char text[RATE_TEXT_MAX];
};

struct api {
    struct catalog *catalog;
    struct writer *writer;
    struct reader *reader;
    struct keeper *keeper;
    struct limiter *limiter;
    struct metrics *metrics;
    const struct clock *clock;
    int64_t query_us;     // a query is given up after this
    int64_t token_age_us; // tokens that were read longer ago let nobody in; 0: any age
    // The loop thread's scratch, reused for each event.
    struct json_parser parser;
    struct json_doc doc;
    struct jsv_context *judge;
    struct buf line;                        // the minified text of a batch line
    struct batch_job *batches[BATCHES_MAX]; // under way; NULL: a free place
    size_t batch_kept;                      // bytes of their bodies that wait for a signature or a token
    size_t batch_verdicts;                  // bytes of verdicts that wait to go out
    size_t batch_decoders;                  // bytes of what decompresses their bodies
    struct asked_tokens asked;
    struct rate_policy policy;
    struct pages pages;               // of events, that go out
    struct contracts_page *contracts; // the last answer of /v1/contracts; NULL: none yet
};

// Fills the scratch. `api` is zeroed but for what the caller set.
MUST_CHECK bool api_init(struct api *api, struct err *err);
void api_release(struct api *api);

// Lets go of a page; NULL is allowed. Its requests may still hold it.
void contracts_page_unref(struct contracts_page *page);

// For the HTTP server's `turn_over`: what this turn queued goes to the writer as one.
void api_turn_over(void *api);

// The routes, static; `app` of the handlers is the struct api.
const struct http_route *api_routes(size_t *ret_count);

// One handler or two an endpoint; api/<file>.c.
http_handler ingest_on_head, ingest_on_request;
http_handler batch_on_head, batch_on_request;
http_body_handler batch_on_body;
http_handler receipt_on_request;
http_handler contracts_on_request, contract_on_request;
http_handler admin_events_on_request;
http_handler health_on_request, ready_on_request, metrics_on_request, version_on_request;

#endif
