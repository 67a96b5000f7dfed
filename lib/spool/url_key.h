// SPDX-License-Identifier: Apache-2.0
// By what the spool's journals know a sink: its URL, with a hash in place of the query, which may be a
// secret.
#ifndef VOX_SPOOL_URL_KEY_H
#define VOX_SPOOL_URL_KEY_H

#include <stddef.h>

#define URL_KEY_BYTES 2112 // of a URL of up to 2 KiB, with its NUL

// "https://host/path?...#<16 hex digits>", or the URL itself where it has no query; of a key the key. Gives
// ret_text.
const char *url_key(const char *url, char ret_text[static URL_KEY_BYTES]);

#endif
