// SPDX-License-Identifier: Apache-2.0
// Accept (RFC 9110 section 12.5.1): which of the two forms of a page a client asks for.
//
// A zeroed struct, accept_add() with the value of each Accept line, accept_choose(). Of the ranges that match
// a form the most specific counts, and of equally specific ones the first; a range with a malformed weight is
// ignored, and so are parameters other than the weight.
#ifndef VOX_API_ACCEPT_H
#define VOX_API_ACCEPT_H

#include "lib/base/str.h"
#include "lib/wire/problem.h"

enum accept_form { ACCEPT_JSON, ACCEPT_NDJSON, ACCEPT_FORMS };

struct accept {
    bool any; // something was asked for
    struct {
        unsigned specific; // 0: no range matched; 1 */*, 2 application/*, 3 the type itself
        unsigned weight;   // thousandths
    } form[ACCEPT_FORMS];
};

void accept_add(struct accept *accept, struct str value);
// The form of the greater weight; of equal ones NDJSON if it is named, else JSON. Without any Accept JSON.
// not_acceptable if neither may be sent.
MUST_CHECK enum problem accept_choose(const struct accept *accept, enum accept_form *ret_form);

#endif
