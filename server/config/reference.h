// SPDX-License-Identifier: Apache-2.0
// The pages of docs/reference that are made from tables; config_print_reference() makes the third.
#ifndef VOX_SERVER_REFERENCE_H
#define VOX_SERVER_REFERENCE_H

#include <stdio.h>

void reference_problems(FILE *out);
void reference_metrics(FILE *out);

#endif
