// SPDX-License-Identifier: Apache-2.0
// What a contract set is made of; for this folder only.
#ifndef VOX_CONTRACTS_SET_H
#define VOX_CONTRACTS_SET_H

#include "lib/contracts/guard.h"
#include "lib/contracts/recognise.h"

#include <stdatomic.h>

#define SCHEMA_FILE_MAX (1024 * 1024)
#define SET_BYTES_MAX   (64 * 1024 * 1024)

struct contract_set {
    atomic_uint references;
    struct arena arena; // everything that the set reaches, but for programs and itself
    struct contract *contracts;
    size_t count;
    struct contract_reserved *reserved;
    size_t reserved_count;
    struct recogniser recogniser;
    struct guard *guard;
    char hash[SHA256_HEX_LEN + 1];
};

// Reads and compiles the schema of every row (schemas.c); on failure programs made so far stay in the rows.
MUST_CHECK bool schemas_load(const char *dir, struct arena *arena, struct index *index, struct err *err);

#endif
