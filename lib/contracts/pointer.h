// SPDX-License-Identifier: Apache-2.0
// JSON Pointers (RFC 6901): looking up what the index points to.
#ifndef VOX_CONTRACTS_POINTER_H
#define VOX_CONTRACTS_POINTER_H

#include "lib/base/str.h"
#include "lib/json/value.h"

#define POINTER_MAX 256 // bytes

// Not empty, at most POINTER_MAX bytes, begins with "/", and "~" stands only in "~0" and "~1".
MUST_CHECK bool pointer_well_formed(struct str pointer);
// NULL if there is nothing; an array's "-" is nothing. `pointer` is well-formed or empty, which is the root.
const struct json *pointer_get(const struct json *root, struct str pointer);

#endif
