// SPDX-License-Identifier: Apache-2.0
// The inside of snapshots: only the catalog makes them.
#ifndef VOX_CATALOG_SNAPSHOT_H
#define VOX_CATALOG_SNAPSHOT_H

#include "server/catalog/catalog.h"

#include <stdatomic.h>

MUST_CHECK struct snapshot *
snapshot_new(struct contract_set *contracts); // takes a reference; NULL: no memory
struct snapshot *snapshot_ref(struct snapshot *snapshot);

#endif
