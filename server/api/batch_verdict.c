// SPDX-License-Identifier: Apache-2.0
// Verdicts that wait for the body's end or for a slow reader: kept in as few bytes as they need, and written
// out only when the answer takes them.
#include "server/api/batch_verdict.h"

#include "lib/wire/receipt.h"
#include "server/api/candidate.h"

#include <inttypes.h>

#define BLOCK_BYTES (16 * 1024)
// What `struct record` can say of a text: problems are the longest.
#define TEXT_MAX (UINT16_MAX - 1)

// Behind it its texts, in the order of the lengths.
struct record {
    const struct contract *contract; // NULL: `contract_len`, or unknown
    int64_t received_at;
    struct uuid id;
    uint8_t sha256[SHA256_LEN];
    uint32_t line;
    enum problem problem; // PROBLEM_NONE: it has a receipt
    uint16_t foreign_len, contract_len, problem_len;
    bool has_id, duplicate, quarantined;
};

struct verdict_block {
    struct verdict_block *next;
    size_t at, len; // written out up to; filled up to
    char bytes[];
};

static size_t size_of(const struct record *record)
{
    size_t texts = (size_t)record->foreign_len + record->contract_len + record->problem_len;
    return sizeof(*record) + texts;
}

size_t verdict_size(const struct verdict *verdict)
{
    return sizeof(struct record) + verdict->foreign_id.len + verdict->contract_text.len +
           verdict->problem_text.len;
}

static char *room_for(struct verdicts *verdicts, size_t size)
{
    struct verdict_block *block = verdicts->last;
    if (!block || BLOCK_BYTES - block->len < size) {
        block = malloc(sizeof(*block) + MAX(size, (size_t)BLOCK_BYTES));
        if (!block)
            return NULL;
        *block = (struct verdict_block){0};
        if (verdicts->last)
            verdicts->last->next = block;
        else
            verdicts->first = block;
        verdicts->last = block;
    }
    char *room = block->bytes + block->len;
    block->len += size;
    return room;
}

static char *put(char *to, const void *bytes, size_t len)
{
    if (len)
        memcpy(to, bytes, len);
    return to + len;
}

bool verdicts_put(struct verdicts *verdicts, const struct verdict *verdict)
{
    struct record record = {
        .contract = verdict->contract,
        .received_at = verdict->received_at,
        .id = verdict->id,
        .line = verdict->line,
        .problem = verdict->problem,
        .foreign_len = (uint16_t)verdict->foreign_id.len,
        .contract_len = (uint16_t)verdict->contract_text.len,
        .problem_len = (uint16_t)verdict->problem_text.len,
        .has_id = verdict->has_id,
        .duplicate = verdict->duplicate,
        .quarantined = verdict->quarantined,
    };
    BUG_ON(verdict->foreign_id.len > TEXT_MAX || verdict->contract_text.len > TEXT_MAX ||
           verdict->problem_text.len > TEXT_MAX);
    if (verdict->sha256)
        memcpy(record.sha256, verdict->sha256, SHA256_LEN);
    char *to = room_for(verdicts, size_of(&record));
    if (!to)
        return false;
    to = put(to, &record, sizeof(record));
    to = put(to, verdict->foreign_id.ptr, record.foreign_len);
    to = put(to, verdict->contract_text.ptr, record.contract_len);
    put(to, verdict->problem_text.ptr, record.problem_len);
    return true;
}

static struct str cut(const char **from, size_t len)
{
    struct str text = len ? str_slice(*from, len) : STR_NULL;
    *from += len;
    return text;
}

static void write_id(struct buf *out, const struct record *record, struct str foreign)
{
    char text[UUID_TEXT_LEN + 1];
    if (!record->has_id)
        return;
    if (!foreign.ptr) {
        uuid_format(&record->id, text);
        foreign = str_slice(text, UUID_TEXT_LEN);
    }
    buf_put_cstr(out, ",\"id\":");
    json_put_string(out, foreign);
}

static void write_receipt(struct buf *out, const struct record *record, struct str foreign,
                          struct str contract)
{
    struct receipt receipt = {
        .event_id = record->id,
        .id = foreign,
        .contract = contract.ptr ? contract : candidate_contract_name(record->contract),
        .received_at = record->received_at,
        .duplicate = record->duplicate,
    };
    memcpy(receipt.sha256, record->sha256, SHA256_LEN);
    buf_put_cstr(out, ",\"receipt\":");
    receipt_write(out, &receipt);
}

static int status_of(const struct record *record)
{
    if (record->problem)
        return problem_info(record->problem)->status;
    return record->duplicate ? 200 : record->quarantined ? 202 : 201;
}

static void write_record(struct buf *out, const struct record *record, const char *texts)
{
    struct str foreign = cut(&texts, record->foreign_len);
    struct str contract = cut(&texts, record->contract_len);
    struct str problem = cut(&texts, record->problem_len);
    buf_putf(out, "{\"line\":%" PRIu32, record->line);
    write_id(out, record, foreign);
    buf_putf(out, ",\"status\":%d", status_of(record));
    if (!record->problem) {
        write_receipt(out, record, foreign, contract);
    } else {
        buf_put_cstr(out, ",\"problem\":");
        if (problem.ptr)
            buf_put_str(out, problem);
        else
            problem_write(out, record->problem, STR_NULL, STR_NULL, NULL, 0);
    }
    buf_put_cstr(out, "}\n");
}

size_t verdicts_write(struct verdicts *verdicts, struct buf *out)
{
    struct verdict_block *block = verdicts->first;
    if (!block)
        return 0;
    struct record record;
    memcpy(&record, block->bytes + block->at, sizeof(record)); // not aligned behind texts
    write_record(out, &record, block->bytes + block->at + sizeof(record));
    block->at += size_of(&record);
    if (block->at == block->len) {
        verdicts->first = block->next;
        if (!verdicts->first)
            verdicts->last = NULL;
        free(block);
    }
    return size_of(&record);
}

void verdicts_release(struct verdicts *verdicts)
{
    for (struct verdict_block *block = verdicts->first, *next; block; block = next) {
        next = block->next;
        free(block);
    }
    *verdicts = (struct verdicts){0};
}
