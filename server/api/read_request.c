// SPDX-License-Identifier: Apache-2.0
// Steps between the loop's thread and a reader thread.
#include "server/api/read_request.h"

#include "lib/base/log.h"
#include "server/api/admit.h"

static void on_read(struct http_request *request, void *app UNUSED)
{
    struct read_request *read = http_request_context(request);
    if (read->problem)
        http_reply_problem(request, read->problem, STR_NULL, NULL, 0);
    else
        read->answer(read);
}

static void run(struct reader_job *job, struct db *db, const struct err *reason)
{
    struct read_request *read = CONTAINER_OF(job, struct read_request, job);
    struct err err = *reason;
    read->problem = job->problem;
    if (db) {
        read->result = read->query(read, db, job->deadline, &err);
        if (read->result == QUERY_FAILED) {
            read->problem = PROBLEM_database_unavailable;
            log_warn("a query failed", LOG_STR("request_id", read->request_id), LOG_CSTR("reason", err.text));
        }
    }
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
    read->arena = http_request_arena(request);
    read->request_id = http_request_id(request);
    read->job.run = run;
    read->job.deadline = clock_mono_us(clock_system()) + read->auth.api->query_us;
    http_park(request, on_read);
    problem = reader_submit(read->auth.api->reader, &read->job);
    if (problem) {
        read->problem = problem;
        http_wake(request);
    }
}

static void on_turn(struct http_request *request, void *app UNUSED)
{
    struct read_request *read = http_request_context(request);
    enum problem problem = auth_renew(&read->auth);
    if (problem)
        http_reply_problem(request, problem, STR_NULL, NULL, 0);
    else
        submit(read);
}

// By the token's rate; who is a little over it is held back, as with events.
static void let_in(struct read_request *read)
{
    struct admission admission;
    if (!admit_read(&read->auth, &admission))
        return;
    if (admission.due_at)
        http_park_until(read->auth.request, on_turn, admission.due_at);
    else
        submit(read);
}

static void on_refreshed(struct http_request *request, void *app UNUSED)
{
    struct read_request *read = http_request_context(request);
    if (auth_again(&read->auth) == AUTH_OK)
        let_in(read);
}

void read_request_begin(struct read_request *read, struct http_request *request, struct api *api,
                        unsigned scopes)
{
    switch (auth_begin(&read->auth, api, request, scopes, false)) {
    case AUTH_OK:
        let_in(read);
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
