// SPDX-License-Identifier: Apache-2.0
// JSON Schema's equality of values: 1 equals 1.0, at any depth, and false is not 0.
#ifndef VOX_SCHEMA_EQUAL_H
#define VOX_SCHEMA_EQUAL_H

#include "lib/schema/schema.h"

struct jsv_context;

// JSV_LIMIT if the context's steps ran out. Each value looked at costs a step.
MUST_CHECK enum jsv_verdict jsv_equal(struct jsv_context *context, const struct json *a,
                                      const struct json *b);
// Whether no two elements are equal. Uses the context's table.
MUST_CHECK enum jsv_verdict jsv_unique(struct jsv_context *context, const struct json *array);

#endif
