// SPDX-License-Identifier: Apache-2.0
// jansson as a peer, in a file of its own: its names are not ours.
#ifndef VOX_BENCH_JANSSON_H
#define VOX_BENCH_JANSSON_H

#include <stdbool.h>
#include <stddef.h>

// Parses and frees; false if the text is refused.
bool jansson_reads(const char *text, size_t len);

#endif
