// SPDX-License-Identifier: Apache-2.0
// retention-policy.yaml and an operator's overrides: how long the events of each contract stay.
#ifndef VOX_CONTRACTS_RETENTION_H
#define VOX_CONTRACTS_RETENTION_H

#include "lib/contracts/index.h"

#define RETENTION_DAYS_MAX 36500

// Fills the retention of every row: one policy row for each contract and none for any other.
// `overrides_path` may be NULL. Everything is copied into `arena`.
MUST_CHECK bool retention_load(const char *path, const char *overrides_path, struct arena *arena,
                               struct index *index, struct err *err);

#endif
