// SPDX-License-Identifier: Apache-2.0
// May anything be sent? The user's record, and the two variables that say no.
//
// The record is $XDG_CONFIG_HOME/vox-telemetry/consent.json, else ~/.config/… (of the user database where
// HOME is not set): of the user, never of a repository, so that no clone brings one. An XDG_CONFIG_HOME in a
// repository lets nothing be sent, unless that is the one that the home folder itself is in, or is ~/.config.
// Where there is no place for a record nothing is sent: there might be one that refuses. Without a record the
// explicit command is the consent; "given" lets events from its moment on be sent; "revoked" lets nothing be
// sent. A record that cannot be read, or that somebody else could have written, lets nothing be sent either.
#ifndef VOX_CLIENT_CONSENT_H
#define VOX_CLIENT_CONSENT_H

#include "lib/base/err.h"

#define CONSENT_PATH_MAX 4096

enum consent_state { CONSENT_NONE, CONSENT_GIVEN, CONSENT_REVOKED };

struct consent {
    enum consent_state state;
    char by[128];    // the user's name
    int64_t at_us;   // when it was said
    int64_t from_us; // GIVEN: events from this moment on
    char path[CONSENT_PATH_MAX];
};

// `path` is set in any case where there is a home.
MUST_CHECK bool consent_load(struct consent *ret_consent, struct err *err);
// False with what to do where a record would not be believed, so that none is given.
MUST_CHECK bool consent_may_give(const struct consent *consent, struct err *err);
// Writes state, from_us and the caller's name at `now_us` to consent->path.
MUST_CHECK bool consent_store(struct consent *consent, int64_t now_us, struct err *err);
// VOX_TELEMETRY=off (0, no, false) or DO_NOT_TRACK (anything but empty, 0, false) is set: which, else NULL.
const char *consent_refusing_variable(void);
// False with the reason where nothing may be sent. `*ret_not_before_us`: older events are held;
// INT64_MIN if none are.
MUST_CHECK bool consent_gate(int64_t *ret_not_before_us, struct err *why);

#endif
