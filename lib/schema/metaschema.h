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
// Holds every document that the program was compiled from to the metaschema of its dialect.
MUST_CHECK bool jsv_metaschema_check(struct jsv_compiler *c);

#endif
