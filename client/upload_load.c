// SPDX-License-Identifier: Apache-2.0
// From names in pending/ to groups of entries that may be sent.
#include "client/sink.h"
#include "client/upload_parts.h"

// A file younger than this that cannot be read may still be being written by a tool that knows no temp file.
#define YOUNG_US   USEC_PER_SEC
#define PUMP_EVERY 32 // entries

static bool bad_entry(struct upload *u, const struct spool_entry *entry, const struct err *reason)
{
    char text[sizeof(reason->text) + 2];
    snprintf(text, sizeof(text), "%s\n", reason->text);
    if (!u->dry_run) {
        enum spool_done moved = spool_set_bad(u->spool, entry, str_from(text), &u->result.why);
        if (moved == SPOOL_DONE_FAILED)
            return local_failure(u);
        if (moved == SPOOL_DONE_CHANGED)
            return upload_keep(u, entry->name, "still_written", NULL);
    }
    u->result.bad++;
    note(u, entry->name, reason->text, NULL);
    return true;
}

// Into the journal, and out of the group again where the sink turns out to have it.
static bool take_entry(struct upload *u, struct flight *flight, const struct spool_entry *entry)
{
    struct spool_attempt attempt;
    bool known = false;
    if (u->attempts && spool_attempts_find(u->attempts, entry->name, &attempt)) {
        if (attempt.first_us < u->known_before && !upload_ask_receipt(u, entry, &known))
            return false;
    } else if (u->attempts && !spool_attempts_add(u->attempts, entry->name, clock_wall_us(u->clock))) {
        err_set(&u->result.why, "out of memory");
        return local_failure(u);
    }
    if (known)
        return true;
    u->taken++;
    if (flight_add(flight, entry))
        return true;
    err_set(&u->result.why, "out of memory");
    return local_failure(u);
}

// Consent first, then what the sink said last time.
static bool offer_entry(struct upload *u, struct flight *flight, const struct spool_entry *entry)
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
        return take_entry(u, flight, entry);
    tally_add(&u->result.kept, label); // without a line for each: they may be thousands, each time
    return true;
}

// What nobody's sink answered for last time goes in a pass of its own, behind all others.
static bool is_of_this_pass(const struct upload *u, const char *name)
{
    struct spool_attempt attempt;
    if (!u->any_refused)
        return true;
    bool refused = spool_attempts_find(u->attempts, name, &attempt) && attempt.refused;
    return refused == u->again;
}

static bool do_name(struct upload *u, struct flight *flight, const char *name)
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
            if (read == SPOOL_READ_BAD && entry.mtime_us != before)
                return upload_keep(u, name, "still_written", NULL);
        }
    }
    switch (read) {
    case SPOOL_READ_OK:
        return offer_entry(u, flight, &entry);
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

// The next name, of the second pass too; NULL at the end.
static bool next_name(struct upload *u, const char **ret_name)
{
    for (;;) {
        if (!spool_iter_next(u->iter, ret_name, &u->result.why))
            return local_failure(u);
        if (*ret_name && is_of_this_pass(u, *ret_name))
            return true;
        if (*ret_name)
            continue;
        if (!u->any_refused || u->again)
            return true;
        u->again = true;
        spool_iter_free(u->iter);
        u->iter = spool_iter_new(u->spool, SPOOL_PENDING);
        if (!u->iter) {
            err_set(&u->result.why, "out of memory");
            return local_failure(u);
        }
    }
}

static size_t wanted(const struct upload *u)
{
    size_t most = u->batches ? u->batch_events : GROUP_SINGLE;
    return u->max_events ? MIN(most, u->max_events - u->taken) : most;
}

bool upload_load(struct upload *u, struct flight *flight)
{
    const char *name;
    size_t bytes = u->batches ? MIN(u->batch_bytes, FLIGHT_BYTES) : FLIGHT_BYTES / 4;
    flight_clear(flight);
    size_t most = wanted(u);
    for (size_t seen = 1; flight->count < most && flight->lines.len < bytes && !*u->stop; seen++) {
        if (u->max_events && u->taken >= u->max_events)
            break;
        if (!next_name(u, &name))
            return false;
        u->exhausted = !name;
        if (!name)
            break;
        if (!do_name(u, flight, name))
            return false;
        progress(u);
        if (seen % PUMP_EVERY == 0)
            upload_pump(u);
        if (u->ended || (u->deadline_us && clock_mono_us(u->clock) >= u->deadline_us))
            break;
    }
    if (u->max_events && u->taken >= u->max_events)
        u->exhausted = true;
    if (u->ended || !flight->count)
        return !u->ended;
    if (u->attempts && !spool_attempts_sync(u->attempts, &u->result.why))
        return local_failure(u);
    flight_close(flight);
    return true;
}
