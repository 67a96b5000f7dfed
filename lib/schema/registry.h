// SPDX-License-Identifier: Apache-2.0
// Where every subschema of every document is, and what each URI names (private to lib/schema).
//
// Adding a document walks it once by its dialect's keywords: a resource per `$id`, a name per anchor, an
// entry per subschema with its pointer. Text in `enum`, `const` or unknown keywords is data and names
// nothing.
#ifndef VOX_SCHEMA_REGISTRY_H
#define VOX_SCHEMA_REGISTRY_H

#include "lib/base/arena.h"
#include "lib/base/buf.h"
#include "lib/json/parse.h"
#include "lib/schema/keyword.h"
#include "lib/schema/vec.h"

#define JSV_NONE UINT32_MAX

#define REGISTRY_BYTES (64u << 20) // of names and pointers

struct jsv_resource {
    struct str uri; // without fragment
    enum jsv_dialect dialect;
    unsigned vocabularies; // set of enum jsv_vocabulary
    uint32_t metaschema;   // subschema of one's own, or JSV_NONE: the dialect's
};

struct jsv_subschema {
    const struct json *node;
    uint32_t resource;
    uint32_t document;  // which jsv_registry_add() brought it
    struct str pointer; // from the resource's root
};

// A map that only grows. The keys are the caller's.
struct jsv_name {
    struct str key;
    uint32_t value;
};

struct jsv_names {
    struct jsv_name *at;
    uint32_t count;
    uint32_t capacity;
    uint32_t *slots; // index in `at` + 1; 0 is empty
    uint32_t size;
};

struct jsv_document {
    const struct json *json;
    uint32_t root;        // subschema, or JSV_NONE if it could not be added
    struct json_doc *own; // a metaschema of ours, or NULL
};

struct jsv_checker {
    uint32_t metaschema; // subschema
    struct jsv_program *program;
};

// A $dynamicAnchor.
struct jsv_dynamic {
    struct str name;
    uint32_t resource;
    uint32_t subschema;
};

struct jsv_registry {
    struct arena arena;
    struct jsv_names names; // URI, or URI#anchor -> index in `subschemas`
    VEC(struct jsv_document) documents;
    VEC(struct jsv_dynamic) dynamics;
    VEC(struct jsv_resource) resources;
    VEC(struct jsv_subschema) subschemas;
    uint32_t *index; // subschema + 1 by address of an object node; 0 is empty
    uint32_t index_size;
    VEC(struct jsv_checker) checkers; // metaschemas, compiled
};

// What `reference` names, read at a schema of `resource`. The sentence in `err` starts with the URI.
MUST_CHECK bool jsv_registry_resolve(struct jsv_registry *registry, uint32_t resource, struct str reference,
                                     uint32_t *ret_subschema, struct err *err);
// As above for an absolute URI.
MUST_CHECK bool jsv_registry_find(struct jsv_registry *registry, struct str uri, uint32_t *ret_subschema,
                                  struct err *err);
// The subschema `node` that stands under `keyword`, and there under `name` if that is not absent.
MUST_CHECK bool jsv_registry_child(struct jsv_registry *registry, uint32_t parent, const char *keyword,
                                   struct str name, const struct json *node, uint32_t *ret_subschema,
                                   struct err *err);
// JSV_NONE if the name is not there.
uint32_t jsv_names_find(const struct jsv_names *names, struct str key);
MUST_CHECK bool jsv_names_add(struct jsv_names *names, struct str key, uint32_t value);

// Its URI with the pointer as the fragment, or with a longer pointer.
void jsv_registry_location(const struct jsv_registry *registry, uint32_t subschema, struct buf *out);

#endif
