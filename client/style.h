// SPDX-License-Identifier: Apache-2.0
// Colour, where a person reads on a terminal and has not said NO_COLOR.
#ifndef VOX_CLIENT_STYLE_H
#define VOX_CLIENT_STYLE_H

#include <stdio.h>

enum style { STYLE_PLAIN, STYLE_BOLD, STYLE_DIM, STYLE_GOOD, STYLE_WARN, STYLE_BAD };

// The escape sequence that begins (or with STYLE_PLAIN ends) a style on this stream; "" where `to` is no
// terminal, TERM is "dumb" or unset, or NO_COLOR is set and not empty. Meaning never hangs on colour alone.
const char *style(FILE *to, enum style which);

#endif
