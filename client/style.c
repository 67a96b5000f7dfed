// SPDX-License-Identifier: Apache-2.0
// Escape sequences, or none.
#include "client/style.h"
#include "lib/base/base.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool is_coloured(FILE *to)
{
    const char *no = getenv("NO_COLOR"), *term = getenv("TERM");
    return !(no && *no) && term && *term && strcmp(term, "dumb") != 0 && isatty(fileno(to)) == 1;
}

const char *style(FILE *to, enum style which)
{
    static const char *const codes[] = {
        [STYLE_PLAIN] = "\033[0m", [STYLE_BOLD] = "\033[1m",  [STYLE_DIM] = "\033[2m",
        [STYLE_GOOD] = "\033[32m", [STYLE_WARN] = "\033[33m", [STYLE_BAD] = "\033[1;31m",
    };
    return is_coloured(to) ? codes[which] : "";
}
