// SPDX-License-Identifier: Apache-2.0
// What a dry run shows on standard output of a request that is ready to go: method, URL, headers with secrets
// masked, and its body; of a batch the lines as they are before compression.
#ifndef VOX_CLIENT_SHOW_H
#define VOX_CLIENT_SHOW_H

#include "client/flight.h"

// `first_batch`: when it is sent, and when not, is said before it.
void show_request_text(const struct flight *flight, bool first_batch);
// An object; `follows`: another one stands before it in the array. A batch has `names` and `lines` where a
// single post has `name` and `body`; `bytes` is the length of the body as sent.
void show_request_json(const struct flight *flight, bool follows);

#endif
