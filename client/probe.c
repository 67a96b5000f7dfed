// SPDX-License-Identifier: Apache-2.0
// Asking the sink.
#include "client/probe.h"
#include "client/advice.h"
#include "client/common.h"
#include "client/request.h"
#include "client/sink.h"
#include "lib/spool/answer.h"
#include "lib/spool/sent.h"

#include <inttypes.h>

#define PROBE "{\"TelemetryProbe\":{\"schema_version\":1,\"client\":\"" USER_AGENT "\"}}"
// Signatures older or younger than 300 s are refused; said well before.
#define SKEW_FAULT_US   (300 * USEC_PER_SEC)
#define SKEW_WARNING_US (60 * USEC_PER_SEC)

static void say_version(struct findings *findings, const struct sink_version *version)
{
    char text[200];
    if (!version->is_sink) {
        findings_say(findings, FINDING_WARNING, "sink", "what answers at /version is no vox-sink", STR_NULL);
        return;
    }
    snprintf(text, sizeof(text), "vox-sink %s, contract set %.12s", version->version, version->contract_set);
    findings_say(findings, FINDING_FINE, "sink", text, STR_NULL);
}

static void say_skew(struct findings *findings, const struct sink_version *version)
{
    char text[120];
    int64_t seconds = version->skew_us / USEC_PER_SEC, size = seconds < 0 ? -seconds : seconds;
    if (!version->has_skew)
        return;
    snprintf(text, sizeof(text), "this clock is %" PRId64 " s %s the sink's", size,
             seconds < 0 ? "ahead of" : "behind");
    // The header tells whole seconds.
    if (size <= 1)
        snprintf(text, sizeof(text), "agrees with the sink's");
    findings_say(findings,
                 size * USEC_PER_SEC >= SKEW_FAULT_US     ? FINDING_FAULT
                 : size * USEC_PER_SEC >= SKEW_WARNING_US ? FINDING_WARNING
                                                          : FINDING_FINE,
                 "clock", text, STR_NULL);
}

static void log_probe(struct findings *findings, struct spool *spool, const struct endpoint *endpoint,
                      const struct spool_entry *entry, const struct http_reply *reply)
{
    struct sent_log *log;
    struct err err;
    char shown[URL_MAX_BYTES];
    const struct sent_record record = {
        .at_us = clock_wall_us(clock_system()),
        .url = str_from(url_shown(endpoint->url, shown)),
        .status = reply->status,
        .outcome = reply->status == 202 ? SENT_QUARANTINED : SENT_STORED,
        .receipt = buf_str(&reply->body),
        .entry = entry,
    };
    if (!spool || !spool_exists(spool))
        return;
    bool ok = sent_log_open(spool, &log, &err);
    ok = ok && sent_log_append(log, &record, &err);
    if (!ok || !sent_log_close(log, &err))
        findings_say(findings, FINDING_WARNING, "history", "", str_from(err.text));
}

static void say_answer(struct findings *findings, const struct answer *answer, int status)
{
    char text[160];
    switch (answer->verdict) {
    case ANSWER_DELIVERED:
        findings_say(findings, FINDING_FINE, "probe", "an event from here was taken and acknowledged",
                     STR_NULL);
        return;
    case ANSWER_KEPT:
        snprintf(text, sizeof(text), "the token is good; the probe itself was not taken (%d, %s)", status,
                 answer->label);
        findings_say(findings, FINDING_WARNING, "probe", text, STR_NULL);
        return;
    default:
        snprintf(text, sizeof(text), "the sink answered %d (%s)", status, answer->label);
        findings_say(findings, answer->verdict == ANSWER_WAIT ? FINDING_WARNING : FINDING_FAULT, "probe",
                     text, STR_NULL);
        if (advice_for(answer->label))
            findings_advise(findings, advice_for(answer->label));
    }
}

static void post_probe(struct findings *findings, const struct transport *transport,
                       const struct event_sender *sender, const struct endpoint *endpoint,
                       struct spool *spool)
{
    struct event_request request;
    struct http_reply reply;
    struct json_doc doc;
    struct err err;
    int64_t now = clock_wall_us(clock_system());
    struct spool_entry entry = {
        .name = "(probe)", .id = uuid_v7(now), .has_time = true, .time_us = now, .text = STR(PROBE)};
    sha256(entry.text, entry.sha256);
    if (!event_request_make(&request, sender, &entry, &err)) {
        findings_say(findings, FINDING_FAULT, "probe", "", str_from(err.text));
        return;
    }
    event_request_sign(&request, now);
    http_reply_init(&reply);
    json_doc_init(&doc, NULL, 2 * 1024 * 1024);
    if (transport->post(transport->context, &request.http, &reply) != HTTP_ANSWERED) {
        findings_say(findings, FINDING_FAULT, "probe", "no answer: ", str_from(reply.why.text));
    } else {
        const struct answer_input input = {
            .status = reply.status,
            .content_type = str_from(reply.content_type),
            .body = buf_str(&reply.body),
            .complete = reply.complete,
            .id = &entry.id,
            .sha256 = entry.sha256,
        };
        struct answer answer = answer_decide(&input, &doc);
        say_answer(findings, &answer, reply.status);
        if (answer.verdict == ANSWER_DELIVERED)
            log_probe(findings, spool, endpoint, &entry, &reply);
    }
    json_doc_release(&doc);
    http_reply_release(&reply);
    event_request_release(&request);
}

void probe_sink(struct findings *findings, const struct endpoint *endpoint, const struct token *token,
                const struct signing_key *key, struct spool *spool)
{
    static const volatile sig_atomic_t never;
    struct transport_curl *curl;
    struct transport transport;
    struct sink_version version;
    struct err err;
    const struct event_sender sender = {endpoint->url, endpoint->loopback, buf_str(&token->text), USER_AGENT,
                                        key};
    if (!transport_curl_new(&never, &curl, &transport, &err)) {
        findings_say(findings, FINDING_FAULT, "network", "", str_from(err.text));
        return;
    }
    bool tls = str_starts(str_from(endpoint->url), STR("https:"));
    if (sink_version_get(&transport, endpoint->url, endpoint->loopback, USER_AGENT, &version)) {
        findings_say(findings, FINDING_FINE, "network",
                     tls ? "the sink answers, its certificate is good" : "the sink answers, unencrypted",
                     STR_NULL);
        say_version(findings, &version);
        say_skew(findings, &version);
    }
    post_probe(findings, &transport, &sender, endpoint, spool);
    transport_curl_free(curl);
}
