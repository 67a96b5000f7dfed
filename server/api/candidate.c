// SPDX-License-Identifier: Apache-2.0
// The stages between an event's text and the writer.
#include "server/api/candidate.h"

#include "lib/wire/limits.h"
#include "server/api/expiry.h"
#include "server/api/ingest.h"

void count_event(struct api *api, const struct contract *contract, const char *outcome)
{
    if (contract && contract->is_probe)
        return;
    metrics_add(api->metrics, METRIC_EVENTS, contract ? contract->name.ptr : "unknown", outcome, 1);
}

void count_stored(struct api *api, const struct contract *contract, const struct event *event)
{
    if (!event->quarantined && !contract->is_probe)
        metrics_add(api->metrics, METRIC_EVENT_BYTES, contract->name.ptr, NULL, event->text.len);
    count_event(api, contract, event->quarantined ? "quarantined" : "stored");
}

size_t candidate_errors(const struct candidate *c, enum problem problem,
                        const struct problem_error **ret_errors)
{
    *ret_errors = c->judgement.errors;
    bool placed = problem == PROBLEM_schema_invalid || problem == PROBLEM_content_refused;
    return placed ? c->judgement.error_count : 0;
}

// Leaves the parsed event in the api's document.
static enum problem parse(struct candidate *c)
{
    enum problem problem = event_text_parse(&c->api->doc, c->text, &c->len);
    if (!problem)
        c->event->text = str_slice(c->text, c->len);
    return problem;
}

static enum problem judge(struct candidate *c)
{
    enum problem problem = contract_judge(c->snapshot->contracts, c->api->judge, c->api->doc.root, c->pin_id,
                                          c->pin_version, &c->judgement);
    c->contract = c->judgement.contract;
    if (c->contract && !token_allows(c->token, c->contract->id, c->contract->name))
        return PROBLEM_contract_not_allowed;
    // What the project must not hold is refused as such, whether or not it is well-formed.
    if (c->contract && (int)c->contract->class_ > c->token->max_class)
        problem = PROBLEM_class_not_allowed;
    return problem;
}

// A subject pointer's text, cut to what is stored.
static struct str subject(const struct candidate *c, struct str pointer)
{
    struct str text = contract_text_at(c->api->doc.root, pointer);
    if (text.ptr)
        text.len = utf8_cut(text, LIMIT_SUBJECT_TEXT);
    return text;
}

static enum problem describe(struct candidate *c)
{
    struct event *e = c->event;
    const struct contract *contract = c->contract;
    const int32_t *ids = c->snapshot->contract_ids;
    if (!ids)
        return PROBLEM_not_ready;
    e->project_id = c->token->project_id;
    e->token_id = c->token->id;
    e->contract_id = ids[contract->index];
    e->class_ = (int16_t)contract->class_;
    e->session_id = subject(c, contract->session_id);
    e->trace_id = subject(c, contract->trace_id);
    e->repository_id = subject(c, contract->repository_id);
    sha256(e->text, e->sha256);
    return expiry_of(contract, c->api->doc.root, c->now_us, e);
}

struct str candidate_contract_name(const struct contract *contract)
{
    return contract ? contract->name : STR("unknown");
}

// May what was refused with `problem` be kept for its operator to look at? Never what the guard would refuse.
static bool is_for_quarantine(const struct candidate *c, enum problem problem)
{
    return c->may_quarantine && c->token->quarantine && c->snapshot->contract_ids &&
           (problem == PROBLEM_schema_invalid ||
            (problem == PROBLEM_unknown_contract && token_allows(c->token, STR_NULL, STR_NULL))) &&
           contract_guard_alone(c->snapshot->contracts, c->contract, c->api->doc.root) == PROBLEM_NONE;
}

static void describe_quarantined(struct candidate *c, enum problem problem)
{
    struct event *e = c->event;
    const struct contract *contract = c->contract;
    struct event_quarantine *q = &e->quarantine;
    *q = (struct event_quarantine){.code = problem};
    if (contract)
        snprintf(q->contract, sizeof(q->contract), "%.*s", STR_FMT(contract->name));
    else if (c->pin_id.ptr)
        snprintf(q->contract, sizeof(q->contract), "%.*s.v%u", STR_FMT(c->pin_id), c->pin_version);
    if (c->judgement.error_count) {
        struct str pointer = c->judgement.errors[0].pointer;
        pointer.len = utf8_cut(pointer, sizeof(q->pointer) - 1);
        snprintf(q->pointer, sizeof(q->pointer), "%.*s", STR_FMT(pointer));
    }
    e->project_id = c->token->project_id;
    e->token_id = c->token->id;
    e->contract_id = contract ? c->snapshot->contract_ids[contract->index] : 0;
    e->expiry_kind = EXPIRY_DAYS;
    e->expiry_days = LIMIT_QUARANTINE_DAYS;
    sha256(e->text, e->sha256);
}

enum problem candidate_judge(struct candidate *c)
{
    c->contract = NULL;
    c->judgement.error_count = 0;
    enum problem problem = parse(c);
    if (problem)
        return problem;
    problem = judge(c);
    if (is_for_quarantine(c, problem)) {
        describe_quarantined(c, problem);
        return PROBLEM_NONE;
    }
    return problem ? problem : describe(c);
}
