// SPDX-License-Identifier: Apache-2.0
// What registry.c, registry_walk.c and registry_resolve.c share.
#ifndef VOX_SCHEMA_REGISTRY_PRIVATE_H
#define VOX_SCHEMA_REGISTRY_PRIVATE_H

#include "lib/schema/registry.h"

// The subschema of an object node, or JSV_NONE.
uint32_t jsv_registry_of_node(const struct jsv_registry *registry, const json_t *node);
MUST_CHECK bool jsv_registry_push(struct jsv_registry *registry, const struct jsv_subschema *subschema,
                                  uint32_t *ret_index, struct err *err);
// "<parent>/<keyword>[/<name>]" in the registry's arena; absent when memory is out.
struct str jsv_registry_pointer(struct jsv_registry *registry, struct str parent, const char *keyword,
                                struct str name);
MUST_CHECK bool jsv_registry_walk_document(struct jsv_registry *registry, struct str uri, json_t *schema,
                                           enum jsv_dialect dialect, struct err *err);
// Enters `at` and all schemas below it; `*ret_index` is its own.
MUST_CHECK bool jsv_registry_walk(struct jsv_registry *registry, const struct jsv_subschema *at,
                                  unsigned depth, uint32_t *ret_index, struct err *err);

#endif
