// SPDX-License-Identifier: Apache-2.0
// The migrations/ folder inside the binary; cmake/embed_migrations.cmake writes the table.
#ifndef VOX_STORE_MIGRATIONS_H
#define VOX_STORE_MIGRATIONS_H

#include "lib/base/base.h"

struct migration {
    int version;
    const char *name;
    const char *sql; // NUL-terminated
    size_t sql_len;
};

extern const struct migration migrations[]; // by version, from 1 without gaps
extern const size_t migration_count;

#endif
