// SPDX-License-Identifier: Apache-2.0
// The uses of tokens that are yet to be written down.
#ifndef VOX_CATALOG_USES_H
#define VOX_CATALOG_USES_H

#include "server/store/admin.h"

#define USES_MANY 65536 // between two loads; a use beyond is forgotten

struct uses {
    struct token_use *list;
    size_t count;
    size_t room;
};

void uses_add(struct uses *uses, int32_t token_id, int64_t at);
void uses_release(struct uses *uses);

#endif
