// SPDX-License-Identifier: Apache-2.0
// Is this request framed in a way that nobody between the client and us can read differently?
//
// Pure functions over what head_parse() took. They refuse doubled, odd or contradictory lengths and codings,
// a second Host, a body where none belongs, and targets that decode to something else than they look like.
#ifndef VOX_HTTP_FRAMING_H
#define VOX_HTTP_FRAMING_H

#include "server/http/head.h"

struct framing {
    bool has_length;
    uint64_t length; // 0 without has_length
    bool chunked;
    bool expects_continue;
    bool keeps_alive; // the client means to send another
};

// PROBLEM_NONE, http_malformed or length_required; `*ret_reason` (static) says why, for the client, or is
// absent where the problem's own text does. `*ret_framing` is set in any case, after a refusal to what was
// read before it: a body may come all the same.
MUST_CHECK enum problem framing_judge(const struct head *head, struct framing *ret_framing,
                                      struct str *ret_reason);
// The request target as sent, not decoded. `*ret_reason` (static) is set on refusal.
MUST_CHECK enum problem framing_judge_target(struct str target, struct str *ret_reason);

#endif
