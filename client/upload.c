// SPDX-License-Identifier: Apache-2.0
// The run: loads groups, lets their requests go, waits for answers, until there is nothing left or it ends.
#include "client/upload.h"
#include "client/sink.h"
#include "client/upload_parts.h"
#include "lib/wire/limits.h"

// An attempt younger than this is within every sink's window; no need to ask for it.
#define SURELY_KNOWN_US (1 * USEC_PER_DAY)
#define NEXT_SLICE_US   (60 * USEC_PER_SEC)

void tally_add(struct tally *tally, const char *label)
{
    size_t i = 0;
    tally->total++;
    while (i < tally->count && strcmp(tally->rows[i].label, label) != 0)
        i++;
    if (i == TALLY_ROWS)
        return; // more reasons than the wire knows: in the total only
    if (i == tally->count)
        tally->rows[tally->count++].label = label;
    tally->rows[i].count++;
}

void note(struct upload *u, const char *name, const char *what, const struct answer *answer)
{
    if (u->sight->note)
        u->sight->note(u->sight->context, name, what, answer);
}

void progress(struct upload *u)
{
    if (u->sight->progress)
        u->sight->progress(u->sight->context, &u->result);
}

bool end_run(struct upload *u, enum upload_end end, const char *advice)
{
    u->result.end = end;
    u->result.advice = advice;
    u->ended = true;
    return false;
}

bool local_failure(struct upload *u)
{
    return end_run(u, UPLOAD_FAILED, "Check the disk and the spool's permissions, then upload again.");
}

bool interrupted(struct upload *u)
{
    err_set(&u->result.why, "interrupted");
    return end_run(u, UPLOAD_INTERRUPTED, "Upload again: nothing is lost or stored twice.");
}

static bool out_of_time(struct upload *u)
{
    err_set(&u->result.why, "the time set by --max-time is over");
    return end_run(u, UPLOAD_OUT_OF_TIME, "Upload again: it goes on where it stopped.");
}

static struct http_call *next_done(struct upload *u, int64_t us)
{
    struct http_call *call = u->transport->next(u->transport->context, us);
    if (call)
        CONTAINER_OF(call, struct flight, call)->landed = true;
    return call;
}

void upload_pump(struct upload *u)
{
    if (!u->flying || !u->transport->next)
        return;
    while (next_done(u, 0))
        continue;
}

// How far back a sink remembers ids: beyond that an entry is asked for before it is sent again.
static void ask_window(struct upload *u)
{
    struct sink_version version;
    int64_t oldest, now = clock_wall_us(u->clock), days = DEDUP_WINDOW_DAYS;
    u->known_before = INT64_MIN;
    if (!u->attempts || !spool_attempts_any(u->attempts, &oldest, &u->any_refused) ||
        now - oldest < SURELY_KNOWN_US)
        return;
    if (sink_version_get(u->transport, u->url, u->loopback, u->user_agent, &version) &&
        version.dedup_window_days > 0 && version.dedup_window_days < days)
        days = version.dedup_window_days;
    u->known_before = now - days * USEC_PER_DAY;
}

static bool begin(struct upload *u)
{
    u->result = (struct upload_result){.end = UPLOAD_DONE};
    u->flight_count = u->dry_run ? 1 : MIN(MAX(u->concurrency, 1u), (unsigned)HTTP_CALLS_MAX);
    u->batch_events = BATCH_EVENTS;
    u->batch_bytes = FLIGHT_BYTES;
    u->compressed = true;
    u->learned = u->batches = u->proven = u->exhausted = u->again = u->any_refused = u->ended = false;
    u->flying = u->to_delete_count = 0;
    u->gathering = false;
    u->taken = 0;
    u->stalled = 0;
    u->pace = (struct pace){0};
    u->deadline_us = u->max_us ? clock_mono_us(u->clock) + u->max_us : 0;
    spool_reader_init(&u->reader);
    json_doc_init(&u->answer_doc, NULL, 8 * ANSWER_BODY_BYTES + (1 << 20));
    u->iter = spool_iter_new(u->spool, SPOOL_PENDING);
    u->sweep = sweep_new(u->spool, u->sent, u->sweepers);
    u->flights = calloc(u->flight_count, sizeof(*u->flights));
    for (size_t i = 0; u->flights && i < u->flight_count; i++)
        flight_init(&u->flights[i], u);
    if (u->iter && u->sweep && u->flights)
        return true;
    err_set(&u->result.why, "out of memory");
    return local_failure(u);
}

// What was acknowledged is deleted, however the run ended.
static void finish_sweep(struct upload *u)
{
    struct err why;
    const char *name;
    if (!u->sweep)
        return;
    if (!sweep_wait(u->sweep, &why) && u->result.end == UPLOAD_DONE) {
        u->result.why = why;
        local_failure(u);
    }
    while ((name = sweep_next_changed(u->sweep)))
        upload_keep(u, name, "changed_while_sent", NULL);
    sweep_free(u->sweep);
}

static void finish(struct upload *u)
{
    finish_sweep(u);
    for (size_t i = 0; u->flights && i < u->flight_count; i++) {
        struct flight *flight = &u->flights[i];
        if (flight->state == FLIGHT_FLYING) {
            if (!flight->landed)
                u->transport->cancel(u->transport->context, &flight->call);
            event_request_release(&flight->request);
            if (flight->call.reply.went)
                flight_set_gone(flight);
            if (flight->landed)
                upload_overheard(u, flight);
        }
        if (!upload_log_unsettled(u, flight) && u->result.end == UPLOAD_DONE)
            local_failure(u);
        flight_release(flight);
    }
    free(u->flights);
    spool_iter_free(u->iter);
    json_doc_release(&u->answer_doc);
    spool_reader_release(&u->reader);
}

// Before it is known whether there are batches, one request is under way.
static size_t flights_in_use(const struct upload *u)
{
    return u->learned ? u->flight_count : 1;
}

// Looks at answers that came, then fills what is empty and lets go what is due.
static bool turn(struct upload *u)
{
    for (size_t i = 0; i < u->flight_count; i++)
        if (u->flights[i].landed && !upload_answered(u, &u->flights[i]))
            return false;
    for (size_t i = 0; i < flights_in_use(u) && !*u->stop; i++) {
        struct flight *flight = &u->flights[i];
        if (flight->state == FLIGHT_EMPTY && !u->exhausted && !upload_load(u, flight))
            return false;
        if (u->ended || *u->stop)
            break;
        if (flight->state == FLIGHT_READY && flight->due_us <= clock_mono_us(u->clock) &&
            !upload_send(u, flight))
            return false;
        progress(u);
    }
    return !u->ended;
}

static struct flight *first_due(struct upload *u)
{
    struct flight *first = NULL;
    for (size_t i = 0; i < u->flight_count; i++) {
        struct flight *flight = &u->flights[i];
        if (flight->state == FLIGHT_READY && (!first || flight->due_us < first->due_us))
            first = flight;
    }
    return first;
}

// Until an answer comes, a request is due, or time is over.
static void wait_for_something(struct upload *u)
{
    struct flight *due = first_due(u);
    int64_t now = clock_mono_us(u->clock), us = NEXT_SLICE_US;
    if (due)
        us = MAX(due->due_us - now, (int64_t)0);
    if (u->deadline_us)
        us = MIN(us, MAX(u->deadline_us - now, (int64_t)0));
    if (u->flying && u->transport->next) {
        next_done(u, us);
    } else if (due && due->wait_us) {
        int64_t whole = u->deadline_us ? MIN(due->wait_us, us) : due->wait_us;
        if (u->transport->wait(u->transport->context, whole))
            due->due_us = 0;
    }
}

static bool any_landed(const struct upload *u)
{
    for (size_t i = 0; i < u->flight_count; i++)
        if (u->flights[i].landed)
            return true;
    return false;
}

static bool is_done(struct upload *u)
{
    return u->exhausted && !u->flying && !first_due(u);
}

void upload_run(struct upload *u)
{
    bool next = begin(u);
    if (next && !u->dry_run)
        ask_window(u);
    while (next) {
        if (*u->stop)
            next = interrupted(u);
        else if (u->deadline_us && clock_mono_us(u->clock) >= u->deadline_us)
            next = out_of_time(u);
        else
            next = turn(u);
        if (!next || is_done(u))
            break;
        if (!any_landed(u) && !*u->stop)
            wait_for_something(u);
    }
    finish(u);
}
