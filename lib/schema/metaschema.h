// SPDX-License-Identifier: Apache-2.0
// The metaschemas that come with the library (private to lib/schema).
//
// They enter a registry when something names them: a $ref, a $schema, or the check of a document against its
// metaschema.
#ifndef VOX_SCHEMA_METASCHEMA_H
#define VOX_SCHEMA_METASCHEMA_H

#include "lib/schema/compile.h"

struct jsv_metaschema {
    const char *uri;
    const unsigned char *text;
    size_t len;
};

extern const struct jsv_metaschema jsv_metaschemas[]; // made from metaschemas/ by the build
extern const unsigned jsv_metaschema_count;

// Adds the metaschema of that URI if we have it and it is not there; `*ret_added` tells.
MUST_CHECK bool jsv_metaschema_add(struct jsv_registry *registry, struct str uri, bool *ret_added,
                                   struct err *err);
#define METASCHEMA_ERRORS 64 // looked at where a document mixes dialects

// Whether all resources of a document are written in the dialect of its root.
bool jsv_metaschema_is_uniform(const struct jsv_registry *registry, uint32_t document);
// Of what a metaschema says about the resource whose root is `root`, the first that is not about a resource
// of another dialect within it; NULL if there is none.
const struct jsv_error *jsv_metaschema_own_fault(const struct jsv_registry *registry, uint32_t root,
                                                 const struct jsv_error *errors, size_t count);
// Holds every document that the program was compiled from to the metaschema of its dialect, and
// each resource embedded in one to its own.
MUST_CHECK bool jsv_metaschema_check(struct jsv_compiler *c);

#endif
