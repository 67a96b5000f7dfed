// SPDX-License-Identifier: Apache-2.0
// What each verdict does to its entry.
#include "client/advice.h"
#include "client/upload_parts.h"

bool upload_keep(struct upload *u, const char *name, const char *label, const struct answer *answer)
{
    tally_add(&u->result.kept, label);
    note(u, name, label, answer);
    return true;
}

// What was sent of the entry, and what came of it.
static bool log_sent(struct upload *u, const struct spool_entry *entry, enum sent_outcome outcome,
                     const char *code, const struct said *said)
{
    char shown[URL_MAX_BYTES];
    const struct sent_record record = {
        .at_us = clock_wall_us(u->clock),
        .url = str_from(url_shown(said->url, shown)),
        .status = said->status,
        .outcome = outcome,
        .code = code,
        .receipt = said->receipt,
        .entry = entry,
    };
    return !u->sent || sent_log_append(u->sent, &record, &u->result.why);
}

// Without the receipt: there is none.
static bool log_not_taken(struct upload *u, const struct spool_entry *entry, enum sent_outcome outcome,
                          const char *code, const struct said *said)
{
    const struct said bare = {.url = said->url, .status = said->status};
    return log_sent(u, entry, outcome, code, &bare) || local_failure(u);
}

static enum sent_outcome outcome_of(bool duplicate, const struct said *said)
{
    if (duplicate)
        return SENT_DUPLICATE;
    return said->status == 202 ? SENT_QUARANTINED : SENT_STORED;
}

bool upload_flush_log(struct upload *u)
{
    return !u->sent || sent_log_flush(u->sent, &u->result.why) || local_failure(u);
}

// The log is written first, and synced by the sweep, so that nothing leaves that it does not tell of.
bool upload_delete(struct upload *u)
{
    size_t count = u->to_delete_count;
    u->to_delete_count = 0;
    if (!upload_flush_log(u))
        return false;
    for (size_t i = 0; i < count; i++)
        if (!sweep_add(u->sweep, u->to_delete[i], &u->result.why))
            return local_failure(u);
    return true;
}

static bool delivered(struct upload *u, const struct spool_entry *entry, bool duplicate,
                      const struct said *said)
{
    u->stalled = 0;
    u->proven = true;
    if (!log_sent(u, entry, outcome_of(duplicate, said), NULL, said))
        return local_failure(u);
    if (duplicate)
        u->result.duplicates++;
    else
        u->result.sent++;
    u->result.bytes += entry->text.len;
    u->to_delete[u->to_delete_count++] = entry;
    return (u->gathering && u->to_delete_count < TO_DELETE_MAX) || upload_delete(u);
}

// What is kept in rejected/ beside the entry. The sink's answer has been parsed, so it is JSON.
static bool rejected(struct upload *u, const struct spool_entry *entry, const struct answer *answer,
                     const struct said *said)
{
    struct buf text;
    struct json_writer w;
    char at[RFC3339_LEN + 1], shown[URL_MAX_BYTES];
    u->stalled = 0;
    // Written before it is moved: no crash leaves a refused entry that the log does not tell of.
    if (!log_not_taken(u, entry, SENT_REFUSED, answer->label, said) || !upload_flush_log(u))
        return false;
    buf_init(&text, 2 * ANSWER_BODY_BYTES);
    rfc3339_format(clock_wall_us(u->clock), at);
    json_writer_init(&w, &text);
    json_begin_object(&w);
    json_str(&w, "at", str_from(at));
    json_str(&w, "url", str_from(url_shown(said->url, shown)));
    json_i64(&w, "status", said->status);
    json_key(&w, "answer");
    json_value_raw(&w, said->answer);
    json_end_object(&w);
    buf_put_char(&text, '\n');
    bool ok = buf_ok(&text) || err_set(&u->result.why, "out of memory");
    enum spool_done moved =
        ok ? spool_set_rejected(u->spool, entry, buf_str(&text), &u->result.why) : SPOOL_DONE_FAILED;
    buf_release(&text);
    if (moved == SPOOL_DONE_FAILED)
        return local_failure(u);
    if (moved == SPOOL_DONE_CHANGED)
        return upload_keep(u, entry->name, "changed_while_sent", NULL);
    tally_add(&u->result.rejected, answer->label);
    note(u, entry->name, answer->label, answer);
    return true;
}

// The next run begins with another entry: what stands in between may mind only this one.
static bool mark(struct upload *u, const struct spool_entry *entry)
{
    if (!u->attempts || spool_attempts_mark(u->attempts, entry->name, clock_wall_us(u->clock)))
        return true;
    err_set(&u->result.why, "out of memory");
    return local_failure(u);
}

// An answer that no sink of ours gives, or a server that fails at this entry.
bool upload_stalled(struct upload *u, const struct spool_entry *entry, const struct said *said,
                    const char *label)
{
    int status = said->status;
    upload_keep(u, entry->name, label, NULL);
    if (!log_not_taken(u, entry, SENT_KEPT, label, said) || !upload_flush_log(u) || !mark(u, entry))
        return false;
    // A proxy's limit on size is about this entry: a few large ones in a row must not hold up all behind
    // them.
    if (status == 413 || ++u->stalled < STALLED_MAX)
        return true;
    err_set(&u->result.why, "%d answers in a row were not what a sink answers (%d, %s)", STALLED_MAX, status,
            label);
    return end_run(u, status >= 500 ? UPLOAD_UNREACHABLE : UPLOAD_STOPPED, advice_for("not_a_sink"));
}

// The keeper asks the sink once, by a request of its own.
static bool kept(struct upload *u, const struct spool_entry *entry, const struct answer *answer,
                 const struct said *said)
{
    u->stalled = 0;
    upload_keep(u, entry->name, answer->label, answer);
    if (!log_not_taken(u, entry, SENT_KEPT, answer->label, said) || (!u->gathering && !upload_flush_log(u)))
        return false;
    return !u->keeper ||
           keeper_add(u->keeper, entry->name, str_from(answer->label), clock_wall_us(u->clock),
                      &u->result.why) ||
           local_failure(u);
}

bool upload_stopped(struct upload *u, int status, const char *location, const struct answer *answer)
{
    err_set(&u->result.why, "the sink answered %d (%s)", status, answer->label);
    u->result.detail_of = "The sink says";
    snprintf(u->result.detail, sizeof(u->result.detail), "%.*s",
             (int)MIN(answer->detail.len, sizeof(u->result.detail) - 1),
             answer->detail.len ? answer->detail.ptr : "");
    char shown[URL_MAX_BYTES];
    snprintf(u->result.location, sizeof(u->result.location), "%.*s", (int)sizeof(u->result.location) - 1,
             url_shown(location, shown));
    return end_run(u, UPLOAD_STOPPED, advice_for(answer->label));
}

bool upload_settle(struct upload *u, const struct spool_entry *entry, const struct answer *answer,
                   const struct said *said)
{
    u->proven = u->proven || answer->ours;
    switch (answer->verdict) {
    case ANSWER_DELIVERED:
        return delivered(u, entry, answer->duplicate, said);
    case ANSWER_REJECTED:
        return rejected(u, entry, answer, said);
    case ANSWER_KEPT:
        return kept(u, entry, answer, said);
    case ANSWER_FOREIGN:
        return upload_stalled(u, entry, said, answer->label);
    default:
        BUG("a verdict that settles nothing");
    }
}

bool upload_log_unsettled(struct upload *u, const struct flight *flight)
{
    const char *url = flight->batch ? u->batch_url : u->url;
    for (size_t i = flight->first; u->sent && i < flight->count; i++) {
        const struct flight_entry *row = &flight->entries[i];
        if (row->settled || !row->went)
            continue;
        const char *label = row->told ? row->told : flight->stop_label;
        struct said said = {.url = url, .status = row->told ? row->told_status : 0};
        if (!row->told && label)
            said.status = flight->call.reply.status;
        if (!log_sent(u, &row->entry, label ? SENT_KEPT : SENT_UNANSWERED, label, &said))
            return false;
    }
    return true;
}
