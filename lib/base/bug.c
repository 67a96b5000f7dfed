// SPDX-License-Identifier: Apache-2.0
// The end of a process that found its own state impossible.
#include "lib/base/base.h"

#include <stdio.h>
#include <stdlib.h>

void bug_abort(const char *file, int line, const char *text)
{
    fprintf(stderr, "BUG %s:%d: %s\n", file, line, text);
    abort();
}
