// SPDX-License-Identifier: Apache-2.0
// The requests of a dry run, as text and as JSON.
#include "client/show.h"
#include "client/settings.h"
#include "client/text.h"

#define HEAD_BYTES (64 * 1024)

static void put_head(const struct http_request *request)
{
    char shown[URL_MAX_BYTES];
    printf("POST %s\n", url_shown(request->url, shown));
    for (size_t i = 0; i < request->header_count; i++) {
        const struct http_header *row = &request->headers[i];
        printf("%s: %s\n", row->name, row->shown ? row->shown : row->value);
    }
    printf("Content-Length: %zu\n\n", request->body.len);
}

// Raw bytes to a file or pipe; on a terminal what could steer it is written as JSON escapes.
static void put_body(struct str body)
{
    if (isatty(STDOUT_FILENO) == 1)
        text_put_json(stdout, body);
    else
        fwrite(body.ptr, 1, body.len, stdout);
}

static const struct spool_entry *asked_entry(const struct flight *flight, size_t i)
{
    return &flight->entries[flight->asked[i]].entry;
}

// With its line feed.
static struct str asked_line(const struct flight *flight, size_t i)
{
    const struct flight_entry *row = &flight->entries[flight->asked[i]];
    return str_slice(flight->lines.ptr + row->line_at, row->line_len);
}

void show_request_text(const struct flight *flight, bool first_batch)
{
    const struct http_request *request = &flight->request.http;
    if (first_batch)
        fputs("If the answer to that links to a batch endpoint, as a vox-sink's does, the rest\n"
              "goes there as below: 1,000 lines or 4 MiB at first, then more or fewer, as the\n"
              "sink keeps up. Lines are shown before compression, lengths are those after it.\n"
              "To any other sink the event of each line goes in a request like the first.\n\n",
              stdout);
    put_head(request);
    if (!flight->batch)
        put_body(request->body);
    for (size_t i = 0; flight->batch && i < flight->asked_count; i++)
        put_body(asked_line(flight, i));
    fputs(flight->batch ? "\n" : "\n\n", stdout);
}

// Of a request's object: out with what is written of it, so that a batch is never in memory once more.
static void put_piece(struct buf *piece)
{
    fwrite(piece->ptr, 1, piece->len, stdout);
    buf_clear(piece);
}

static void entries_json(struct json_writer *w, const struct flight *flight)
{
    if (!flight->batch)
        json_str(w, "name", str_from(asked_entry(flight, 0)->name));
    else
        json_key(w, "names");
    if (flight->batch)
        json_begin_array(w);
    for (size_t i = 0; flight->batch && i < flight->asked_count; i++) {
        json_value_str(w, str_from(asked_entry(flight, i)->name));
        put_piece(w->buf);
    }
    if (flight->batch)
        json_end_array(w);
}

static void body_json(struct json_writer *w, const struct flight *flight)
{
    json_u64(w, "bytes", flight->request.http.body.len);
    json_key(w, flight->batch ? "lines" : "body");
    if (!flight->batch) {
        json_value_raw(w, flight->request.http.body);
        return;
    }
    json_begin_array(w);
    for (size_t i = 0; i < flight->asked_count; i++) {
        struct str line = asked_line(flight, i);
        json_value_raw(w, str_slice(line.ptr, line.len - 1));
        put_piece(w->buf);
    }
    json_end_array(w);
}

void show_request_json(const struct flight *flight, bool follows)
{
    const struct http_request *request = &flight->request.http;
    struct buf buf;
    struct json_writer w;
    if (follows)
        putchar(',');
    buf_init(&buf, SPOOL_FILE_BYTES + HEAD_BYTES);
    json_writer_init(&w, &buf);
    json_begin_object(&w);
    entries_json(&w, flight);
    json_str(&w, "method", STR("POST"));
    char shown[URL_MAX_BYTES];
    json_str(&w, "url", str_from(url_shown(request->url, shown)));
    json_key(&w, "headers");
    json_begin_object(&w);
    for (size_t i = 0; i < request->header_count; i++) {
        const struct http_header *row = &request->headers[i];
        json_str(&w, row->name, str_from(row->shown ? row->shown : row->value));
    }
    json_end_object(&w);
    body_json(&w, flight);
    json_end_object(&w);
    put_piece(&buf);
    buf_release(&buf);
}
