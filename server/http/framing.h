// SPDX-License-Identifier: Apache-2.0
// Is this request's head framed in a way that nobody between the client and us can read differently?
//
// Pure functions over what the HTTP library parsed. They refuse what libmicrohttpd 0.9.75 lets through:
// doubled or contradictory lengths, odd Transfer-Encoding, blanks before a colon, folded lines, lines that
// end with LF alone, a second Host, and request targets that decode to something else than they look like.
#ifndef VOX_HTTP_FRAMING_H
#define VOX_HTTP_FRAMING_H

#include "lib/base/str.h"
#include "lib/wire/problem.h"

#define FRAMING_HEADERS_MAX 64

struct framing_header {
    struct str name;
    struct str value;
    bool folded; // the line was continued on the next one
    bool bare;   // the line ended with LF alone
};

struct framing_head {
    struct str method; // as sent
    struct str version;
    const struct framing_header *headers;
    size_t count;
};

struct framing {
    bool has_length;
    uint64_t length; // 0 without has_length
    bool chunked;
    bool expects_continue;
};

// PROBLEM_NONE, http_malformed or length_required; `*ret_reason` (static) says why, for the client.
MUST_CHECK enum problem framing_judge(const struct framing_head *head, struct framing *ret_framing,
                                      struct str *ret_reason);
// The request target as sent, not decoded. `*ret_reason` (static) is set on refusal.
MUST_CHECK enum problem framing_judge_target(struct str target, struct str *ret_reason);

#endif
