// SPDX-License-Identifier: Apache-2.0
// What the doctor found: said as it comes, counted for the exit code.
#ifndef VOX_CLIENT_FINDINGS_H
#define VOX_CLIENT_FINDINGS_H

#include "lib/base/buf.h"

enum finding { FINDING_FINE, FINDING_WARNING, FINDING_FAULT };

struct findings {
    bool json; // collected, and printed by findings_end()
    unsigned warnings, faults;
    struct buf text;
};

void findings_begin(struct findings *findings, bool json);
// `about` is one word ("spool"); `text` a clause; `detail` foreign text behind it, made safe, may be absent.
void findings_say(struct findings *findings, enum finding finding, const char *about, const char *text,
                  struct str detail);
// What to do about the last one, for people.
void findings_advise(struct findings *findings, const char *advice);
void findings_end(struct findings *findings);

#endif
