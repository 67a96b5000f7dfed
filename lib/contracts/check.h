// SPDX-License-Identifier: Apache-2.0
// `vox-sink contracts check`: is a contracts folder good, samples and all?
//
// Beyond what contract_set_load() refuses, it holds the samples against the schemas:
//   samples/<contract>/valid/*.json            each is recognised as its family and judged valid
//   samples/<contract>/invalid/<case>.json     each is refused as <case>.expect.json says:
//       {"code": "schema_invalid", "pointer": "/ModelCall/latency_ms", "keyword": "minimum"}
//   (pointer and keyword only where the code has errors)
//
// What the content guard refuses is {"code": "content_refused", "pointer": …, "keyword": "guard"}.
//
// It also reports schemas and samples that belong to no contract, contracts without samples, and pointers to
// subjects or JSON texts that no valid sample answers.
#ifndef VOX_CONTRACTS_CHECK_H
#define VOX_CONTRACTS_CHECK_H

#include "lib/contracts/contracts.h"

struct contract_check_tally {
    size_t contracts;
    size_t valid; // samples looked at
    size_t invalid;
    size_t faults; // how often `report` was called
};

// Says one thing that is wrong: `file` is "<path>" or "<path>:<line>", the message has no trailing newline.
typedef void contract_report(void *context, struct str file, struct str message);

// True if nothing was reported. A set that does not load is one report, and its samples are not looked at.
// One thread at a time for one `context`.
bool contract_check(const char *dir, const char *overrides_path, contract_report *report, void *context,
                    struct contract_check_tally *ret_tally);

#endif
