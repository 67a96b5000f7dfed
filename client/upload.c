// SPDX-License-Identifier: Apache-2.0
// The loop over the spool, and what each verdict does.
#include "client/upload.h"
#include "client/advice.h"
#include "client/request.h"
#include "client/settings.h"
#include "lib/wire/names.h"

#include <sodium.h>

// Tries of one entry, and how long one entry may hold up the rest in all.
#define TRIES_UNREACHABLE 4
#define TRIES_FAILING     3 // 5xx that is not 503
#define TRIES_BUSY        6
#define WAIT_BASE_US      (500 * USEC_PER_MSEC)
#define WAIT_CAP_US       (10 * USEC_PER_SEC)
#define RETRY_AFTER_CAP_S 60 // a sink that asks for more is left alone until the next run
#define WAIT_TOTAL_US     (120 * USEC_PER_SEC)
// Entries in a row without an answer of a sink, after which no further event is shown to whoever answers.
#define STALLED_MAX 3
// A file younger than this that cannot be read may still be being written by a tool that knows no temp file.
#define YOUNG_US USEC_PER_SEC

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

static void note(struct upload *u, const char *name, const char *what, const struct answer *answer)
{
    if (u->sight->note)
        u->sight->note(u->sight->context, name, what, answer);
}

static void progress(struct upload *u)
{
    if (u->sight->progress)
        u->sight->progress(u->sight->context, &u->result);
}

// Each step below answers: go on with the next entry, or end the run (result.end is set then).
static bool end_run(struct upload *u, enum upload_end end, const char *advice)
{
    u->result.end = end;
    u->result.advice = advice;
    return false;
}

static bool keep(struct upload *u, const struct spool_entry *entry, const char *label,
                 const struct answer *answer)
{
    tally_add(&u->result.kept, label);
    note(u, entry->name, label, answer);
    return true;
}

static bool local_failure(struct upload *u)
{
    return end_run(u, UPLOAD_FAILED, "Check the disk and the spool's permissions, then upload again.");
}

// Before the entry is deleted, so that nothing leaves that the log does not tell of.
static bool log_sent(struct upload *u, const struct spool_entry *entry)
{
    const struct sent_record record = {
        .at_us = clock_wall_us(u->clock),
        .url = str_from(u->url),
        .status = u->reply.status,
        .receipt = buf_str(&u->reply.body),
        .entry = entry,
    };
    return !u->sent || sent_log_append(u->sent, &record, &u->result.why);
}

static bool delivered(struct upload *u, const struct spool_entry *entry, bool duplicate)
{
    u->stalled = 0;
    if (!log_sent(u, entry))
        return local_failure(u);
    if (duplicate)
        u->result.duplicates++;
    else
        u->result.sent++;
    u->result.bytes += entry->text.len;
    switch (spool_delete(u->spool, entry, &u->result.why)) {
    case SPOOL_DONE:
        return true;
    case SPOOL_DONE_CHANGED:
        return keep(u, entry, "changed_while_sent", NULL);
    default:
        return local_failure(u);
    }
}

// What is kept in rejected/ beside the entry. The sink's answer has been parsed, so it is JSON.
static bool rejected(struct upload *u, const struct spool_entry *entry, const struct answer *answer)
{
    struct buf text;
    struct json_writer w;
    char at[RFC3339_LEN + 1];
    u->stalled = 0;
    buf_init(&text, 2 * ANSWER_BODY_BYTES);
    rfc3339_format(clock_wall_us(u->clock), at);
    json_writer_init(&w, &text);
    json_begin_object(&w);
    json_str(&w, "at", str_from(at));
    json_str(&w, "url", str_from(u->url));
    json_i64(&w, "status", u->reply.status);
    json_key(&w, "answer");
    json_value_raw(&w, buf_str(&u->reply.body));
    json_end_object(&w);
    buf_put_char(&text, '\n');
    bool ok = buf_ok(&text) || err_set(&u->result.why, "out of memory");
    enum spool_done moved =
        ok ? spool_set_rejected(u->spool, entry, buf_str(&text), &u->result.why) : SPOOL_DONE_FAILED;
    buf_release(&text);
    if (moved == SPOOL_DONE_FAILED)
        return local_failure(u);
    if (moved == SPOOL_DONE_CHANGED)
        return keep(u, entry, "changed_while_sent", NULL);
    tally_add(&u->result.rejected, answer->label);
    note(u, entry->name, answer->label, answer);
    return true;
}

// An answer that no sink of ours gives, or a server that fails at this entry.
static bool no_answer_of_a_sink(struct upload *u, const struct spool_entry *entry, const char *label)
{
    keep(u, entry, label, NULL);
    // A proxy's limit on size is about this entry: a few large ones in a row must not hold up all behind
    // them.
    if (u->reply.status == 413 || ++u->stalled < STALLED_MAX)
        return true;
    err_set(&u->result.why, "%d answers in a row were not what a sink answers (%d, %s)", STALLED_MAX,
            u->reply.status, label);
    return end_run(u, u->reply.status >= 500 ? UPLOAD_UNREACHABLE : UPLOAD_STOPPED, advice_for("not_a_sink"));
}

// The keeper asks the sink once, by a request of its own; the reply at hand is not needed any more by then.
static bool kept(struct upload *u, const struct spool_entry *entry, const struct answer *answer)
{
    keep(u, entry, answer->label, answer);
    return !u->keeper ||
           keeper_add(u->keeper, entry->name, str_from(answer->label), clock_wall_us(u->clock),
                      &u->result.why) ||
           local_failure(u);
}

static bool stopped(struct upload *u, const struct answer *answer)
{
    err_set(&u->result.why, "the sink answered %d (%s)", u->reply.status, answer->label);
    u->result.detail_of = "The sink says";
    snprintf(u->result.detail, sizeof(u->result.detail), "%.*s",
             (int)MIN(answer->detail.len, sizeof(u->result.detail) - 1),
             answer->detail.len ? answer->detail.ptr : "");
    snprintf(u->result.location, sizeof(u->result.location), "%s", u->reply.location);
    return end_run(u, UPLOAD_STOPPED, advice_for(answer->label));
}

// ---- one request

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

struct patience {
    unsigned tries;
    int64_t waited_us;
};

// True: try the entry again. False: patience is over, or the stop flag was seen.
static bool wait_and_retry(struct upload *u, struct patience *patience, unsigned max_tries, const char *label)
{
    if (u->reply.retry_after_s > RETRY_AFTER_CAP_S)
        return false;
    int64_t us = wait_time(&u->reply, patience->tries);
    if (++patience->tries >= max_tries || patience->waited_us + us > WAIT_TOTAL_US)
        return false;
    patience->waited_us += us;
    if (u->sight->waiting)
        u->sight->waiting(u->sight->context, us, label);
    u->transport->wait(u->transport->context, us);
    return !*u->stop;
}

static bool interrupted(struct upload *u)
{
    err_set(&u->result.why, "interrupted");
    return end_run(u, UPLOAD_INTERRUPTED, "Upload again: nothing is lost or stored twice.");
}

static void transport_detail(struct upload *u)
{
    u->result.detail_of = "Reason";
    snprintf(u->result.detail, sizeof(u->result.detail), "%.*s", (int)sizeof(u->result.detail) - 1,
             u->reply.why.text);
}

static bool gave_up(struct upload *u, const char *label)
{
    if (*u->stop)
        return interrupted(u);
    if (u->reply.why.text[0]) {
        err_set(&u->result.why, "the sink cannot be reached");
        transport_detail(u);
    } else if (u->reply.retry_after_s > RETRY_AFTER_CAP_S) {
        err_set(&u->result.why, "the sink is busy (%d, %s) and asks to come back in %lld s", u->reply.status,
                label, (long long)u->reply.retry_after_s);
    } else {
        err_set(&u->result.why, "the sink stays busy (%d, %s)", u->reply.status, label);
    }
    return end_run(u, UPLOAD_UNREACHABLE, advice_for("unreachable"));
}

static struct answer decide(struct upload *u, const struct spool_entry *entry)
{
    const struct answer_input input = {
        .status = u->reply.status,
        .content_type = str_from(u->reply.content_type),
        .body = buf_str(&u->reply.body),
        .complete = u->reply.complete,
        .id = &entry->id,
        .sha256 = entry->sha256,
    };
    return answer_decide(&input, &u->answer_doc);
}

// One try. True: try again after the wait that was made; false: `*ret_next` is the entry's outcome.
static bool try_entry(struct upload *u, const struct http_request *request, const struct spool_entry *entry,
                      struct patience *patience, bool *ret_next)
{
    http_reply_clear(&u->reply);
    switch (u->transport->post(u->transport->context, request, &u->reply)) {
    case HTTP_ANSWERED:
        break;
    case HTTP_UNREACHABLE:
        if (wait_and_retry(u, patience, TRIES_UNREACHABLE, "unreachable"))
            return true;
        *ret_next = gave_up(u, "unreachable");
        return false;
    case HTTP_MISCONFIGURED:
        err_set(&u->result.why, "no connection to the sink can be made");
        transport_detail(u);
        *ret_next = end_run(u, UPLOAD_STOPPED, advice_for("cannot_connect"));
        return false;
    default:
        *ret_next = interrupted(u);
        return false;
    }
    struct answer answer = decide(u, entry);
    bool failing = u->reply.status >= 500 && u->reply.status != 503;
    switch (answer.verdict) {
    case ANSWER_DELIVERED:
        *ret_next = delivered(u, entry, answer.duplicate);
        break;
    case ANSWER_REJECTED:
        *ret_next = rejected(u, entry, &answer);
        break;
    case ANSWER_KEPT:
        u->stalled = 0;
        *ret_next = kept(u, entry, &answer);
        break;
    case ANSWER_FOREIGN:
        *ret_next = no_answer_of_a_sink(u, entry, answer.label);
        break;
    case ANSWER_STOP:
        *ret_next = stopped(u, &answer);
        break;
    case ANSWER_WAIT:
        if (wait_and_retry(u, patience, failing ? TRIES_FAILING : TRIES_BUSY, answer.label))
            return true;
        // A server that fails at one entry may take the next; one that is busy will not.
        *ret_next =
            failing && !*u->stop ? no_answer_of_a_sink(u, entry, answer.label) : gave_up(u, answer.label);
        break;
    default:
        BUG("a verdict that is none");
    }
    return false;
}

static bool send_entry(struct upload *u, const struct spool_entry *entry)
{
    struct event_request request;
    struct patience patience = {0};
    bool next = true;
    const struct event_sender sender = {u->url, u->loopback, u->token, u->user_agent, u->key};
    if (!event_request_make(&request, &sender, entry, &u->result.why))
        return local_failure(u);
    bool made = event_request_sign(&request, clock_wall_us(u->clock), &u->result.why);
    if (!made) {
        next = local_failure(u);
    } else if (u->dry_run) {
        u->result.sent++;
        u->result.bytes += entry->text.len;
        if (u->sight->request)
            u->sight->request(u->sight->context, &request.http, entry);
    } else {
        while (try_entry(u, &request.http, entry, &patience, &next))
            if (!event_request_sign(&request, clock_wall_us(u->clock), &u->result.why)) {
                next = local_failure(u);
                break;
            }
    }
    event_request_release(&request);
    return next;
}

// ---- one name

static bool bad_entry(struct upload *u, const struct spool_entry *entry, const struct err *reason)
{
    char text[sizeof(reason->text) + 2];
    snprintf(text, sizeof(text), "%s\n", reason->text);
    if (!u->dry_run) {
        enum spool_done moved = spool_set_bad(u->spool, entry, str_from(text), &u->result.why);
        if (moved == SPOOL_DONE_FAILED)
            return local_failure(u);
        if (moved == SPOOL_DONE_CHANGED)
            return keep(u, entry, "still_written", NULL);
    }
    u->result.bad++;
    note(u, entry->name, reason->text, NULL);
    return true;
}

// Consent first, then what the sink said last time.
static bool offer_entry(struct upload *u, const struct spool_entry *entry)
{
    enum problem problem = PROBLEM_NONE;
    const char *label = NULL;
    if (u->keeper)
        problem = keeper_find(u->keeper, entry->name, clock_wall_us(u->clock));
    if (entry->time_us < u->not_before_us)
        label = "before_consent";
    else if (problem)
        label = problem_info(problem)->code;
    if (!label)
        return send_entry(u, entry);
    tally_add(&u->result.kept, label); // without a line for each: they may be thousands, each time
    return true;
}

static bool do_name(struct upload *u, const char *name)
{
    struct spool_entry entry;
    struct err why;
    enum spool_read read = spool_read(u->spool, name, &u->reader, &entry, &why);
    if (read == SPOOL_READ_BAD && !u->dry_run) {
        int64_t before = entry.mtime_us, age = clock_wall_us(u->clock) - before;
        if (age >= 0 && age < YOUNG_US) {
            if (!u->transport->wait(u->transport->context, YOUNG_US - age))
                return true; // looked at too soon to be judged; the loop sees the stop flag
            read = spool_read(u->spool, name, &u->reader, &entry, &why);
            if (read == SPOOL_READ_BAD && entry.mtime_us != before) {
                tally_add(&u->result.kept, "still_written");
                note(u, name, "still_written", NULL);
                return true;
            }
        }
    }
    switch (read) {
    case SPOOL_READ_OK:
        return offer_entry(u, &entry);
    case SPOOL_READ_GONE:
        return true;
    case SPOOL_READ_SKIPPED:
        u->result.skipped++;
        note(u, name, why.text, NULL);
        return true;
    case SPOOL_READ_BAD:
        return bad_entry(u, &entry, &why);
    default:
        tally_add(&u->result.kept, "unreadable");
        note(u, name, why.text, NULL);
        return true;
    }
}

void upload_run(struct upload *u)
{
    u->result = (struct upload_result){.end = UPLOAD_DONE};
    u->stalled = 0;
    spool_reader_init(&u->reader);
    json_doc_init(&u->answer_doc, NULL, 8 * ANSWER_BODY_BYTES + (1 << 20));
    http_reply_init(&u->reply);
    struct spool_iter *iter = spool_iter_new(u->spool, SPOOL_PENDING);
    if (!iter) {
        err_set(&u->result.why, "out of memory");
        local_failure(u);
    }
    for (bool next = iter != NULL; next;) {
        const char *name;
        if (*u->stop) {
            next = interrupted(u);
        } else if (!spool_iter_next(iter, &name, &u->result.why)) {
            next = local_failure(u);
        } else {
            if (!name)
                break;
            next = do_name(u, name);
            progress(u);
        }
    }
    spool_iter_free(iter);
    http_reply_release(&u->reply);
    json_doc_release(&u->answer_doc);
    spool_reader_release(&u->reader);
}
