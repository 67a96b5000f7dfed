// SPDX-License-Identifier: Apache-2.0
// What answers mean for the run: verdicts given on, waits, smaller requests.
#include "client/advice.h"
#include "client/link.h"
#include "client/upload_parts.h"
#include "lib/wire/names.h"
#include "lib/wire/receipt.h"

#include <sodium.h>

// Tries of one request, and how long one may hold up the rest in all.
#define TRIES_UNREACHABLE 4
#define TRIES_FAILING     3 // 5xx that is not 503
#define TRIES_BUSY        6
#define WAIT_BASE_US      (500 * USEC_PER_MSEC)
#define WAIT_CAP_US       (10 * USEC_PER_SEC)
#define RETRY_AFTER_CAP_S 60 // a sink that asks for more is left alone until the next run
#define WAIT_TOTAL_US     (120 * USEC_PER_SEC)
// Batches grow while they are answered sooner than this, and shrink when later than that.
#define BATCH_FAST_US    (500 * USEC_PER_MSEC)
#define BATCH_SLOW_US    (10 * USEC_PER_SEC)
#define BATCH_EVENTS_MIN 16
// Where something that is no sink refuses a batch, it is looked for which of the entries it minds.
#define SPAN_DIVISOR 32

// ---- waiting

static int64_t random_below(int64_t us)
{
    return us > 0 ? (int64_t)(randombytes_uniform((uint32_t)MIN(us, (int64_t)UINT32_MAX - 1))) : 0;
}

// Full jitter: any time up to a ceiling that doubles. What the sink says it wants comes first, and a little
// more, so that clients which were told the same do not return together.
static int64_t wait_time(const struct http_reply *reply, unsigned tries)
{
    if (reply->retry_after_s >= 0)
        return reply->retry_after_s * USEC_PER_SEC + random_below(USEC_PER_SEC / 2);
    return random_below(MIN(WAIT_BASE_US << MIN(tries, 10u), WAIT_CAP_US));
}

// True: the next request goes out after a wait. False: patience is over.
static bool wait_and_retry(struct upload *u, struct flight *flight, unsigned max_tries, const char *label)
{
    const struct http_reply *reply = &flight->call.reply;
    if (reply->retry_after_s > RETRY_AFTER_CAP_S || *u->stop)
        return false;
    int64_t us = wait_time(reply, flight->tries);
    if (++flight->tries >= max_tries || flight->waited_us + us > WAIT_TOTAL_US)
        return false;
    flight->waited_us += us;
    flight->wait_us = us;
    flight->due_us = clock_mono_us(u->clock) + us;
    if (u->sight->waiting)
        u->sight->waiting(u->sight->context, us, label);
    return true;
}

static void transport_detail(struct upload *u, const struct http_reply *reply)
{
    u->result.detail_of = "Reason";
    snprintf(u->result.detail, sizeof(u->result.detail), "%.*s", (int)sizeof(u->result.detail) - 1,
             reply->why.text);
}

static bool gave_up(struct upload *u, const struct http_reply *reply, const char *label)
{
    if (*u->stop)
        return interrupted(u);
    if (reply->why.text[0]) {
        err_set(&u->result.why, "the sink cannot be reached");
        transport_detail(u, reply);
    } else if (reply->retry_after_s > RETRY_AFTER_CAP_S) {
        err_set(&u->result.why, "the sink is busy (%d, %s) and asks to come back in %lld s", reply->status,
                label, (long long)reply->retry_after_s);
    } else {
        err_set(&u->result.why, "the sink stays busy (%d, %s)", reply->status, label);
    }
    return end_run(u, UPLOAD_UNREACHABLE, advice_for("unreachable"));
}

static bool no_answer(struct upload *u, struct flight *flight)
{
    const struct http_reply *reply = &flight->call.reply;
    switch (flight->call.result) {
    case HTTP_UNREACHABLE:
        return wait_and_retry(u, flight, TRIES_UNREACHABLE, "unreachable") ||
               gave_up(u, reply, "unreachable");
    case HTTP_MISCONFIGURED:
        err_set(&u->result.why, "no connection to the sink can be made");
        transport_detail(u, reply);
        return end_run(u, UPLOAD_STOPPED, advice_for("cannot_connect"));
    default:
        return interrupted(u);
    }
}

// ---- a single post

static struct answer decide(struct upload *u, const struct http_reply *reply, const struct spool_entry *entry)
{
    const struct answer_input input = {
        .status = reply->status,
        .content_type = str_from(reply->content_type),
        .body = buf_str(&reply->body),
        .complete = reply->complete,
        .id = &entry->id,
        .sha256 = entry->sha256,
    };
    return answer_decide(&input, &u->answer_doc);
}

static void learn(struct upload *u, const struct http_reply *reply)
{
    u->learned = true;
    u->batches = reply->link[0] && link_batch(reply->link, u->url, u->batch_url);
}

// A page of something in between, where a sink has answered before, is about this entry. Where none has, it
// is more likely that the URL or the token is wrong.
static bool is_about_entry(const struct upload *u, const struct answer *answer, int status)
{
    return u->proven && !answer->ours && status != 401 && status != 407;
}

static bool single_answered(struct upload *u, struct flight *flight)
{
    const struct http_reply *reply = &flight->call.reply;
    struct flight_entry *row = flight_first(flight);
    const struct spool_entry *entry = &row->entry;
    struct answer answer = decide(u, reply, entry);
    const struct said said = {u->url, reply->status, buf_str(&reply->body), buf_str(&reply->body)};
    bool failing = reply->status >= 500 && reply->status != 503;
    if (answer.verdict == ANSWER_WAIT) {
        flight_set_told(flight, answer.label, reply->status);
        if (wait_and_retry(u, flight, failing ? TRIES_FAILING : TRIES_BUSY, answer.label))
            return true;
        // A server that fails at one entry may take the next; one that is busy will not.
        if (!failing || *u->stop)
            return gave_up(u, reply, answer.label);
    }
    if (answer.verdict == ANSWER_STOP && !is_about_entry(u, &answer, reply->status)) {
        flight->stop_label = answer.label;
        if (!answer.ours && u->attempts)
            (void)!spool_attempts_mark(u->attempts, entry->name, clock_wall_us(u->clock));
        return upload_stopped(u, reply->status, reply->location, &answer);
    }
    if (answer.verdict == ANSWER_DELIVERED && !u->learned)
        learn(u, reply);
    bool next = answer.verdict == ANSWER_WAIT || answer.verdict == ANSWER_STOP
                    ? upload_stalled(u, entry, &said, answer.label)
                    : upload_settle(u, entry, &answer, &said);
    flight_settle(flight, row);
    return next;
}

// ---- a batch

static bool is_verdicts(const struct http_reply *reply)
{
    struct str rest = str_from(reply->content_type);
    return reply->status == 200 && str_eq_nocase(str_trim(str_cut(&rest, ';')), STR(MEDIA_NDJSON));
}

static bool on_verdict(struct upload *u, struct flight *flight, struct str text)
{
    struct buf receipt;
    struct receipt read;
    if (!str_trim(text).len || json_doc_parse(&u->answer_doc, text, NULL))
        return true; // cut short, or not a verdict: its entry stays
    const struct json *line = u->answer_doc.root;
    int64_t number = json_integer(json_get(line, STR("line")));
    if (number < 1 || (uint64_t)number > flight->asked_count)
        return true;
    struct flight_entry *row = &flight->entries[flight->asked[number - 1]];
    int status = (int)json_integer(json_get(line, STR("status")));
    struct answer answer = answer_decide_line(line, &row->entry.id, row->entry.sha256);
    if (row->settled)
        return true;
    if (answer.verdict == ANSWER_WAIT) {
        flight->told_to_wait = true;
        flight->wait_label = row->told = answer.label;
        row->told_status = status;
        return true;
    }
    if (answer.verdict == ANSWER_STOP) {
        flight->stop_label = answer.label;
        return upload_stopped(u, status, "", &answer);
    }
    buf_init(&receipt, 4096);
    if (answer.verdict == ANSWER_DELIVERED && receipt_read(json_get(line, STR("receipt")), &read))
        receipt_write(&receipt, &read);
    const struct said said = {u->batch_url, status, buf_str(&receipt), text};
    bool next = upload_settle(u, &row->entry, &answer, &said);
    flight_settle(flight, row);
    buf_release(&receipt);
    progress(u);
    return next;
}

// What one piece of the answer acknowledges is written down and deleted together.
bool upload_on_body(struct http_call *call, struct str bytes)
{
    struct flight *flight = CONTAINER_OF(call, struct flight, call);
    struct upload *u = flight->upload;
    struct str line;
    bool failed = false, next = !u->ended;
    flight_set_gone(flight);
    if (!is_verdicts(&call->reply))
        return buf_put_str(&call->reply.body, bytes);
    u->gathering = true;
    while (next && line_next(&flight->splitter, &bytes, &line, &failed) == LINE_WHOLE)
        next = on_verdict(u, flight, line);
    u->gathering = false;
    return upload_delete(u) && next && !failed;
}

static void adapt(struct upload *u, const struct flight *flight)
{
    int64_t took = clock_mono_us(u->clock) - flight->began_us;
    if (took < BATCH_FAST_US && flight->asked_count == u->batch_events)
        u->batch_events = MIN(u->batch_events * 2, (size_t)LIMIT_BATCH_EVENTS);
    else if (took > BATCH_SLOW_US)
        u->batch_events = MAX(u->batch_events / 2, (size_t)BATCH_EVENTS_MIN);
}

static void smaller(struct flight *flight, size_t divisor)
{
    flight->single = flight->asked_count == 1;
    flight->span = MAX(flight->asked_count / divisor, (size_t)1);
}

// The batch as a whole was refused.
static bool batch_refused(struct upload *u, struct flight *flight)
{
    const struct http_reply *reply = &flight->call.reply;
    const struct spool_entry *entry = &flight_first(flight)->entry;
    struct answer answer = decide(u, reply, entry);
    bool encoding = answer.ours && (strcmp(answer.label, "content_encoding_malformed") == 0 ||
                                    strcmp(answer.label, "content_encoding_unsupported") == 0);
    u->proven = u->proven || answer.ours;
    if (answer.verdict != ANSWER_DELIVERED)
        flight_set_told(flight, answer.label, reply->status);
    if (answer.verdict == ANSWER_WAIT && (reply->status < 500 || reply->status == 503 || answer.ours))
        return wait_and_retry(u, flight, TRIES_BUSY, answer.label) || gave_up(u, reply, answer.label);
    if (reply->status == 404 || reply->status == 405 || reply->status == 501 || reply->status == 411)
        u->batches = false;
    else if ((reply->status == 415 || encoding) && u->compressed)
        u->compressed = false;
    else if (reply->status == 415)
        u->batches = false;
    else if (reply->status == 413) {
        u->batch_events = MAX(MIN(u->batch_events, flight->asked_count) / 2, (size_t)BATCH_EVENTS_MIN);
        u->batch_bytes = MAX(u->batch_bytes / 2, (size_t)64 * 1024);
        if (flight->asked_count == 1 && u->compressed && !flight->plain)
            flight->plain = true;
        else
            smaller(flight, 2);
    } else if (answer.verdict == ANSWER_STOP && !is_about_entry(u, &answer, reply->status)) {
        flight->stop_label = answer.label;
        return upload_stopped(u, reply->status, reply->location, &answer);
    } else
        smaller(flight, SPAN_DIVISOR);
    return true;
}

// What to do about entries that no verdict came for.
static bool batch_unfinished(struct upload *u, struct flight *flight)
{
    const struct http_reply *reply = &flight->call.reply;
    if (flight->told_to_wait)
        return wait_and_retry(u, flight, TRIES_BUSY, flight->wait_label) ||
               gave_up(u, reply, flight->wait_label);
    if (wait_and_retry(u, flight, TRIES_UNREACHABLE, "incomplete_answer"))
        return true;
    if (*u->stop)
        return interrupted(u);
    flight->single = true;
    return true;
}

static bool batch_answered(struct upload *u, struct flight *flight)
{
    const struct http_reply *reply = &flight->call.reply;
    struct str line;
    bool moved = flight->left < flight->left_before;
    if (!is_verdicts(reply))
        return batch_refused(u, flight);
    u->compressed = u->compressed && !flight->plain; // that was what it minded
    if (reply->complete && line_last(&flight->splitter, &line) == LINE_WHOLE && !on_verdict(u, flight, line))
        return false;
    size_t settled = flight->left_before - flight->left;
    if (settled == flight->asked_count) {
        adapt(u, flight);
        flight->span = MIN(flight->span * 4, flight->count);
        return true;
    }
    if (moved)
        flight->tries = 0;
    return batch_unfinished(u, flight);
}

void upload_overheard(struct upload *u, struct flight *flight)
{
    const struct http_reply *reply = &flight->call.reply;
    if (flight->call.result != HTTP_ANSWERED || (flight->batch && is_verdicts(reply)) || !flight->left)
        return;
    struct answer answer = decide(u, reply, &flight_first(flight)->entry);
    if (answer.verdict != ANSWER_DELIVERED)
        flight_set_told(flight, answer.label, reply->status);
}

bool upload_answered(struct upload *u, struct flight *flight)
{
    struct http_call *call = &flight->call;
    bool next = true;
    u->flying--;
    flight->landed = false;
    event_request_release(&flight->request);
    flight_set_state(flight, FLIGHT_READY);
    if (flight->left < flight->left_before)
        flight->tries = 0, flight->waited_us = 0;
    if (call->result == HTTP_ANSWERED || call->reply.went)
        flight_set_gone(flight);
    if (u->ended)
        return false;
    if (call->result == HTTP_ANSWERED) {
        u->result.requests++;
        pace_learn(&u->pace, &call->reply, u->flying, clock_mono_us(u->clock));
        next = flight->batch ? batch_answered(u, flight) : single_answered(u, flight);
    } else if (!flight->left) {
        next = call->result != HTTP_INTERRUPTED || interrupted(u);
    } else {
        next = no_answer(u, flight);
    }
    if (next && flight->left < flight->left_before && !flight->batch)
        flight->tries = 0, flight->waited_us = 0;
    if (next && !flight->left)
        flight_clear(flight);
    return next;
}
