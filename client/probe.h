// SPDX-License-Identifier: Apache-2.0
// The doctor's questions to a sink: its clock, its contracts, and whether it takes an event from here.
#ifndef VOX_CLIENT_PROBE_H
#define VOX_CLIENT_PROBE_H

#include "client/findings.h"
#include "client/settings.h"
#include "lib/spool/spool.h"

// GET /version, then one event of the contract vox-telemetry-probe.v1, which holds this program's version and
// nothing else. It is kept for a day, is no telemetry, and stands in sent.log like everything that was sent.
void probe_sink(struct findings *findings, const struct endpoint *endpoint, const struct token *token,
                const struct signing_key *key, struct spool *spool);

#endif
