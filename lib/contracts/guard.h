// SPDX-License-Identifier: Apache-2.0
// The content guard: no string of an event is a path of somebody's machine, a person or a secret.
//
// guard_load() reads guard.yaml. contract_judge() calls guard_judge() for an event that its contract's schema
// has taken. By default all rules hold for S0 and S1 and none for S2; a row of index.yaml says otherwise.
// Values are looked at wherever they stand, in members that the schema knows and in others; names of members
// are not.
#ifndef VOX_CONTRACTS_GUARD_H
#define VOX_CONTRACTS_GUARD_H

#include "lib/base/arena.h"
#include "lib/contracts/guard_match.h"

#define GUARD_ALL "all" // every rule, in a row of index.yaml; no rule is named so

// Everything is copied into `arena`.
MUST_CHECK bool guard_load(const char *path, struct arena *arena, struct guard **ret_guard, struct err *err);
// Index of the rule of this name, or GUARD_NONE.
uint32_t guard_find(const struct guard *guard, struct str name);
// PROBLEM_NONE, content_refused, or what is wrong with a JSON text inside the event: schema_invalid, or the
// problem of having no memory for it. On a refusal it fills the judgement's one error.
MUST_CHECK enum problem guard_judge(const struct guard *guard, const struct contract *contract,
                                    const struct json *event, struct judgement *judgement);

#endif
