// SPDX-License-Identifier: Apache-2.0
// From settled lines to the answer's lines, in order.
#include "server/api/batch_job.h"

#include "lib/base/log.h"
#include "server/store/query.h"

#define PROBLEM_ROOM 16384

struct batch_entry *batch_entry_new(struct batch_job *job, size_t room)
{
    struct batch_entry *entry = malloc(sizeof(*entry) + room);
    if (!entry)
        return NULL;
    memset(entry, 0, sizeof(*entry));
    entry->job = job;
    entry->number = job->number;
    atomic_init(&entry->settled, false);
    if (job->tail)
        job->tail->next = entry;
    else
        job->head = entry;
    job->tail = entry;
    job->entries++;
    return entry;
}

void batch_entry_refused(struct batch_entry *entry, enum problem problem, const struct candidate *candidate)
{
    struct batch_job *job = entry->job;
    const struct problem_error *errors = NULL;
    size_t count = candidate ? candidate_errors(candidate, problem, &errors) : 0;
    entry->event.outcome = EVENT_REFUSED;
    entry->event.problem = problem;
    // The places are words of the judge's, gone with the next line.
    if (count && job->error_bytes < BATCH_ERROR_BYTES) {
        struct buf text;
        buf_init(&text, PROBLEM_ROOM);
        problem_write(&text, problem, STR_NULL, STR_NULL, errors, count);
        size_t len;
        char *detached = buf_detach(&text, &len);
        if (detached)
            entry->problem = str_slice(detached, len);
        buf_release(&text);
        job->error_bytes += entry->problem.len;
    }
    atomic_store_explicit(&entry->settled, true, memory_order_release);
}

void batch_entry_count(const struct batch_entry *entry)
{
    struct api *api = entry->job->api;
    const struct event *e = &entry->event;
    const struct contract *contract = entry->contract;
    switch (e->outcome) {
    case EVENT_STORED:
        count_stored(api, contract, e);
        break;
    case EVENT_DUPLICATE:
        count_event(api, contract, "duplicate");
        break;
    case EVENT_REFUSED:
        count_event(api, contract, problem_info(e->problem)->code);
        break;
    case EVENT_PENDING:
    default:
        BUG("a line of a batch came back without an outcome");
    }
}

// ---- a duplicate whose first contract is not served here

// On a reader thread.
static void look_up(struct reader_job *lookup, struct db *db, const struct err *reason)
{
    struct batch_job *job = CONTAINER_OF(lookup, struct batch_job, lookup);
    struct batch_entry *entry = job->looked_up;
    struct receipt receipt;
    struct err err = *reason;
    enum problem problem = lookup->problem;
    if (db) {
        enum query_result result = store_receipt(db, entry->event.project_id, &entry->event.id,
                                                 lookup->deadline, &job->lookup_arena, &receipt, &err);
        problem = result == QUERY_OK ? PROBLEM_NONE : PROBLEM_database_unavailable;
        if (result == QUERY_FAILED)
            log_warn("the receipt of a duplicate could not be read", LOG_CSTR("reason", err.text));
    }
    if (problem) {
        entry->event.outcome = EVENT_REFUSED;
        entry->event.problem = problem;
    } else {
        entry->first = receipt.contract;
    }
    batch_entry_done(entry);
}

static void begin_look_up(struct batch_job *job, struct batch_entry *entry)
{
    job->looked_up = entry;
    job->lookup.run = look_up;
    job->lookup.deadline = clock_mono_us(clock_system()) + job->api->query_us;
    arena_reset(&job->lookup_arena);
    atomic_store_explicit(&entry->settled, false, memory_order_relaxed);
    pthread_mutex_lock(&job->lock);
    job->under_way++;
    pthread_mutex_unlock(&job->lock);
    enum problem problem = reader_submit(job->api->reader, &job->lookup);
    if (!problem)
        return;
    entry->event.outcome = EVENT_REFUSED;
    entry->event.problem = problem;
    batch_entry_done(entry);
}

// ---- verdicts

static struct verdict verdict_of(const struct batch_entry *entry)
{
    const struct event *e = &entry->event;
    bool refused = e->outcome == EVENT_REFUSED;
    return (struct verdict){
        .line = (uint32_t)entry->number, // a body has no more bytes
        .has_id = entry->has_id || !refused,
        .id = e->id,
        .foreign_id = entry->foreign_id,
        .problem = refused ? e->problem : PROBLEM_NONE,
        .problem_text = entry->problem,
        .contract = entry->contract,
        .received_at = e->received_at,
        .sha256 = refused ? NULL : e->sha256,
        .duplicate = e->outcome == EVENT_DUPLICATE,
        .quarantined = e->quarantined,
    };
}

// Of a verdict that cannot be kept the answer ends; what is behind it is not told either.
static void put_verdict(struct batch_job *job, const struct verdict *verdict)
{
    size_t size = verdict_size(verdict);
    job->broken = job->broken || !verdicts_put(&job->verdicts, verdict);
    if (job->broken)
        return;
    job->verdict_bytes += size;
    job->api->batch_verdicts += size;
}

static void let_go(struct batch_job *job, size_t size)
{
    job->verdict_bytes -= size;
    job->api->batch_verdicts -= size;
}

bool batch_answer_next(struct batch_job *job)
{
    size_t len = job->answer.len;
    size_t size = verdicts_write(&job->verdicts, &job->answer);
    let_go(job, size);
    if (buf_ok(&job->answer))
        return size > 0;
    job->answer.len = len; // no half of a line
    job->broken = true;
    verdicts_release(&job->verdicts);
    let_go(job, job->verdict_bytes);
    return false;
}

static void forget_head(struct batch_job *job)
{
    struct batch_entry *entry = job->head;
    job->head = entry->next;
    if (!job->head)
        job->tail = NULL;
    job->entries--;
    job->bytes -= entry->event.text.len;
    free((void *)(uintptr_t)entry->problem.ptr);
    free(entry);
}

void batch_give(struct batch_job *job)
{
    for (struct batch_entry *entry; (entry = job->head) != NULL;) {
        if (!atomic_load_explicit(&entry->settled, memory_order_acquire))
            return;
        struct verdict verdict = verdict_of(entry);
        if (entry->event.outcome == EVENT_DUPLICATE) {
            const struct contract *first =
                snapshot_contract(job->auth.snapshot, entry->event.stored_contract_id);
            if (!first && !entry->first.ptr && !entry->event.quarantined) {
                begin_look_up(job, entry);
                continue;
            }
            verdict.contract = first;
            verdict.contract_text = entry->event.quarantined ? STR_NULL : entry->first;
        }
        put_verdict(job, &verdict);
        batch_entry_count(entry);
        forget_head(job);
    }
}

// ---- between threads

static void free_job(struct batch_job *job)
{
    while (job->head) {
        batch_entry_count(job->head);
        forget_head(job);
    }
    auth_release(&job->auth);
    buf_release(&job->input);
    line_splitter_release(&job->splitter);
    buf_release(&job->answer);
    verdicts_release(&job->verdicts);
    arena_release(&job->lookup_arena);
    arena_release(&job->arena);
    pthread_mutex_destroy(&job->lock);
    free(job->chunk);
    free(job);
}

void batch_entry_done(struct batch_entry *entry)
{
    struct batch_job *job = entry->job;
    pthread_mutex_lock(&job->lock);
    atomic_store_explicit(&entry->settled, true, memory_order_release);
    bool last = --job->under_way == 0 && !job->request;
    struct http_request *wake = job->waiting ? job->request : NULL;
    job->waiting = false;
    pthread_mutex_unlock(&job->lock);
    if (wake)
        http_wake(wake);
    if (last)
        free_job(job);
}

void batch_job_release(void *context)
{
    struct batch_job *job = context;
    if (job->place)
        *job->place = NULL;
    batch_end_taking(job);
    job->api->batch_kept -= job->kept_bytes;
    let_go(job, job->verdict_bytes);
    sign_release(&job->sign);
    if (job->count)
        metrics_observe(job->api->metrics, METRIC_BATCH_LINES, job->count);
    // What was held was not submitted, and will not be.
    if (job->held)
        batch_entry_refused(job->held, PROBLEM_shutting_down, NULL);
    pthread_mutex_lock(&job->lock);
    job->request = NULL;
    bool last = job->under_way == 0;
    pthread_mutex_unlock(&job->lock);
    if (last)
        free_job(job);
}

bool batch_wait(struct batch_job *job)
{
    pthread_mutex_lock(&job->lock);
    const struct batch_entry *head = job->head;
    job->waiting = head && !atomic_load_explicit(&head->settled, memory_order_relaxed);
    bool waits = job->waiting;
    pthread_mutex_unlock(&job->lock);
    return waits;
}
