// SPDX-License-Identifier: Apache-2.0
// URI references (RFC 3986) and JSON Pointers (RFC 6901) as schemas use them.
#ifndef VOX_SCHEMA_URI_H
#define VOX_SCHEMA_URI_H

#include "lib/base/buf.h"

struct uri {
    struct str scheme, authority, path, query, fragment; // absent (NULL) differs from empty
};

// Every text is some reference.
struct uri uri_split(struct str text);
// Appends `reference` resolved against `base` (section 5.2), without a fragment.
void uri_resolve(struct buf *out, struct str base, struct str reference);
// Appends the text with %XX replaced; false on a bad escape or an escaped NUL.
MUST_CHECK bool uri_decode(struct buf *out, struct str text);
// Appends a JSON Pointer's text as a fragment: what a fragment may not hold becomes %XX.
void uri_encode_fragment(struct buf *out, struct str text);

// Appends "/" and the name with "~" and "/" escaped.
void pointer_put_name(struct buf *out, struct str name);
// Cuts the next token off `*rest` (which starts with "/") and appends it unescaped; false on a bad escape.
MUST_CHECK bool pointer_next(struct str *rest, struct buf *ret_token);

#endif
