// SPDX-License-Identifier: Apache-2.0
// The pages of docs/reference that are made from tables, and config_print_reference() makes another.
#ifndef VOX_SERVER_REFERENCE_H
#define VOX_SERVER_REFERENCE_H

#include "lib/contracts/contracts.h"

#include <stdio.h>

void reference_problems(FILE *out);
void reference_metrics(FILE *out);
// Of a set that was loaded without an operator's overrides.
void reference_taxonomy(FILE *out, const struct contract_set *set);
void reference_retention(FILE *out, const struct contract_set *set);

#endif
