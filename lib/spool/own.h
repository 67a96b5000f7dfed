// SPDX-License-Identifier: Apache-2.0
// What the spool's own logs share (attempts.c, kept.c, sent.c): lines of a file, and rows found by name.
//
// A log is text by lines, appended to by the uploader alone. A crash may cut its last line: own_append()
// ends that line, so that it does not swallow the next, and own_read() hands it out as none.
#ifndef VOX_SPOOL_OWN_H
#define VOX_SPOOL_OWN_H

#include "lib/spool/spool.h"

#include <sodium.h>
#include <stdio.h>

// For reading, from the start; NULL in `*ret_file` where there is no such log.
MUST_CHECK bool own_open(struct spool *spool, const char *name, FILE **ret_file, struct err *err);
// Closes; false if reading has failed. NULL is fine.
MUST_CHECK bool own_close(struct spool *spool, const char *name, FILE *file, struct err *err);
// The next line, without its end and with a NUL behind it. Empty where it is cut short, longer than `size` or
// has a NUL in it. False at the end of the file.
bool own_read(FILE *file, char *line, size_t size);
// For appending, made where it is missing, the end mended; the root is synced when the log is empty.
MUST_CHECK bool own_append(struct spool *spool, const char *name, int *ret_fd, struct err *err);

// Names are remembered as hashes under a key of this process, so that nobody can choose names that collide.
struct own_key {
    unsigned char bytes[crypto_shorthash_KEYBYTES];
};
uint64_t own_hash(const struct own_key *key, const char *name);
// The first row that is not below `hash`, or `count`. Rows are sorted by hash, which is their first member.
size_t own_lower_bound(const void *rows, size_t count, size_t row_size, uint64_t hash);

#endif
