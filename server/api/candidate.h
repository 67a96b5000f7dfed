// SPDX-License-Identifier: Apache-2.0
// One event's text on its way to be stored: judged, and described as the writer wants it.
//
// Single posts and batch lines share it. Fill the upper half and call candidate_judge(): the text is minified
// where it lies and becomes the event's. It leaves id, time, client and `done` of the event to the caller,
// and the three subjects (session, trace, repository) as views into the text or the api's document: they are
// good until the next candidate is judged, so the caller copies what it keeps.
#ifndef VOX_API_CANDIDATE_H
#define VOX_API_CANDIDATE_H

#include "server/api/api.h"

struct candidate {
    struct api *api;
    const struct snapshot *snapshot;
    const struct token *token;
    struct str pin_id; // absent: recognised by content
    unsigned pin_version;
    char *text; // as received
    size_t len;
    struct event *event;
    int64_t now_us;      // by the database's wall clock, which counts the days of all its sinks
    bool may_quarantine; // the caller answers such an event as it should be: 202

    const struct contract *contract; // of the snapshot; NULL while not known
    struct judgement judgement;
};

// Text, contract, class, schema, guard, expiry, hash. PROBLEM_NONE also for an event that the token's
// policy sends into quarantine: event->quarantine says why, and `contract` is NULL where none is known; and
// for one that can only be a duplicate any more, with event->unless_known.
MUST_CHECK enum problem candidate_judge(struct candidate *candidate);
// The places that belong to `problem`; 0 where it has none.
size_t candidate_errors(const struct candidate *candidate, enum problem problem,
                        const struct problem_error **ret_errors);
// What a receipt says of the contract: its name, or "unknown" for an event quarantined without one.
struct str candidate_contract_name(const struct contract *contract);
// Into the events' metric. `contract` NULL: not known.
void count_event(struct api *api, const struct contract *contract, const char *outcome);
// A new event, with its bytes.
void count_stored(struct api *api, const struct contract *contract, const struct event *event);

#endif
