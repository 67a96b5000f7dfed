// SPDX-License-Identifier: Apache-2.0
// index.yaml: its rows, checked one by one and against each other, in the order of the file.
#ifndef VOX_CONTRACTS_INDEX_H
#define VOX_CONTRACTS_INDEX_H

#include "lib/contracts/guard.h"
#include "lib/contracts/rule.h"

#define CONTRACTS_MAX 512
#define VERSION_MAX   9999

// A contract as far as the index tells: its retention, schema text, hash, program and place are still
// missing.
struct index_row {
    struct contract contract;
    struct rule rule;
    size_t place;         // among the rows, from 0
    unsigned schema_line; // where the file names its schema
};

struct index {
    struct index_row *rows; // by id, then by version
    size_t count;
    struct contract_reserved *reserved; // in the order of the file
    size_t reserved_count;
};

// Everything is copied into `arena`. `guard` is what rows may turn rules of off by name.
MUST_CHECK bool index_load(const char *path, const struct guard *guard, struct arena *arena,
                           struct index *ret_index, struct err *err);

#endif
