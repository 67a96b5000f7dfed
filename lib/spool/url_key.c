// SPDX-License-Identifier: Apache-2.0
// Hashing of the query.
#include "lib/spool/url_key.h"
#include "lib/base/str.h"
#include "lib/wire/event_text.h"

#include <stdio.h>

// No URL that is sent to has a fragment.
#define KEY_QUERY "?...#"

const char *url_key(const char *url, char ret_text[static URL_KEY_BYTES])
{
    uint8_t digest[SHA256_LEN];
    char hex[SHA256_HEX_LEN + 1];
    size_t query = strcspn(url, "?");
    if (!url[query] || str_starts(str_from(url + query), STR(KEY_QUERY))) {
        snprintf(ret_text, URL_KEY_BYTES, "%s", url);
        return ret_text;
    }
    sha256(str_from(url + query), digest);
    sha256_hex(digest, hex);
    snprintf(ret_text, URL_KEY_BYTES, "%.*s" KEY_QUERY "%.16s", (int)query, url, hex);
    return ret_text;
}
