// SPDX-License-Identifier: Apache-2.0
// POST /v1/batch: many events in one request, a verdict for each line, in order, as they commit.
//
// No answer begins before the whole body has come, so verdicts gather meanwhile.
#include "server/api/batch_job.h"

#include "lib/wire/names.h"

#include <inttypes.h>

// ---- before the body

static enum problem read_media(const struct http_request *request, bool *ret_enveloped,
                               enum coding *ret_coding)
{
    unsigned count;
    struct str type = http_request_header(request, "Content-Type", &count);
    if (count == 1 && media_is(type, STR(MEDIA_BATCH)))
        *ret_enveloped = true;
    else if (count == 1 && media_is(type, STR(MEDIA_NDJSON)))
        *ret_enveloped = false;
    else
        return PROBLEM_media_type_unsupported;
    struct str encoding = http_request_header(request, "Content-Encoding", &count);
    return coding_from_header(encoding, count, ret_coding);
}

static bool name_batch(struct batch_job *job, const struct uuid *id)
{
    char text[UUID_TEXT_LEN + 1];
    uuid_format(id, text);
    job->batch_id = arena_dup(&job->arena, str_slice(text, UUID_TEXT_LEN));
    return job->batch_id.ptr;
}

// However a UUID is written it is the same id; any other is the client's own text. A key and a webhook-id
// that differ are two ids.
static enum problem read_batch_id(struct batch_job *job)
{
    struct request_identity *id = &job->identity;
    struct uuid uuid;
    if (!id->has_key && !id->webhook_id.ptr)
        return PROBLEM_NONE;
    enum problem problem = request_identity_resolve(id, 0, 0, &uuid);
    if (problem)
        return problem;
    if (!id->foreign_id.ptr)
        return name_batch(job, &uuid) ? PROBLEM_NONE : PROBLEM_overloaded;
    job->batch_id = id->foreign_id;
    return PROBLEM_NONE;
}

static bool keep_client(struct batch_job *job)
{
    struct str client = job->identity.client;
    if (client.ptr)
        job->identity.client = arena_dup(&job->arena, client); // outlives the request
    return !client.ptr || job->identity.client.ptr;
}

static enum problem begin(struct batch_job *job, struct http_request *request)
{
    enum coding coding = CODING_IDENTITY;
    enum problem problem = read_media(request, &job->enveloped, &coding);
    if (!problem)
        problem = request_identity_read(request, clock_wall_us(job->api->clock), &job->identity);
    if (!problem)
        problem = read_batch_id(job);
    if (problem)
        return problem;
    job->decoder = decoder_new(coding, LIMIT_BATCH_BYTES);
    job->chunk = malloc(BATCH_CHUNK);
    return job->decoder && job->chunk && keep_client(job) ? PROBLEM_NONE : PROBLEM_overloaded;
}

static bool same_holder(const struct batch_job *a, const struct batch_job *b)
{
    return a->stranger == b->stranger && (a->stranger || a->auth.token.id == b->auth.token.id);
}

// False: all places are taken, or those that its holder may have.
static bool take_place(struct batch_job *job)
{
    struct batch_job **places = job->api->batches, **free_one = NULL;
    unsigned held = 0, left = 0;
    for (size_t i = 0; i < BATCHES_MAX; i++) {
        if (places[i]) {
            held += same_holder(job, places[i]);
        } else {
            free_one = &places[i];
            left++;
        }
    }
    if (left <= (held ? BATCHES_FOR_FIRSTS : 0) ||
        held >= (job->stranger ? BATCHES_OF_STRANGERS : BATCHES_OF_ONE))
        return false;
    job->place = free_one;
    *free_one = job;
    return true;
}

static bool holder_has_others(const struct batch_job *job)
{
    for (size_t i = 0; i < BATCHES_MAX; i++) {
        const struct batch_job *other = job->api->batches[i];
        if (other && other != job && same_holder(job, other))
            return true;
    }
    return false;
}

bool batch_decoder_fits(struct batch_job *job)
{
    struct api *api = job->api;
    size_t bytes = decoder_memory(job->decoder);
    if (bytes <= job->decoder_bytes)
        return true;
    api->batch_decoders += bytes - job->decoder_bytes;
    job->decoder_bytes = bytes;
    return api->batch_decoders <= (holder_has_others(job) ? BATCH_DECODER_OF_ONE : BATCH_DECODER_BYTES);
}

static struct batch_job *job_new(struct api *api, struct http_request *request)
{
    struct batch_job *job = calloc(1, sizeof(*job));
    if (!job)
        return NULL;
    job->api = api;
    job->request = request;
    buf_init(&job->input, LIMIT_BATCH_BYTES);
    buf_init(&job->answer, BATCH_ANSWER_BYTES);
    arena_init(&job->arena, 512, 4096);
    arena_init(&job->lookup_arena, 4096, 64 * 1024);
    line_splitter_init(&job->splitter);
    pthread_mutex_init(&job->lock, NULL);
    http_request_set_context(request, job, batch_job_release);
    return job;
}

static bool charge(struct batch_job *job)
{
    struct admission admission = {0};
    bool admitted = admit_request(&job->auth, &admission);
    job->due_at = admission.due_at;
    return admitted;
}

// The token's policy for signatures, then its rate; what is signed is charged once it is verified. False:
// refused.
static bool let_in(struct batch_job *job)
{
    enum problem problem = sign_begin(&job->sign, job->request, &job->auth.token,
                                      clock_wall_us(job->api->clock), LIMIT_BATCH_BYTES);
    if (problem) {
        sign_refuse(&job->auth, problem);
        return false;
    }
    job->kept = job->kept || job->sign.gate.wanted;
    return job->sign.gate.wanted ? admit_signed(&job->auth) : charge(job);
}

void batch_on_head(struct http_request *request, void *app)
{
    struct batch_job *job = job_new(app, request);
    if (!job) {
        http_reply_problem(request, PROBLEM_overloaded, STR_NULL, NULL, 0);
        return;
    }
    enum auth_result result = auth_begin(&job->auth, app, request, SCOPE_INGEST, true);
    if (result == AUTH_ANSWERED || (result == AUTH_OK && !let_in(job)))
        return;
    job->stranger = result == AUTH_REFRESH;
    job->kept = job->kept || job->stranger;
    if (!take_place(job)) {
        http_reply_problem(request, PROBLEM_overloaded, STR_NULL, NULL, 0);
        return;
    }
    if (job->stranger && !stranger_may_send(request, STRANGER_BODY_BYTES)) {
        auth_refuse_stranger(&job->auth);
        return;
    }
    enum problem problem = begin(job, request);
    if (problem)
        http_reply_problem(request, problem, STR_NULL, NULL, 0);
}

// ---- the body comes

// Until a line settles, after batch_wait(); or for the others' turn, or the rate's sake.
static void park(struct batch_job *job, enum batch_take took, http_handler *resume)
{
    if (took == TAKE_PACED) {
        int64_t at = job->due_at;
        job->due_at = 0; // waking is the word: at the sink's end it comes early
        http_park_until(job->request, resume, at);
        return;
    }
    http_park(job->request, resume);
    if (took == TAKE_TIRED)
        http_wake(job->request);
}

static void go_on(struct http_request *request, void *app UNUSED)
{
    struct batch_job *job = http_request_context(request);
    for (;;) {
        batch_give(job);
        enum batch_take took = batch_take(job);
        if (took == TAKE_ALL)
            return;
        if (took != TAKE_FULL || batch_wait(job)) {
            park(job, took, go_on);
            return;
        }
    }
}

// False: there is no more room for bodies that are kept.
static bool keep_piece(struct batch_job *job, size_t len)
{
    struct api *api = job->api;
    if (len > BATCH_KEPT_BYTES - api->batch_kept)
        return false;
    api->batch_kept += len;
    job->kept_bytes += len;
    return true;
}

void batch_on_body(struct http_request *request, struct str piece, void *app)
{
    struct batch_job *job = http_request_context(request);
    job->received += piece.len;
    if (job->finished)
        return; // refused as a whole, or to its end: what still comes is dropped
    if (job->kept && job->received > LIMIT_BATCH_BYTES) {
        batch_stop(job, PROBLEM_body_too_large);
        return;
    }
    sign_body(&job->sign, piece);
    if ((job->kept && !keep_piece(job, piece.len)) || !buf_put_str(&job->input, piece))
        batch_stop(job, PROBLEM_overloaded);
    else if (!job->kept)
        go_on(request, app);
}

// ---- the body is there

// Verdicts as text, until there is a piece of the answer.
static size_t fill_answer(struct batch_job *job, size_t cap)
{
    size_t left = job->answer.len - job->answer_at;
    if (left)
        memmove(job->answer.ptr, job->answer.ptr + job->answer_at, left);
    job->answer.len = left;
    job->answer_at = 0;
    while (job->answer.len < cap && batch_answer_next(job))
        ;
    return MIN(cap, job->answer.len);
}

static ssize_t produce(struct http_request *request, char *bytes, size_t cap, void *app UNUSED)
{
    struct batch_job *job = http_request_context(request);
    for (;;) {
        batch_give(job);
        enum batch_take took = batch_take(job);
        size_t len = fill_answer(job, MIN(cap, (size_t)BATCH_CHUNK));
        if (len) {
            memcpy(bytes, job->answer.ptr, len);
            job->answer_at = len;
            return (ssize_t)len;
        }
        if (job->broken || (job->finished && !job->head))
            return HTTP_STREAM_END;
        BUG_ON(took == TAKE_FULL && !job->head); // nothing that is under way could open the window
        bool pauses = took == TAKE_TIRED || took == TAKE_PACED;
        if (pauses || batch_wait(job)) {
            park(job, took, NULL);
            return 0;
        }
    }
}

static void put_retry_after(struct batch_job *job)
{
    char text[32];
    int64_t seconds = (job->retry_us + USEC_PER_SEC - 1) / USEC_PER_SEC;
    int len = snprintf(text, sizeof(text), "%" PRIi64, seconds);
    struct str value = arena_dup(http_request_arena(job->request), str_slice(text, (size_t)len));
    if (value.ptr)
        http_request_set_header(job->request, "Retry-After", value);
}

static void answer(struct batch_job *job)
{
    job->ended = true;
    batch_give(job);
    if (!job->refusal)
        (void)batch_take(job);
    if (job->refusal) {
        if (job->retry_us)
            put_retry_after(job);
        http_reply_problem(job->request, job->refusal, STR_NULL, NULL, 0);
        return;
    }
    job->answered = true;
    http_reply_stream(job->request, &(struct http_reply){.status = 200, .content_type = MEDIA_NDJSON},
                      produce);
}

// A replay of what is signed in the Vox form and has no id is a duplicate, line by line.
static enum problem name_by_signature(struct batch_job *job)
{
    if (job->batch_id.ptr || !job->sign.has_id)
        return PROBLEM_NONE;
    return name_batch(job, &job->sign.id) ? PROBLEM_NONE : PROBLEM_overloaded;
}

static void on_turn(struct http_request *request, void *app UNUSED);

// Of the whole body, before any of its lines goes on.
static void check_signature(struct batch_job *job)
{
    enum problem problem = job->refusal;
    if (!problem && !sign_step(&job->sign)) {
        park(job, TAKE_TIRED, on_turn);
        return;
    }
    if (!problem) {
        problem = sign_end(&job->sign);
        if (problem) {
            sign_refuse(&job->auth, problem);
            return;
        }
        if (job->sign.gate.wanted && !charge(job))
            return;
        problem = name_by_signature(job);
    }
    if (problem)
        http_reply_problem(job->request, problem, STR_NULL, NULL, 0);
    else
        answer(job);
}

static void on_turn(struct http_request *request, void *app UNUSED)
{
    check_signature(http_request_context(request));
}

static void on_token_refreshed(struct http_request *request, void *app UNUSED)
{
    struct batch_job *job = http_request_context(request);
    if (auth_again(&job->auth) != AUTH_OK || !let_in(job))
        return;
    sign_body(&job->sign, buf_str(&job->input));
    check_signature(job);
}

void batch_on_request(struct http_request *request, void *app UNUSED)
{
    struct batch_job *job = http_request_context(request);
    if (job->stranger)
        auth_refresh(&job->auth, on_token_refreshed);
    else if (job->kept)
        check_signature(job);
    else
        answer(job);
}
