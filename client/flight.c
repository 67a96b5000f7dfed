// SPDX-License-Identifier: Apache-2.0
// The memory of a group, and the body of a batch.
#include "client/flight.h"
#include "lib/wire/coding.h"

#define NAMES_BYTES ((size_t)LIMIT_BATCH_EVENTS * (SPOOL_NAME_MAX + 1))
#define LINES_BYTES (FLIGHT_BYTES + SPOOL_FILE_BYTES + 4096)

void flight_init(struct flight *flight, struct upload *upload)
{
    *flight = (struct flight){.upload = upload};
    buf_init(&flight->names, NAMES_BYTES);
    buf_init(&flight->lines, LINES_BYTES);
    buf_init(&flight->body, LINES_BYTES + 64 * 1024);
    line_splitter_init(&flight->splitter);
    http_reply_init(&flight->call.reply);
}

void flight_release(struct flight *flight)
{
    buf_release(&flight->names);
    buf_release(&flight->lines);
    buf_release(&flight->body);
    line_splitter_release(&flight->splitter);
    http_reply_release(&flight->call.reply);
    free(flight->entries);
    free(flight->asked);
}

void flight_set_state(struct flight *flight, enum flight_state state)
{
    static const bool allowed[3][3] = {
        [FLIGHT_EMPTY] = {[FLIGHT_READY] = true},
        [FLIGHT_READY] = {[FLIGHT_FLYING] = true, [FLIGHT_EMPTY] = true},
        [FLIGHT_FLYING] = {[FLIGHT_READY] = true, [FLIGHT_EMPTY] = true},
    };
    BUG_ON(!allowed[flight->state][state]);
    flight->state = state;
}

void flight_clear(struct flight *flight)
{
    if (flight->state != FLIGHT_EMPTY)
        flight_set_state(flight, FLIGHT_EMPTY);
    buf_clear(&flight->names);
    buf_clear(&flight->lines);
    flight->count = flight->left = flight->first = 0;
    flight->due_us = flight->wait_us = flight->waited_us = 0;
    flight->tries = 0;
    flight->paced = flight->single = flight->plain = false;
}

static bool grow(struct flight *flight)
{
    size_t cap = MAX(flight->cap * 2, (size_t)64);
    struct flight_entry *entries = realloc(flight->entries, cap * sizeof(*entries));
    if (!entries)
        return false;
    flight->entries = entries;
    size_t *asked = realloc(flight->asked, cap * sizeof(*asked));
    if (!asked)
        return false;
    flight->asked = asked;
    flight->cap = cap;
    return true;
}

size_t flight_put_line(struct buf *lines, const struct spool_entry *entry)
{
    char id[UUID_TEXT_LEN + 1], at[RFC3339_LEN + 1];
    uuid_format(&entry->id, id);
    buf_put_cstr(lines, "{\"id\":\"");
    buf_put(lines, id, UUID_TEXT_LEN);
    if (entry->has_time) {
        rfc3339_format(entry->time_us, at);
        buf_put_cstr(lines, "\",\"at\":\"");
        buf_put(lines, at, RFC3339_LEN);
    }
    buf_put_cstr(lines, "\",\"event\":");
    size_t text_at = lines->len;
    buf_put_str(lines, entry->text);
    buf_put_cstr(lines, "}\n");
    return text_at;
}

bool flight_add(struct flight *flight, const struct spool_entry *entry)
{
    struct buf *lines = &flight->lines;
    if (flight->count == flight->cap && !grow(flight))
        return false;
    struct flight_entry *row = &flight->entries[flight->count];
    *row = (struct flight_entry){.entry = *entry, .name_at = flight->names.len, .line_at = lines->len};
    buf_put(&flight->names, entry->name, strlen(entry->name) + 1);
    row->text_at = flight_put_line(lines, entry);
    row->line_len = lines->len - row->line_at;
    if (!buf_ok(lines) || !buf_ok(&flight->names))
        return false;
    flight->count++;
    flight->left++;
    return true;
}

void flight_close(struct flight *flight)
{
    for (size_t i = 0; i < flight->count; i++) {
        struct flight_entry *row = &flight->entries[i];
        row->entry.name = flight->names.ptr + row->name_at;
        row->entry.text.ptr = flight->lines.ptr + row->text_at;
    }
    flight->span = flight->count;
    flight_set_state(flight, FLIGHT_READY);
}

void flight_settle(struct flight *flight, struct flight_entry *entry)
{
    BUG_ON(entry->settled);
    entry->settled = true;
    flight->left--;
    while (flight->first < flight->count && flight->entries[flight->first].settled)
        flight->first++;
}

void flight_set_gone(struct flight *flight)
{
    for (size_t i = 0; !flight->gone && i < flight->asked_count; i++) {
        struct flight_entry *row = &flight->entries[flight->asked[i]];
        row->went = true;
        row->told = NULL;
    }
    flight->gone = true;
}

void flight_set_told(struct flight *flight, const char *label, int status)
{
    for (size_t i = 0; i < flight->asked_count; i++) {
        struct flight_entry *row = &flight->entries[flight->asked[i]];
        row->told = label;
        row->told_status = status;
    }
}

struct flight_entry *flight_first(struct flight *flight)
{
    BUG_ON(flight->first == flight->count);
    return &flight->entries[flight->first];
}

void flight_ask_first(struct flight *flight)
{
    BUG_ON(flight->first == flight->count);
    flight->asked[0] = flight->first;
    flight->asked_count = 1;
}

bool flight_make_body(struct flight *flight, size_t bytes, bool compressed)
{
    struct encoder *encoder = compressed ? encoder_new(CODING_ZSTD) : NULL;
    bool ok = encoder || !compressed;
    size_t plain = 0;
    buf_clear(&flight->body);
    flight->asked_count = 0;
    for (size_t i = flight->first; ok && i < flight->count && flight->asked_count < flight->span; i++) {
        const struct flight_entry *row = &flight->entries[i];
        if (row->settled)
            continue;
        if (flight->asked_count && plain + row->line_len > bytes)
            break;
        struct str line = str_slice(flight->lines.ptr + row->line_at, row->line_len);
        ok = encoder ? encoder_write(encoder, line, &flight->body) : buf_put_str(&flight->body, line);
        plain += row->line_len;
        flight->asked[flight->asked_count++] = i;
    }
    ok = ok && (!encoder || encoder_finish(encoder, &flight->body)) && buf_ok(&flight->body);
    encoder_free(encoder);
    return ok;
}

struct uuid flight_batch_id(const struct flight *flight)
{
    struct buf ids;
    uint8_t digest[SHA256_LEN];
    buf_init(&ids, LIMIT_BATCH_EVENTS * sizeof(struct uuid));
    for (size_t i = 0; i < flight->asked_count; i++)
        buf_put(&ids, flight->entries[flight->asked[i]].entry.id.bytes, sizeof(struct uuid));
    sha256(buf_str(&ids), digest);
    buf_release(&ids);
    return uuid_v8(digest);
}
