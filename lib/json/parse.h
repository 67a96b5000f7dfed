// SPDX-License-Identifier: Apache-2.0
// From JSON text to a tree, strictly (RFC 8259).
//
//     struct json_parser parser; json_parser_init(&parser);        // one per thread
//     struct json_doc doc;       json_doc_init(&doc, &parser, ceiling);
//     if (json_doc_take(&doc, text, &len, &rules, NULL) == JSON_FAULT_NONE) … doc.root …
//     json_doc_reset(&doc);                                        // or parse the next one
//
// The parser reads each byte once and checks all that there is to check: syntax, UTF-8, names that come
// twice, and the caller's rules. It remembers the shapes of objects, so that the names of an object like one
// before cost a comparison each, and whoever judges trees settles questions about names once for a shape.
// What it remembers is bounded (SHAPES_…): a full table is begun anew with the next text, and an object that
// finds no room there has a shape of its own.
//
// Threads: a parser and its documents belong to one thread at a time. Ownership: a tree lives until the next
// parse, reset or release of its document, whatever becomes of the parser; its text must live as long.
#ifndef VOX_JSON_PARSE_H
#define VOX_JSON_PARSE_H

#include "lib/json/value.h"

#define JSON_DEPTH 2048 // nesting without rules

// What one parser remembers, and what one text may add to it.
#define SHAPES_NODES      16384 // names and types, each behind certain others
#define SHAPES_TEXT_NODES 512
#define SHAPES_MEMBERS    128 // of an object, or elements of an array, that are remembered
#define SHAPES_NAME       128 // bytes of a name

// Bounds beyond the grammar; all are held in json_doc_take(), none but the depth without rules.
struct json_rules {
    uint32_t depth;   // nested arrays and objects
    uint32_t values;  // names do not count
    int64_t digits;   // significant decimal digits of a number
    int64_t exponent; // of a number in scientific notation, both ways
    int64_t expanded; // digits of all numbers, written without exponents
};

// Why a text was refused. Never quotes the input.
enum json_fault {
    JSON_FAULT_NONE,
    JSON_FAULT_SYNTAX,
    JSON_FAULT_DUPLICATE,
    JSON_FAULT_STRING, // not UTF-8, NUL, or half a surrogate pair
    JSON_FAULT_NUMBER,
    JSON_FAULT_DEPTH,
    JSON_FAULT_VALUES,
    JSON_FAULT_MEMORY // the document's ceiling, or none to be had
};

// "a name comes twice in an object"
const char *json_fault_text(enum json_fault fault);

struct json_shapes;

struct json_parser {
    bool nul; // \u0000 is let in, which no text column can hold; set behind json_parser_init()
    struct json_shapes *shapes; // NULL before the first text
    struct json *values;        // of containers that are open, innermost last
    struct str *names;          // of members, at the same places
    uint32_t capacity;
};

struct json_doc {
    struct arena arena;
    const struct json *root; // NULL before a parse that went well
    struct json_parser *parser;
    struct json_shapes *shapes; // that the tree refers to, counted
    struct json_parser own;
};

void json_parser_init(struct json_parser *parser);
void json_parser_release(struct json_parser *parser);

// NULL for `parser`: the document has one of its own. `ceiling` bounds the tree's memory.
void json_doc_init(struct json_doc *doc, struct json_parser *parser, size_t ceiling);
void json_doc_release(struct json_doc *doc);
void json_doc_reset(struct json_doc *doc);
// Any JSON value may be the root. `*ret_offset` is the byte where it stopped (may be NULL).
MUST_CHECK enum json_fault json_doc_parse(struct json_doc *doc, struct str text, size_t *ret_offset);
// As above within rules, and white space outside strings is taken out of the text, nothing else changed: on
// JSON_FAULT_NONE its first `*len` bytes, a new length, are what is left. On a fault its content is
// undefined.
MUST_CHECK enum json_fault json_doc_take(struct json_doc *doc, char *text, size_t *len,
                                         const struct json_rules *rules, size_t *ret_offset);

#endif
