// SPDX-License-Identifier: Apache-2.0
// What a person can do about a reason for which the upload stopped or kept something.
#ifndef VOX_CLIENT_ADVICE_H
#define VOX_CLIENT_ADVICE_H

// One or two sentences, static; NULL where there is nothing to say. Labels are problem codes and the words
// of lib/spool/answer.h.
const char *advice_for(const char *label);

#endif
