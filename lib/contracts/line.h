// SPDX-License-Identifier: Apache-2.0
// From a JSON Pointer to a line of the file, for people who mend it.
#ifndef VOX_CONTRACTS_LINE_H
#define VOX_CONTRACTS_LINE_H

#include "lib/base/str.h"

// The line, from 1, of an offset in the text.
unsigned line_of_offset(struct str text, size_t offset);
// The line where what the pointer leads to begins, a member with its name. Where the way ends early, at a
// name that is missing or one that the text spells with escapes, it is the line of the last step that was
// found. `text` is JSON; `pointer` may be one out of a URI, with %XX.
unsigned line_of_pointer(struct str text, struct str pointer);

#endif
