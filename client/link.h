// SPDX-License-Identifier: Apache-2.0
// Finding the batch endpoint in the header Link (RFC 8288) of an answer.
#ifndef VOX_CLIENT_LINK_H
#define VOX_CLIENT_LINK_H

#include "client/settings.h"

// The target of the first link with rel="batch", made absolute against `url`, that is of the same scheme,
// host and port: token and events go nowhere else. False if there is none.
MUST_CHECK bool link_batch(const char *header, const char *url, char ret_url[static URL_MAX_BYTES]);

#endif
