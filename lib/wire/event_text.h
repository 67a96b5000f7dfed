// SPDX-License-Identifier: Apache-2.0
// The JSON text of one event: the lexical door, and the hash that names its content.
//
// event_text_scan() makes one pass over the bytes as received. It refuses what PostgreSQL's jsonb or a parser
// would choke on (limits.h: depth, values, digits, exponents), writes the text with white space outside
// strings removed, and nothing else changed, into `minified`, and leaves syntax that it need not know to the
// parser that comes next. The content hash is SHA-256 (FIPS 180-4) of that minified text, so that the pretty
// file, the compact post and the batch line of one event agree. Both ends of the wire call these two
// functions.
#ifndef VOX_WIRE_EVENT_TEXT_H
#define VOX_WIRE_EVENT_TEXT_H

#include "lib/wire/problem.h"

#define SHA256_LEN     32
#define SHA256_HEX_LEN 64

// `minified` is appended to; it may be shorter than the input, never longer. On a problem its content is
// undefined.
MUST_CHECK enum problem event_text_scan(struct str text, struct buf *minified);
// As above over the text itself: on PROBLEM_NONE its first `*len` bytes, a new length, are the minified text;
// on a problem its content is undefined.
MUST_CHECK enum problem event_text_scan_in_place(char *text, size_t *len);

// Once in main(): OpenSSL's first hash makes what all later ones use, and does not live through lack of
// memory.
void sha256_setup(void);
void sha256(struct str bytes, uint8_t ret_digest[static SHA256_LEN]);
void sha256_hex(const uint8_t digest[static SHA256_LEN], char ret_text[static SHA256_HEX_LEN + 1]);
// Lower or upper case, exactly 64 digits.
MUST_CHECK bool sha256_from_hex(struct str text, uint8_t ret_digest[static SHA256_LEN]);

// The problem that a failed parse means to the client.
enum problem event_text_fault(int json_fault);

#endif
