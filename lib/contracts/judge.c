// SPDX-License-Identifier: Apache-2.0
// Judging an event: its family by content or pin, its version by what validates, its errors for the client.
#include "lib/contracts/contracts.h"

#include "lib/contracts/set.h"

const struct contract *contract_recognise(const struct contract_set *set, const struct json *event)
{
    size_t found = recogniser_find(&set->recogniser, event);
    return found == SIZE_MAX ? NULL : &set->contracts[found];
}

static void explain(const struct contract *contract, struct jsv_context *context, const struct json *event,
                    struct judgement *judgement)
{
    struct jsv_error errors[LIMIT_ERRORS];
    judgement->error_count = jsv_explain(contract->program, context, event, errors, LIMIT_ERRORS);
    for (size_t i = 0; i < judgement->error_count; i++)
        judgement->errors[i] = (struct problem_error){
            .pointer = errors[i].pointer, .keyword = errors[i].keyword, .message = errors[i].message};
}

enum problem contract_guard_alone(const struct contract_set *set, const struct contract *contract,
                                  const struct json *event)
{
    static const struct str no_names[1];
    static const struct contract anyone = {.guarded = UINT64_MAX, .stated = no_names};
    struct judgement judgement;
    return guard_judge(set->guard, contract ? contract : &anyone, event, &judgement);
}

enum problem contract_judge(const struct contract_set *set, struct jsv_context *context,
                            const struct json *event, struct str pin_id, unsigned pin_version,
                            struct judgement *ret_judgement)
{
    bool pinned = pin_id.ptr != NULL;
    const struct contract *newest =
        pinned ? contract_set_find_version(set, pin_id, pin_version) : contract_recognise(set, event);
    ret_judgement->contract = newest;
    ret_judgement->error_count = 0;
    if (!newest)
        return PROBLEM_unknown_contract;

    // From the newest version down; older ones of the family stand before it in the set.
    bool limited = false;
    for (const struct contract *contract = newest;; contract--) {
        enum jsv_verdict verdict = jsv_validate(contract->program, context, event);
        if (verdict == JSV_VALID) {
            ret_judgement->contract = contract;
            return guard_judge(set->guard, contract, event, ret_judgement);
        }
        limited = limited || verdict == JSV_LIMIT;
        if (pinned || contract == set->contracts || !str_eq(contract[-1].id, newest->id))
            break;
    }
    if (limited)
        return PROBLEM_schema_limit;
    explain(newest, context, event, ret_judgement);
    return PROBLEM_schema_invalid;
}
