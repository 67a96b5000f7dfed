// SPDX-License-Identifier: Apache-2.0
// Text inside what shells and groff read: a program prints its completions and manual page from its own
// tables.
#ifndef VOX_BASE_QUOTE_H
#define VOX_BASE_QUOTE_H

#include <stdio.h>

// Inside single quotes of zsh, as a description of _arguments or _describe.
void quote_zsh(FILE *out, const char *text);
// A word of fish, with its quotes.
void quote_fish(FILE *out, const char *text);
// Text of a manual page; it begins a line.
void quote_roff(FILE *out, const char *text);

#endif
