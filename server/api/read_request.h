// SPDX-License-Identifier: Apache-2.0
// The way of a request that reads the database: token, rate, reader thread, answer.
//
// read_request_begin() authenticates (with a refresh if need be), charges the token, calls `prepare` on the
// loop's thread, runs `query` on a reader thread, and `answer` back on the loop's thread. `prepare` may
// refuse by returning a problem; a query that fails, or that no reader takes, is answered here. The query has
// api->query_us from its submission on.
#ifndef VOX_API_READ_REQUEST_H
#define VOX_API_READ_REQUEST_H

#include "server/api/auth.h"
#include "server/store/query.h"

struct read_request {
    struct auth auth;
    struct reader_job job;
    // Reads the request's own words; PROBLEM_NONE goes on.
    enum problem (*prepare)(struct read_request *request);
    // On a reader thread, while the request is parked: the loop leaves `arena` alone then, and the query
    // leaves the HTTP request alone.
    enum query_result (*query)(struct read_request *request, struct db *db, int64_t deadline,
                               struct err *err);
    void (*answer)(struct read_request *request); // after QUERY_OK or QUERY_NONE
    enum query_result result;
    enum problem problem;  // instead of `answer`
    struct arena *arena;   // the request's
    struct str request_id; // for logs
};

// `read` lies in the request's arena and is its context already; its three functions are set.
void read_request_begin(struct read_request *read, struct http_request *request, struct api *api,
                        unsigned scopes);

#endif
