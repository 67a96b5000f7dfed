// SPDX-License-Identifier: Apache-2.0
// Making requests and letting them go.
#include "client/link.h"
#include "client/sink.h"
#include "client/upload_parts.h"
#include "lib/wire/names.h"

static struct event_sender sender_of(const struct upload *u)
{
    return (struct event_sender){u->url, u->loopback, u->token, u->user_agent, u->key};
}

static bool make_request(struct upload *u, struct flight *flight)
{
    const struct event_sender sender = sender_of(u);
    struct err *why = &u->result.why;
    flight->batch = u->batches && !flight->single;
    if (!flight->batch) {
        flight_ask_first(flight);
        return event_request_make(&flight->request, &sender, &flight_first(flight)->entry, why);
    }
    bool compressed = u->compressed && !flight->plain;
    if (!flight_make_body(flight, u->batch_bytes, compressed))
        return err_set(why, "out of memory");
    const struct batch_body body = {buf_str(&flight->body), compressed, flight_batch_id(flight)};
    return batch_request_make(&flight->request, &sender, u->batch_url, &body, why);
}

// A transport that makes one request after the other gives the whole answer at once.
static void post_now(struct upload *u, struct flight *flight)
{
    struct http_call *call = &flight->call;
    call->result = u->transport->post(u->transport->context, &call->request, &call->reply);
    if (call->on_body && call->reply.body.len) {
        struct buf body = call->reply.body;
        buf_init(&call->reply.body, ANSWER_BODY_BYTES);
        (void)!call->on_body(call, buf_str(&body));
        buf_release(&body);
    }
    flight->landed = true;
}

static bool let_go(struct upload *u, struct flight *flight)
{
    struct http_call *call = &flight->call;
    call->request = flight->request.http;
    call->patient = flight->batch;
    call->on_body = flight->batch ? upload_on_body : NULL;
    http_reply_clear(&call->reply);
    line_splitter_release(&flight->splitter);
    line_splitter_init(&flight->splitter);
    flight->left_before = flight->left;
    flight->told_to_wait = flight->landed = flight->gone = false;
    flight->wait_us = 0;
    flight->began_us = clock_mono_us(u->clock);
    pace_take(&u->pace, flight->began_us);
    flight_set_state(flight, FLIGHT_FLYING);
    u->flying++;
    if (!u->transport->start)
        post_now(u, flight);
    else if (!u->transport->start(u->transport->context, call)) {
        u->flying--;
        flight_set_state(flight, FLIGHT_READY);
        return err_set(&u->result.why, "out of memory");
    }
    return true;
}

// In place of sending, as if all went well and there were batches.
static void show(struct upload *u, struct flight *flight)
{
    if (u->sight->request)
        u->sight->request(u->sight->context, flight);
    event_request_release(&flight->request);
    for (size_t i = 0; i < flight->asked_count; i++) {
        struct flight_entry *row = &flight->entries[flight->asked[i]];
        u->result.sent++;
        u->result.bytes += row->entry.text.len;
        flight_settle(flight, row);
    }
    if (!u->learned)
        u->batches = link_batch("<" PATH_BATCH ">; rel=\"batch\"", u->url, u->batch_url);
    u->learned = true;
    if (!flight->left)
        flight_clear(flight);
}

bool upload_send(struct upload *u, struct flight *flight)
{
    int64_t now = clock_mono_us(u->clock), delay = flight->paced ? 0 : pace_delay(&u->pace, now);
    flight->paced = delay > 0;
    if (delay) {
        flight->due_us = now + delay;
        flight->wait_us = delay;
        return true;
    }
    if (!make_request(u, flight))
        return local_failure(u);
    event_request_sign(&flight->request, clock_wall_us(u->clock));
    if (u->dry_run)
        show(u, flight);
    if (u->dry_run || let_go(u, flight))
        return true;
    event_request_release(&flight->request);
    return local_failure(u);
}

bool upload_ask_receipt(struct upload *u, const struct spool_entry *entry, bool *ret_known)
{
    char path[sizeof(PATH_RECEIPTS) + UUID_TEXT_LEN], url[URL_MAX_BYTES];
    struct event_request request;
    struct http_reply reply;
    struct event_sender sender = sender_of(u);
    memcpy(path, PATH_RECEIPTS, sizeof(PATH_RECEIPTS));
    uuid_format(&entry->id, path + sizeof(PATH_RECEIPTS) - 1);
    if (!sink_url(u->url, path, url))
        return true;
    if (!receipt_request_make(&request, &sender, url, &u->result.why))
        return local_failure(u);
    http_reply_init(&reply);
    enum http_result result = u->transport->post(u->transport->context, &request.http, &reply);
    const struct answer_input input = {
        .status = reply.status,
        .content_type = str_from(reply.content_type),
        .body = buf_str(&reply.body),
        .complete = reply.complete,
        .id = &entry->id,
        .sha256 = entry->sha256,
    };
    bool next = true;
    struct answer answer = answer_decide(&input, &u->answer_doc);
    if (result == HTTP_ANSWERED && answer.verdict == ANSWER_DELIVERED) {
        const struct said said = {.url = url, .status = reply.status, .receipt = buf_str(&reply.body)};
        answer.duplicate = true;
        *ret_known = true;
        next = upload_settle(u, entry, &answer, &said);
    } else if (result != HTTP_ANSWERED || !answer.ours || strcmp(answer.label, "receipt_unknown") != 0) {
        // Not known whether it is there: to send it might store it twice.
        *ret_known = true;
        next = upload_keep(u, entry->name, "receipt_not_told", NULL);
    }
    event_request_release(&request);
    http_reply_release(&reply);
    return next;
}
