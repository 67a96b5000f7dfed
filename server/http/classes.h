// SPDX-License-Identifier: Apache-2.0
// Which bytes may stand where in HTTP (RFC 9110 section 5, RFC 3986 section 3.2).
#ifndef VOX_HTTP_CLASSES_H
#define VOX_HTTP_CLASSES_H

#include "lib/base/str.h"

#define HTTP_IN_NAME    1 // a token: methods and the names of headers
#define HTTP_IN_HOST    2
#define HTTP_IN_CONTROL 4 // all controls but the tab

extern const uint8_t http_classes[256];

static inline bool http_is(char c, uint8_t class)
{
    return http_classes[(unsigned char)c] & class;
}

// Behind the bytes of `class` that stand at `p`.
static inline const char *http_skip(const char *p, const char *end, uint8_t class)
{
    while (p < end && http_is(*p, class))
        p++;
    return p;
}

// The first control but the tab, or `end`.
const char *http_text_end(const char *p, const char *end);

#endif
