// SPDX-License-Identifier: Apache-2.0
// Steps between the loop's thread and a reader thread.
#include "server/api/read_request.h"

#include "lib/base/log.h"

static void on_read(struct http_request *request, void *app UNUSED)
{
    struct read_request *read = http_request_context(request);
    if (read->result == QUERY_FAILED)
        http_reply_problem(request, PROBLEM_database_unavailable, STR_NULL, NULL, 0);
    else
        read->answer(read);
}

static void run(struct reader_job *job, struct db *db, const struct err *reason)
{
    struct read_request *read = CONTAINER_OF(job, struct read_request, job);
    struct err err = *reason;
    int64_t deadline = clock_mono_us(clock_system()) + read->auth.api->query_us;
    read->result = db ? read->query(read, db, deadline, &err) : QUERY_FAILED;
    if (db && read->result == QUERY_FAILED)
        log_warn("a query failed", LOG_STR("request_id", http_request_id(read->auth.request)),
                 LOG_CSTR("reason", err.text));
    http_wake(read->auth.request);
}

static void submit(struct read_request *read)
{
    struct http_request *request = read->auth.request;
    enum problem problem = read->prepare(read);
    if (problem) {
        http_reply_problem(request, problem, STR_NULL, NULL, 0);
        return;
    }
    http_park(request, on_read);
    read->job.run = run;
    if (reader_submit(read->auth.api->reader, &read->job) != PROBLEM_NONE) {
        read->result = QUERY_FAILED;
        http_wake(request);
    }
}

static void on_refreshed(struct http_request *request, void *app UNUSED)
{
    struct read_request *read = http_request_context(request);
    if (auth_again(&read->auth) == AUTH_OK)
        submit(read);
}

void read_request_begin(struct read_request *read, struct http_request *request, struct api *api,
                        unsigned scopes)
{
    switch (auth_begin(&read->auth, api, request, scopes, false)) {
    case AUTH_OK:
        submit(read);
        break;
    case AUTH_REFRESH:
        auth_refresh(&read->auth, on_refreshed);
        break;
    case AUTH_ANSWERED:
        break;
    default:
        BUG("unknown auth result");
    }
}
