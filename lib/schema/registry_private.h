// SPDX-License-Identifier: Apache-2.0
// What registry.c, registry_walk.c and registry_resolve.c share.
#ifndef VOX_SCHEMA_REGISTRY_PRIVATE_H
#define VOX_SCHEMA_REGISTRY_PRIVATE_H

#include "lib/schema/registry.h"

// The subschema of an object node, or JSV_NONE.
uint32_t jsv_registry_of_node(const struct jsv_registry *registry, const struct json *node);
MUST_CHECK bool jsv_registry_push(struct jsv_registry *registry, const struct jsv_subschema *subschema,
                                  uint32_t *ret_index, struct err *err);
// "<parent>/<keyword>[/<name>]" in the registry's arena; absent when memory is out.
struct str jsv_registry_pointer(struct jsv_registry *registry, struct str parent, const char *keyword,
                                struct str name);
// Takes `own`, the document that the tree is in, where it is one of ours, whatever comes.
MUST_CHECK bool jsv_registry_add_document(struct jsv_registry *registry, struct str uri,
                                          const struct json *schema, struct json_doc *own,
                                          enum jsv_dialect default_dialect, struct err *err);
MUST_CHECK bool jsv_registry_walk_document(struct jsv_registry *registry, uint32_t document, struct str uri,
                                           enum jsv_dialect dialect, uint32_t *ret_root, struct err *err);
// The subschema that a URI without fragment names, ours included; JSV_NONE if nothing does.
MUST_CHECK bool jsv_registry_name(struct jsv_registry *registry, struct str uri, uint32_t *ret_subschema,
                                  struct err *err);
// The member or element that a reference token without its escapes names; NULL if there is none.
const struct json *jsv_registry_step(const struct json *node, struct str token);
// Enters `at` and all schemas below it; `*ret_index` is its own.
MUST_CHECK bool jsv_registry_walk(struct jsv_registry *registry, const struct jsv_subschema *at,
                                  unsigned depth, uint32_t *ret_index, struct err *err);

// A resource as `like` says, with the dialect that `schema` states, if it does. The URI is copied.
MUST_CHECK bool jsv_registry_add_resource(struct jsv_registry *registry, const struct json *schema,
                                          const struct jsv_resource *like, uint32_t *ret_resource,
                                          struct err *err);

#endif
