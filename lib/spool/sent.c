// SPDX-License-Identifier: Apache-2.0
// Appending to sent.log and reading it line by line.
#include "lib/spool/sent.h"
#include "lib/base/clock.h"
#include "lib/base/file.h"
#include "lib/spool/internal.h"
#include "lib/spool/own.h"

#define GATHERED_BYTES ((size_t)64 * SENT_LINE_BYTES)
#define TREE_BYTES     ((size_t)1024 * 1024)

static const char *const outcomes[] = {
    [SENT_STORED] = "stored",   [SENT_DUPLICATE] = "duplicate", [SENT_QUARANTINED] = "quarantined",
    [SENT_REFUSED] = "refused", [SENT_KEPT] = "kept",           [SENT_UNANSWERED] = "unanswered",
};

struct sent_log {
    int fd;
    struct buf line;
    struct buf gathered;
    char path[SPOOL_PATH_MAX + 16];
};

struct sent_reader {
    FILE *file; // NULL: there is no log
    struct json_doc doc;
    uint64_t skipped;
    char path[SPOOL_PATH_MAX + 16];
    char line[SENT_LINE_BYTES];
};

bool sent_log_open(struct spool *spool, struct sent_log **ret_log, struct err *err)
{
    struct sent_log *log = malloc(sizeof(*log));
    if (!log)
        return err_set(err, "out of memory");
    if (!own_append(spool, SENT_FILE, &log->fd, err)) {
        free(log);
        return false;
    }
    buf_init(&log->line, SENT_LINE_BYTES);
    buf_init(&log->gathered, GATHERED_BYTES);
    snprintf(log->path, sizeof(log->path), "%s/" SENT_FILE, spool->path);
    *ret_log = log;
    return true;
}

bool sent_log_flush(struct sent_log *log, struct err *err)
{
    bool ok = !log->gathered.len || fd_write_all(log->fd, log->gathered.ptr, log->gathered.len);
    buf_clear(&log->gathered);
    return ok || err_set_errno(err, "cannot write %s", log->path);
}

bool sent_log_sync(struct sent_log *log, struct err *err)
{
    if (!sent_log_flush(log, err))
        return false;
    return fsync(log->fd) == 0 || err_set_errno(err, "cannot sync %s", log->path);
}

bool sent_log_commit(const struct sent_log *log, struct err *err)
{
    return fdatasync(log->fd) == 0 || err_set_errno(err, "cannot sync %s", log->path);
}

bool sent_log_close(struct sent_log *log, struct err *err)
{
    if (!log)
        return true;
    bool ok = sent_log_sync(log, err);
    close(log->fd);
    buf_release(&log->line);
    buf_release(&log->gathered);
    free(log);
    return ok;
}

bool sent_log_append(struct sent_log *log, const struct sent_record *record, struct err *err)
{
    char at[RFC3339_LEN + 1], id[UUID_TEXT_LEN + 1], hash[SHA256_HEX_LEN + 1];
    const struct spool_entry *entry = record->entry;
    struct json_writer w;
    rfc3339_format(record->at_us, at);
    uuid_format(&entry->id, id);
    sha256_hex(entry->sha256, hash);
    buf_clear(&log->line);
    json_writer_init(&w, &log->line);
    json_begin_object(&w);
    json_str(&w, "at", str_from(at));
    json_str(&w, "url", record->url);
    json_str(&w, "name", str_from(entry->name));
    json_str(&w, "id", str_from(id));
    json_u64(&w, "bytes", entry->text.len);
    json_str(&w, "sha256", str_from(hash));
    json_i64(&w, "status", record->status);
    json_str(&w, "outcome", str_from(outcomes[record->outcome]));
    if (record->code)
        json_str(&w, "code", str_from(record->code));
    size_t receipt_at = log->line.len;
    if (record->receipt.len) {
        json_key(&w, "receipt");
        json_value_raw(&w, record->receipt);
    }
    json_end_object(&w);
    buf_put_char(&log->line, '\n');
    if (!buf_ok(&log->line))
        return err_set(err, "cannot write %s: out of memory", log->path);
    // A receipt may come pretty-printed; outside of strings white space is all a line break can be.
    for (size_t i = receipt_at; i + 1 < log->line.len; i++)
        if (log->line.ptr[i] == '\n' || log->line.ptr[i] == '\r')
            log->line.ptr[i] = ' ';
    if (log->gathered.len + log->line.len > GATHERED_BYTES && !sent_log_flush(log, err))
        return false;
    return buf_put_str(&log->gathered, buf_str(&log->line)) ||
           err_set(err, "cannot write %s: out of memory", log->path);
}

bool sent_reader_open(struct spool *spool, struct sent_reader **ret_reader, struct err *err)
{
    struct sent_reader *reader = calloc(1, sizeof(*reader));
    if (!reader)
        return err_set(err, "out of memory");
    if (!own_open(spool, SENT_FILE, &reader->file, err)) {
        free(reader);
        return false;
    }
    snprintf(reader->path, sizeof(reader->path), "%s/" SENT_FILE, spool->path);
    json_doc_init(&reader->doc, NULL, TREE_BYTES);
    *ret_reader = reader;
    return true;
}

void sent_reader_close(struct sent_reader *reader)
{
    if (!reader)
        return;
    if (reader->file)
        fclose(reader->file);
    json_doc_release(&reader->doc);
    free(reader);
}

struct str sent_line_outcome(const struct json *line)
{
    struct str outcome = json_text(json_get(line, STR("outcome")));
    if (outcome.len)
        return outcome;
    if (json_is_true(json_get(json_get(line, STR("receipt")), STR("duplicate"))))
        return str_from(outcomes[SENT_DUPLICATE]);
    bool aside = json_integer(json_get(line, STR("status"))) == 202;
    return str_from(outcomes[aside ? SENT_QUARANTINED : SENT_STORED]);
}

uint64_t sent_reader_skipped(const struct sent_reader *reader)
{
    return reader->skipped;
}

bool sent_reader_next(struct sent_reader *reader, const struct json **ret_line, struct str *ret_text,
                      struct err *err)
{
    *ret_line = NULL;
    while (reader->file && own_read(reader->file, reader->line, sizeof(reader->line))) {
        struct str text = str_from(reader->line);
        bool whole = !json_doc_parse(&reader->doc, text, NULL) &&
                     json_is_string(json_get(reader->doc.root, STR("at"))) &&
                     json_is_string(json_get(reader->doc.root, STR("id"))) &&
                     (json_is_object(json_get(reader->doc.root, STR("receipt"))) ||
                      json_is_string(json_get(reader->doc.root, STR("outcome"))));
        if (whole) {
            *ret_line = reader->doc.root;
            *ret_text = text;
            return true;
        }
        reader->skipped++;
    }
    return !reader->file || !ferror(reader->file) || err_set_errno(err, "cannot read %s", reader->path);
}
