// SPDX-License-Identifier: Apache-2.0
// The JSON text of one event: the door that it comes through, and the hash that names its content.
//
// event_text_parse() reads the bytes as received once. It refuses what is no JSON object, what PostgreSQL's
// jsonb would choke on (limits.h: depth, values, digits, exponents), and takes white space outside strings
// out of the text, nothing else changed. The content hash is SHA-256 (FIPS 180-4) of that minified text, so
// that the pretty file, the compact post and the batch line of one event agree. Both ends of the wire call
// these two functions.
#ifndef VOX_WIRE_EVENT_TEXT_H
#define VOX_WIRE_EVENT_TEXT_H

#include "lib/json/parse.h"
#include "lib/wire/problem.h"

#define SHA256_LEN     32
#define SHA256_HEX_LEN 64

// On PROBLEM_NONE the first `*len` bytes of the text, a new length, are the minified text, the document's
// root is an object, and its strings are in the text; on a problem the text's content is undefined. The
// document's parser is best one that reads many events.
MUST_CHECK enum problem event_text_parse(struct json_doc *doc, char *text, size_t *len);
// As above for a JSON text in a string of an event, which may be any value.
MUST_CHECK enum problem event_text_parse_embedded(struct json_doc *doc, char *text, size_t *len);

void sha256(struct str bytes, uint8_t ret_digest[static SHA256_LEN]);
void sha256_hex(const uint8_t digest[static SHA256_LEN], char ret_text[static SHA256_HEX_LEN + 1]);
// Lower or upper case, exactly 64 digits.
MUST_CHECK bool sha256_from_hex(struct str text, uint8_t ret_digest[static SHA256_LEN]);

// The problem that a failed parse means to the client.
enum problem event_text_fault(enum json_fault fault);

#endif
