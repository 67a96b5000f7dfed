// SPDX-License-Identifier: Apache-2.0
// JSON text: parsing by jansson into an arena, and a writer into a buffer.
//
// Parsing (RFC 8259, strict): duplicate names are refused, integers beyond int64 become reals (only they),
// NUL and lone surrogates are refused, nesting is bounded by jansson at 2048. json_doc_parse() puts every
// node into the document's own arena; the tree is read-only, its values live until the next parse or reset of
// that document and must never be given to json_incref() or json_decref() or kept longer. One thread at a
// time for one document; json_setup() once before any thread starts.
#ifndef VOX_BASE_JSON_H
#define VOX_BASE_JSON_H

#include "lib/base/arena.h"
#include "lib/base/buf.h"
#include "lib/base/err.h"

#include <jansson.h>

// Routes jansson's memory and seeds its hash tables. Before the first use, in main(), once.
void json_setup(void);

struct json_doc {
    struct arena arena;
    json_t *root; // NULL before a parse that went well
};

void json_doc_init(struct json_doc *doc, size_t ceiling);
void json_doc_release(struct json_doc *doc);
void json_doc_reset(struct json_doc *doc);
// The reason of a failed parse, so that the caller can tell its client; never quotes the input.
enum json_fault {
    JSON_FAULT_NONE,
    JSON_FAULT_SYNTAX,
    JSON_FAULT_DUPLICATE,
    JSON_FAULT_STRING,
    JSON_FAULT_NUMBER,
    JSON_FAULT_DEPTH,
    JSON_FAULT_MEMORY // the document's ceiling, or none to be had
};
// Any JSON value may be the root. `*ret_offset` is the byte where it stopped (may be NULL).
MUST_CHECK enum json_fault json_doc_parse(struct json_doc *doc, struct str text, size_t *ret_offset);

bool json_is_utf8(struct str s); // well-formed UTF-8 (RFC 3629)

// Writing: each call appends one token; commas and colons are the caller's, or use struct json_writer.
bool json_put_string(struct buf *buf, struct str s); // quoted; invalid UTF-8 becomes U+FFFD

// A writer that places commas. Depth at most 32.
struct json_writer {
    struct buf *buf;
    unsigned depth;
    bool first[32];
};
void json_writer_init(struct json_writer *w, struct buf *buf);
void json_begin_object(struct json_writer *w);
void json_end_object(struct json_writer *w);
void json_begin_array(struct json_writer *w);
void json_end_array(struct json_writer *w);
void json_key(struct json_writer *w, const char *key);    // ASCII without quotes; the value follows
void json_value_str(struct json_writer *w, struct str s); // absent writes null
void json_value_i64(struct json_writer *w, int64_t v);
void json_value_u64(struct json_writer *w, uint64_t v);
void json_value_bool(struct json_writer *w, bool v);
void json_value_null(struct json_writer *w);
void json_value_raw(struct json_writer *w, struct str json); // a JSON text as it stands
// key and value at once
void json_str(struct json_writer *w, const char *key, struct str s);
void json_i64(struct json_writer *w, const char *key, int64_t v);
void json_u64(struct json_writer *w, const char *key, uint64_t v);
void json_bool(struct json_writer *w, const char *key, bool v);

#endif
