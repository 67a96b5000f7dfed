// SPDX-License-Identifier: Apache-2.0
// What a misspelt word may have meant: near_init(), near_try() with each word that it could be, then `found`.
#ifndef VOX_BASE_NEAR_H
#define VOX_BASE_NEAR_H

#include "lib/base/base.h"

struct near {
    const char *name;
    const char *found; // the nearest; NULL where none takes fewer than 3 edits
    size_t edits;
};

void near_init(struct near *near, const char *name);
// True if `word` is nearer than all before; `found` is it then. Words of 32 bytes or more are near to
// nothing.
bool near_try(struct near *near, const char *word);

#endif
