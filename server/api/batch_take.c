// SPDX-License-Identifier: Apache-2.0
// From the body's bytes to events with the writer.
#include "server/api/batch_job.h"

#include "lib/wire/event_text.h"

// ---- one line

void batch_end_taking(struct batch_job *job)
{
    job->finished = true;
    decoder_free(job->decoder);
    job->decoder = NULL;
    job->api->batch_decoders -= job->decoder_bytes;
    job->decoder_bytes = 0;
}

static bool may_refuse_whole(const struct batch_job *job)
{
    return !job->submitted && !job->answered;
}

// The line that was begun says it.
static void stop_taking(struct batch_job *job, enum problem problem)
{
    batch_end_taking(job);
    if (may_refuse_whole(job)) {
        job->refusal = problem;
        return;
    }
    struct batch_entry *entry = batch_entry_new(job, 0);
    if (entry)
        batch_entry_refused(entry, problem, NULL);
}

void batch_stop(struct batch_job *job, enum problem problem)
{
    job->number++; // not that of a line which has its own verdict
    stop_taking(job, problem);
}

struct described {
    struct batch_line line;
    struct event event;
    struct candidate candidate;
    bool has_id; // the client's, or derived from the batch's: told of a refused line too
    bool foreign;
};

static enum problem line_id(struct batch_job *job, struct described *d)
{
    int32_t project = job->auth.token.project_id;
    if (d->line.id.ptr) {
        enum problem problem = identity_from_webhook(d->line.id, project, &d->event.id, &d->foreign);
        d->has_id = !problem;
        return problem;
    }
    d->has_id = job->batch_id.ptr;
    if (d->has_id)
        identity_of_line(job->batch_id, project, job->number, &d->event.id);
    else
        d->event.id = uuid_v7(clock_wall_us(job->api->clock));
    return PROBLEM_NONE;
}

static enum problem read_envelope(struct batch_job *job, struct str text, struct described *d)
{
    const struct request_identity *all = &job->identity;
    int64_t now = clock_wall_us(job->api->clock);
    d->line = (struct batch_line){.event = text};
    enum problem problem = job->enveloped ? batch_line_parse(text, &d->line) : PROBLEM_NONE;
    if (!problem && job->enveloped)
        problem = line_id(job, d);
    d->event.has_occurred_at = all->has_time;
    d->event.occurred_at = all->time;
    if (!problem && d->line.at.ptr)
        problem = identity_time(d->line.at, now, &d->event.occurred_at, &d->event.has_occurred_at);
    d->candidate.pin_id = all->pin_id;
    d->candidate.pin_version = all->pin_version;
    if (!problem && d->line.contract.ptr)
        problem = identity_contract_pin(d->line.contract, &d->candidate.pin_id, &d->candidate.pin_version);
    return problem;
}

static enum problem judge(struct batch_job *job, struct str text, struct described *d)
{
    struct buf *text_room = &job->api->line;
    d->candidate.api = job->api;
    d->candidate.snapshot = job->auth.snapshot;
    d->candidate.token = &job->auth.token;
    d->candidate.event = &d->event;
    d->candidate.now_us = auth_database_us(&job->auth);
    d->candidate.may_quarantine = true;
    enum problem problem = read_envelope(job, text, d);
    if (!problem && d->line.event.len > LIMIT_EVENT_BYTES)
        problem = PROBLEM_body_too_large;
    buf_recycle(text_room, BATCH_CHUNK);
    if (!problem && !buf_put_str(text_room, d->line.event))
        problem = PROBLEM_overloaded;
    d->candidate.text = text_room->ptr;
    d->candidate.len = text_room->len;
    return problem ? problem : candidate_judge(&d->candidate);
}

static struct str move(char **room, struct str text)
{
    if (!text.ptr)
        return text;
    if (text.len)
        memcpy(*room, text.ptr, text.len);
    text.ptr = *room;
    *room += text.len;
    return text;
}

// Out of all scratch into memory of its own.
static struct batch_entry *keep(struct batch_job *job, const struct described *d, bool with_event)
{
    const struct event *e = &d->event;
    struct str id = d->foreign ? str_trim(d->line.id) : STR_NULL;
    size_t room = id.len;
    if (with_event)
        room += e->text.len + e->session_id.len + e->trace_id.len + e->repository_id.len;
    struct batch_entry *entry = batch_entry_new(job, room);
    if (!entry)
        return NULL;
    char *to = entry->room;
    if (with_event)
        entry->event = *e;
    else // its texts lie in scratch that the next line takes
        entry->event = (struct event){.id = e->id, .project_id = e->project_id};
    entry->contract = d->candidate.contract;
    entry->has_id = d->has_id;
    entry->foreign_id = move(&to, id);
    if (with_event) {
        entry->event.text = move(&to, e->text);
        entry->event.session_id = move(&to, e->session_id);
        entry->event.trace_id = move(&to, e->trace_id);
        entry->event.repository_id = move(&to, e->repository_id);
        entry->event.client = job->identity.client;
        entry->event.of_batch = true;
        job->bytes += e->text.len;
    }
    return entry;
}

static void on_done(struct event *event)
{
    struct batch_entry *entry = CONTAINER_OF(event, struct batch_entry, event);
    admit_end(entry->job->api, event);
    batch_entry_done(entry);
}

// False: the writer has no room, and our own lines will make some. Where all of it is others', we do not
// wait: nothing would wake us, and whoever waits in line behind single events beyond the queue's bound would
// make the bound none. While nothing is stored the client hears of it by one 503 with Retry-After, as docs/
// PROTOCOL.md says, and later on by the line's own.
static bool submit(struct batch_job *job, struct batch_entry *entry)
{
    entry->event.done = on_done;
    pthread_mutex_lock(&job->lock);
    size_t others = job->under_way++;
    pthread_mutex_unlock(&job->lock);
    admit_begin(&job->auth, &entry->event);
    enum problem problem = writer_submit(job->api->writer, &entry->event);
    if (!problem) {
        job->submitted++;
        return true;
    }
    admit_end(job->api, &entry->event);
    pthread_mutex_lock(&job->lock);
    job->under_way--;
    pthread_mutex_unlock(&job->lock);
    if (problem == PROBLEM_overloaded && others)
        return false;
    if (may_refuse_whole(job)) {
        job->refusal = problem;
        batch_end_taking(job);
    }
    batch_entry_refused(entry, problem, NULL);
    return true;
}

static bool is_blank(struct str line)
{
    return str_trim(line).len == 0;
}

// Charges the line. What is a little over the rate is taken, and the next lines wait.
static enum problem admit(struct batch_job *job)
{
    int64_t wait_us;
    enum problem problem = admit_event(&job->auth, true, &wait_us);
    if (problem && may_refuse_whole(job)) {
        job->retry_us = wait_us;
        stop_taking(job, problem);
    } else if (!problem && wait_us > BATCH_PACE_US) {
        job->due_at = clock_mono_us(job->api->clock) + wait_us;
    }
    return problem;
}

// Once a turn: a body may come for minutes, and what happens to its token meanwhile holds.
static enum problem renew(struct batch_job *job)
{
    if (job->renewed)
        return PROBLEM_NONE;
    enum problem problem = auth_renew(&job->auth);
    if (!problem)
        problem = sign_renew(&job->sign, &job->auth);
    job->renewed = !problem;
    return problem;
}

static void take_line(struct batch_job *job, enum line_found found, struct str text)
{
    struct described d = {0};
    job->number++;
    if (found == LINE_WHOLE && is_blank(text))
        return;
    enum problem problem = renew(job);
    if (!problem && ++job->count > LIMIT_BATCH_EVENTS)
        problem = PROBLEM_body_too_large;
    if (!problem && job->api->batch_verdicts > BATCH_VERDICT_BYTES - BATCH_VERDICT_LINE)
        problem = PROBLEM_overloaded;
    if (problem) {
        stop_taking(job, problem);
        return;
    }
    // Of a line without an envelope it is known, whatever becomes of the line.
    problem = job->enveloped ? PROBLEM_NONE : line_id(job, &d);
    if (!problem)
        problem = admit(job);
    if (!problem)
        problem = found == LINE_TOO_LONG ? PROBLEM_body_too_large : judge(job, text, &d);
    if (job->refusal)
        return;
    struct batch_entry *entry = keep(job, &d, !problem);
    if (!entry)
        stop_taking(job, PROBLEM_overloaded);
    else if (problem)
        batch_entry_refused(entry, problem, &d.candidate);
    else if (!submit(job, entry))
        job->held = entry;
}

// ---- the stream

// Fills the chunk; false when there is nothing to fill it with.
static bool decode(struct batch_job *job)
{
    struct str input = str_skip(buf_str(&job->input), job->input_at);
    size_t len = 0;
    enum problem problem = decoder_read(job->decoder, &input, job->chunk, BATCH_CHUNK, &len);
    if (!problem && !batch_decoder_fits(job))
        problem = PROBLEM_overloaded;
    job->input_at = job->input.len - input.len;
    if (!input.len) {
        job->input_at = 0;
        buf_recycle(&job->input, BATCH_CHUNK);
    }
    if (!problem && !len && !input.len && job->ended) {
        problem = decoder_finish(job->decoder);
        struct str last;
        enum line_found found = problem ? LINE_NONE : line_last(&job->splitter, &last);
        if (found != LINE_NONE)
            take_line(job, found, last);
        if (!problem)
            batch_end_taking(job);
    }
    if (problem)
        batch_stop(job, problem);
    job->lines = str_slice(job->chunk, len);
    return !problem && len > 0;
}

static bool window_is_open(const struct batch_job *job)
{
    return !job->held && job->entries < BATCH_WINDOW_LINES && job->bytes < BATCH_WINDOW_BYTES;
}

// The line that the writer had no room for. If its token may not go on, it is the last to hear of it.
static void submit_held(struct batch_job *job)
{
    enum problem problem = renew(job);
    if (problem) {
        batch_end_taking(job);
        batch_entry_refused(job->held, problem, NULL);
    }
    if (problem || submit(job, job->held))
        job->held = NULL;
}

enum batch_take batch_take(struct batch_job *job)
{
    unsigned lines = 0;
    job->renewed = false;
    if (job->held)
        submit_held(job);
    while (!job->finished) {
        struct str line;
        bool failed;
        if (!window_is_open(job))
            return TAKE_FULL;
        if (job->due_at && job->due_at > clock_mono_us(job->api->clock))
            return TAKE_PACED;
        job->due_at = 0;
        if (++lines > BATCH_TURN_LINES)
            return TAKE_TIRED;
        enum line_found found = line_next(&job->splitter, &job->lines, &line, &failed);
        if (failed)
            batch_stop(job, PROBLEM_overloaded);
        else if (found != LINE_NONE)
            take_line(job, found, line);
        else if (!decode(job))
            break;
    }
    return TAKE_ALL;
}
